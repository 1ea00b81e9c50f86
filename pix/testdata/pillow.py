#!/usr/bin/env python3
"""Makes pillow.json: small files of every layout and the pixels Pillow shows.

    python3 pix/testdata/pillow.py > pix/testdata/pillow.json

Needs Pillow and numpy, and cjpeg and jpegtran of libjpeg-turbo for the sampling
factors that Pillow does not write. Pixels are zlib-packed RGB, in base64. What is
transparent is composited on black here, as vtbench does; 16-bit channels are rounded
to nearest. An image with an EXIF orientation is turned by ImageOps.exif_transpose.
"""

import base64
import io
import json
import subprocess
import tempfile
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps, features

W, H = 37, 29
SCANS = "0;\n1;\n2;\n"


def source(w=W, h=H) -> np.ndarray:
    y, x = np.mgrid[0:h, 0:w]
    noise = np.random.default_rng(7).normal(0, 10, (h, w, 3))
    rgb = np.stack([127 + 120 * np.sin(x / 5.0) * np.cos(y / 6.0), 255.0 * ((x // 5 + y // 4) % 2), x * 255.0 / w], -1)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def saved(im, fmt, **kw) -> bytes:
    f = io.BytesIO()
    im.save(f, fmt, **kw)
    return f.getvalue()


def cjpeg(*args, w=W, h=H) -> bytes:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as scans:
        scans.write(SCANS)
        scans.flush()
        args = [scans.name if a == "SCANS" else a for a in args]
        return subprocess.run(["cjpeg", *args], input=saved(Image.fromarray(source(w, h)), "PPM"), stdout=subprocess.PIPE, check=True).stdout


rgb = Image.fromarray(source())
grey = rgb.convert("L")
alpha = rgb.copy()
alpha.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, W).astype(np.uint8), (H, 1))))
wide = (np.asarray(grey).astype(np.uint16) * 257 + 77).clip(0, 65535).astype(np.uint16)
files = {}

for name, sub in (("4:4:4", 0), ("4:2:2", 1), ("4:2:0", 2)):
    for progressive in (False, True):
        files[f"jpeg {name}{' progressive' if progressive else ''}"] = saved(rgb, "JPEG", quality=85, subsampling=sub, progressive=progressive)
for name, sample in (("4:4:0", "1x2"), ("4:1:1", "4x1"), ("4:1:0", "4x2"), ("4:4:1", "1x4"), ("3x1", "3x1")):
    files[f"jpeg {name}"] = cjpeg("-sample", sample)
    files[f"jpeg {name} progressive"] = cjpeg("-sample", sample, "-progressive")
files["jpeg a plane a scan"] = cjpeg("-scans", "SCANS")
files["jpeg with restarts"] = cjpeg("-restart", "1B")
files["jpeg RGB"] = cjpeg("-rgb")
files["jpeg quality 100"] = cjpeg("-quality", "100")
files["jpeg quality 3"] = cjpeg("-quality", "3")
for w, h in ((1, 1), (2, 2), (3, 5), (5, 3), (8, 16), (17, 9)):
    for name, sample in (("4:2:0", "2x2"), ("4:2:2", "2x1"), ("4:4:0", "1x2"), ("4:1:1", "4x1")):
        files[f"jpeg {name} {w}x{h}"] = cjpeg("-sample", sample, w=w, h=h)
files["jpeg grey"] = saved(grey, "JPEG")
cmyk = saved(rgb.convert("CMYK"), "JPEG", quality=90)
files["jpeg CMYK"] = cmyk
at = cmyk.index(b"Adobe") + 11
files["jpeg YCCK"] = cmyk[:at] + b"\x02" + cmyk[at + 1 :]
for o in range(1, 9):
    exif = Image.Exif()
    exif[274] = o
    files[f"jpeg orientation {o}"] = saved(rgb, "JPEG", quality=85, exif=exif)
exif = Image.Exif()
exif[274] = 6
files["png orientation 6"] = saved(rgb, "PNG", exif=exif)
files["webp orientation 6"] = saved(rgb, "WEBP", quality=80, exif=exif)
files["tiff orientation 6"] = saved(rgb, "TIFF", exif=exif)
files["png"] = saved(rgb, "PNG")
files["png grey"] = saved(grey, "PNG")
files["png palette"] = saved(rgb.quantize(40), "PNG")
files["png 1 bit"] = saved(grey.convert("1"), "PNG")
files["png alpha"] = saved(alpha, "PNG")
files["png grey 16 bit"] = saved(Image.fromarray(wide), "PNG")
files["gif"] = saved(rgb.quantize(40), "GIF")
files["gif animated"] = saved(rgb.quantize(40), "GIF", save_all=True, append_images=[rgb.rotate(180).quantize(40)])
files["bmp"] = saved(rgb, "BMP")
files["bmp palette"] = saved(rgb.quantize(40), "BMP")
files["tiff"] = saved(rgb, "TIFF")
files["tiff LZW"] = saved(rgb, "TIFF", compression="tiff_lzw")
files["tiff deflate"] = saved(rgb, "TIFF", compression="tiff_adobe_deflate")
files["tiff grey"] = saved(grey, "TIFF")
files["tiff two pages"] = saved(rgb, "TIFF", save_all=True, append_images=[grey.convert("RGB")])
files["webp"] = saved(rgb, "WEBP", quality=80)
files["webp lossless"] = saved(rgb, "WEBP", lossless=True)
files["webp alpha"] = saved(alpha, "WEBP", quality=80, alpha_quality=100, exact=True)
files["webp animated"] = saved(rgb, "WEBP", quality=80, save_all=True, append_images=[rgb.rotate(180)])
files["webp animated lossless"] = saved(rgb, "WEBP", lossless=True, save_all=True, append_images=[rgb.rotate(180)])
files["ppm"] = saved(rgb, "PPM")
files["pgm"] = saved(grey, "PPM")
files["pbm"] = saved(grey.convert("1"), "PPM")
files["pgm 16 bit"] = b"P5\n# a comment\n%d %d\n65535\n" % (W, H) + wide.astype(">u2").tobytes()
files["ppm plain"] = b"P3 %d %d 255\n" % (W, H) + " ".join(str(v) for v in source().ravel()).encode()
files["pbm plain"] = b"P1\n%d %d\n" % (W, H) + "".join(str(v) for v in (1 - np.asarray(grey.convert("1")).astype(int)).ravel()).encode()


def shown(data: bytes) -> Image.Image:
    im = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if im.mode.startswith("I"):
        v = (np.asarray(im).astype(np.uint32) * 255 + 32767) // 65535
        return Image.fromarray(np.repeat(v.astype(np.uint8)[..., None], 3, 2))
    if im.mode in ("RGBA", "LA", "PA"):
        a = np.asarray(im.convert("RGBA")).astype(np.uint32)
        return Image.fromarray(((a[..., :3] * a[..., 3:] + 127) // 255).astype(np.uint8))
    return im.convert("RGB")


rows = []
for name, data in files.items():
    im = shown(data)
    rows.append({
        "name": name, "w": im.width, "h": im.height,
        "file": base64.b64encode(data).decode(),
        "rgb": base64.b64encode(zlib.compress(im.tobytes(), 9)).decode(),
    })
print(json.dumps({
    "source": f"Pillow {PIL.__version__} with libjpeg-turbo {features.version('libjpeg_turbo')}, libwebp {features.version('webp')}, libtiff {features.version('libtiff')}",
    "rows": rows,
}, indent=0))
