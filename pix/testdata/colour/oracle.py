"""Writes JPEG and WebP files with the pixels that libjpeg-turbo and libwebp decode.

Needs: numpy, Pillow (with libjpeg-turbo and libwebp). Run in this folder:

    python oracle.py

NAME.png is what Pillow decodes from the file NAME; oracle.json lists the files and
names the versions.
"""

import json

import numpy as np
import PIL
from PIL import Image, features


def picture(w, h, seed):
    """Smooth colour, hard coloured edges and some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:h, 0:w].astype(float)
    img = np.stack(
        [
            128 + 120 * np.sin(x / 5 + y / 9),
            255 * ((x // 6 + y // 5) % 2),
            40 + 200 * (y / max(h - 1, 1)),
        ],
        axis=-1,
    )
    img[h // 4 : h // 2, w // 4 : w // 2] = (255, 0, 0)
    img[h // 2 : h // 2 + 2, :] = (255, 255, 255)
    img += rng.normal(0, 4, img.shape)
    return Image.fromarray(np.clip(np.rint(img), 0, 255).astype(np.uint8), "RGB")


cases = []
for i, (w, h) in enumerate([(37, 29), (64, 48), (16, 17), (1, 1), (2, 3), (5, 1)]):
    img = picture(w, h, i)
    for name, options in [
        ("420.jpg", {"quality": 40, "subsampling": 2}),
        ("422.jpg", {"quality": 40, "subsampling": 1}),
        ("444.jpg", {"quality": 40, "subsampling": 0}),
        ("lossy.webp", {"quality": 40, "method": 4}),
        ("lossless.webp", {"lossless": True}),
    ]:
        if i > 1 and name in ("444.jpg", "lossless.webp"):
            continue
        name = f"{w}x{h}-{name}"
        img.save(name, **options)
        Image.open(name).convert("RGB").save(name + ".png")
        cases.append(name)

# Transparency, composited on black.
img = picture(40, 24, 9)
y, x = np.mgrid[0:24, 0:40]
img.putalpha(Image.fromarray((x * 255 // 39).astype(np.uint8), "L"))
img.save("alpha.webp", quality=60, method=4)
rgba = np.asarray(Image.open("alpha.webp").convert("RGBA")).astype(int)
flat = (rgba[..., :3] * rgba[..., 3:] + 127) // 255
Image.fromarray(flat.astype(np.uint8), "RGB").save("alpha.webp.png")
cases.append("alpha.webp")

with open("oracle.json", "w") as f:
    json.dump(
        {
            "source": f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, libwebp {features.version('webp')}",
            "files": cases,
        },
        f,
        indent=1,
    )
    f.write("\n")
