"""Writes files of libjpeg-turbo and libwebp with the pixels these libraries decode.

Needs: numpy, Pillow (with libjpeg-turbo and libwebp). Run in this folder:

    python oracle.py

For each case NAME.jpg or NAME.webp is the file and NAME.EXT.png what Pillow
decodes from it; oracle.json names the versions.
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
    for ext, options in [
        ("jpg", {"quality": 40, "subsampling": 2}),
        ("webp", {"quality": 40, "method": 4}),
    ]:
        name = f"{w}x{h}.{ext}"
        img.save(name, **options)
        Image.open(name).convert("RGB").save(name + ".png")
        cases.append(name)

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
