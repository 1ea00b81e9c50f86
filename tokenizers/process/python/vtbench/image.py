"""PNG and PPM with numpy alone, for commands that work on image files."""

from __future__ import annotations

import struct
import zlib
from typing import List, Tuple

import numpy as np

PNG = b"\x89PNG\r\n\x1a\n"


def write(path: str, image: np.ndarray) -> None:
    """Writes uint8 [h, w, 3] by the path's ending: .ppm, else PNG."""
    with open(path, "wb") as f:
        f.write(ppm(image) if path.lower().endswith((".ppm", ".pnm")) else png(image))


def read(path: str) -> np.ndarray:
    """Reads PNG or binary PPM/PGM into uint8 [h, w, 3]; anything else needs Pillow."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:8] == PNG:
        return _from_png(data)
    if data[:2] in (b"P5", b"P6"):
        return _from_pnm(data)
    try:
        from PIL import Image
    except ImportError:
        raise ValueError(f"{path} is neither PNG nor PPM: have the command write one of these, or install Pillow") from None
    with Image.open(path) as im:
        return np.asarray(im.convert("RGB"))


def ppm(image: np.ndarray) -> bytes:
    h, w, _ = image.shape
    return b"P6\n%d %d\n255\n" % (w, h) + np.ascontiguousarray(image).tobytes()


def png(image: np.ndarray) -> bytes:
    h, w, _ = image.shape
    rows = np.zeros((h, 1 + 3 * w), np.uint8)  # filter type 0 in front of every row
    rows[:, 1:] = image.reshape(h, 3 * w)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + chunk(b"IEND", b"")


def _from_pnm(data: bytes) -> np.ndarray:
    fields: List[int] = []
    at = 2
    while len(fields) < 3:
        while at < len(data) and (data[at : at + 1].isspace() or data[at : at + 1] == b"#"):
            if data[at : at + 1] == b"#":
                end = data.find(b"\n", at)
                at = len(data) if end < 0 else end
            at += 1
        end = at
        while end < len(data) and data[end : end + 1].isdigit():
            end += 1
        if end == at:
            raise ValueError("a PPM header that cannot be read")
        fields.append(int(data[at:end]))
        at = end
    w, h, top = fields
    c = 3 if data[:2] == b"P6" else 1
    if top != 255 or w <= 0 or h <= 0 or len(data) < at + 1 + w * h * c:
        raise ValueError(f"a PPM of {w}x{h}, maximum {top}: want 8 bits and all of its pixels")
    a = np.frombuffer(data, np.uint8, w * h * c, at + 1).reshape(h, w, c)
    return a if c == 3 else a.repeat(3, 2)


def _header(data: bytes) -> Tuple[int, int, int, int, int]:
    w, h, depth, colour, _, _, lace = struct.unpack(">IIBBBBB", data[16:29])
    return w, h, depth, colour, lace


def _from_png(data: bytes) -> np.ndarray:
    if len(data) < 33:
        raise ValueError("a PNG that is cut short")
    w, h, depth, colour, lace = _header(data)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour)
    if depth != 8 or lace or channels is None:
        try:
            import io

            from PIL import Image
        except ImportError:
            raise ValueError(f"a PNG with {depth} bits a channel{', interlaced' if lace else ''}: write 8 bits, not interlaced, or install Pillow") from None
        with Image.open(io.BytesIO(data)) as im:
            return np.asarray(im.convert("RGB"))
    at, packed, palette = 8, b"", np.zeros((0, 3), np.uint8)
    while at + 8 <= len(data):
        n, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + n]
        if kind == b"IDAT":
            packed += body
        elif kind == b"PLTE":
            palette = np.frombuffer(body, np.uint8).reshape(-1, 3)
        at += 12 + n
    raw = zlib.decompress(packed)
    stride = w * channels
    if len(raw) < h * (stride + 1):
        raise ValueError("a PNG that is cut short")
    lines = np.frombuffer(raw, np.uint8, h * (stride + 1)).reshape(h, stride + 1)
    a = _unfilter(lines, channels).reshape(h, w, channels)
    if colour == 3:
        index = a[..., 0]
        if index.size and int(index.max()) >= len(palette):
            raise ValueError("a PNG whose pixels lie outside its palette")
        return palette[index]
    if colour in (0, 4):
        return np.ascontiguousarray(a[..., :1].repeat(3, 2))
    return np.ascontiguousarray(a[..., :3])


def _unfilter(lines: np.ndarray, bpp: int) -> np.ndarray:
    h, width = lines.shape[0], lines.shape[1] - 1
    out = np.zeros((h, width), np.uint8)
    above = np.zeros(width, np.uint8)
    for y in range(h):
        kind, row = int(lines[y, 0]), lines[y, 1:]
        if kind == 0:
            cur = row
        elif kind == 1:
            cur = np.cumsum(row.reshape(-1, bpp), axis=0, dtype=np.uint64).astype(np.uint8).reshape(-1)
        elif kind == 2:
            cur = row + above
        elif kind in (3, 4):
            cur = np.frombuffer(bytes(_sequential(kind, row.tobytes(), above.tobytes(), bpp)), np.uint8)
        else:
            raise ValueError(f"a PNG with a row filter of type {kind}")
        out[y] = cur
        above = out[y]
    return out


def _sequential(kind: int, row: bytes, above: bytes, bpp: int) -> bytearray:
    """The filters in which every byte depends on the one before it."""
    cur = bytearray(len(row))
    for i, v in enumerate(row):
        left = cur[i - bpp] if i >= bpp else 0
        up = above[i]
        if kind == 3:
            guess = (left + up) >> 1
        else:
            corner = above[i - bpp] if i >= bpp else 0
            p = left + up - corner
            a, b, c = abs(p - left), abs(p - up), abs(p - corner)
            guess = left if a <= b and a <= c else up if b <= c else corner
        cur[i] = (v + guess) & 255
    return cur
