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
import struct
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


def bmp32(header: int, compression: int, masks: tuple[int, ...] = (), gap: int = 0) -> bytes:
    """32 bits a pixel, of which the fourth byte means something only where masks say so."""
    bgrx = np.dstack([source()[::-1, :, ::-1], np.asarray(alpha)[::-1, :, 3]])
    info = struct.pack("<IiiHHIIiiII", header, W, H, 1, 32, compression, bgrx.size, 2835, 2835, 0, 0)
    info = (info + struct.pack(f"<{len(masks)}I", *masks)).ljust(max(header, 40 + 4 * len(masks)), b"\0") + bytes(gap)
    return b"BM" + struct.pack("<IHHI", 14 + len(info) + bgrx.size, 0, 0, 14 + len(info)) + info + bgrx.tobytes()


MASKS = (0xFF0000, 0xFF00, 0xFF)
for header in (40, 108, 124):
    files[f"bmp 32 bits, header {header}"] = bmp32(header, 0)
    files[f"bmp 32 bits, header {header}, masks"] = bmp32(header, 3, MASKS if header == 40 else (*MASKS, 0))
files["bmp 32 bits alpha"] = bmp32(124, 3, (*MASKS, 0xFF000000))
files["bmp 32 bits, header 40, pixels behind a gap"] = bmp32(40, 0, gap=20)


def png16(samples: np.ndarray) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + r.astype(">u2").tobytes() for r in samples)
    head = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, {2: 4, 4: 6}[samples.shape[2]], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def png_with(kind: bytes, data: bytes) -> bytes:
    plain = files["png"]
    return plain[:33] + struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) + plain[33:]


exif = Image.Exif()
exif[274] = 6
tags = exif.tobytes()
files["png orientation 6, prefixed"] = png_with(b"eXIf", tags)
files["png orientation 6, raw profile"] = png_with(
    b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n" % len(tags) + tags.hex().encode() + b"\n"))


def riff(chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


unused = bytearray(saved(alpha, "WEBP", lossless=True, exact=True))
unused[24] &= ~0x10  # alpha_is_used, behind the sizes
files["webp lossless, fourth channel unused"] = bytes(unused)
files["webp, flag without its chunk"] = riff(
    b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + struct.pack("<I", W - 1)[:3] + struct.pack("<I", H - 1)[:3] + files["webp"][12:])


# Pillow cuts such files to 8 bits: what they show is composited and rounded once here.
samples = np.random.default_rng(8).integers(0, 65536, (H, W, 4))
by_hand = {}
for name, v in (("png RGB alpha 16 bit", samples), ("png grey alpha 16 bit", samples[..., 2:])):
    files[name] = png16(v)
    c = (2 * v[..., :-1] * v[..., -1:] * 255 + 65535**2) // (2 * 65535**2)
    by_hand[name] = Image.fromarray(np.broadcast_to(c, (H, W, 3)).astype(np.uint8))


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
    im = by_hand.get(name) or shown(data)
    rows.append({
        "name": name, "w": im.width, "h": im.height,
        "file": base64.b64encode(data).decode(),
        "rgb": base64.b64encode(zlib.compress(im.tobytes(), 9)).decode(),
    })
print(json.dumps({
    "source": f"Pillow {PIL.__version__} with libjpeg-turbo {features.version('libjpeg_turbo')}, libwebp {features.version('webp')}, libtiff {features.version('libtiff')}",
    "rows": rows,
}, indent=0))
