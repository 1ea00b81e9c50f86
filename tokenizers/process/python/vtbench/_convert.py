"""Pixels in and out: the one place where floats become bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

# Beyond this many widths of the declared range a value is not overshoot but
# another range: 0..255 where -1..1 was declared.
FAR = 10.0


class Failed(Exception):
    """One image could not be done; return or raise it for that image."""


@dataclass
class Result:
    """What became of one image, for ``reconstruct`` methods that know more than
    the pixels; of ``reconstruct_clip``, what became of one window: ``image`` is then
    its frames [t, h, w, 3], ``codes`` one array [t', h', w'] a codebook, and bits,
    capacity and times are those of the window as a whole. Times are seconds, measured
    with the device synchronised; ``capacity`` is how many bits a continuous latent with
    noise can carry at most."""

    image: Any
    codes: Optional[Sequence[Any]] = None
    bits: int = 0
    file_bits: int = 0
    encode_s: float = 0.0
    decode_s: float = 0.0
    capacity: float = 0.0


def from_uint8(images: np.ndarray, value_range: Tuple[float, float]) -> np.ndarray:
    """uint8 to float32 in value_range: 0 is its low end, 255 its high end."""
    lo, hi = value_range
    return images.astype(np.float32) * np.float32((hi - lo) / 255.0) + np.float32(lo)


def as_array(x: Any) -> np.ndarray:
    """Anything that numpy takes, and tensors with a gradient, of a device, or in bfloat16."""
    if hasattr(x, "detach") and hasattr(x, "cpu"):
        x = x.detach().cpu()
        x = (x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy()
    return np.asarray(x)


def to_uint8(image: Any, value_range: Optional[Tuple[float, float]] = None) -> np.ndarray:
    """One image to uint8 [h, w, 3], by rounding to nearest and clamping.

    Floats need value_range; NaN and infinities, and values that belong to another
    range altogether, are refused with ``Failed``.
    """
    a = as_array(image)
    if a.ndim == 0:
        raise Failed(f"a {type(image).__name__} in place of an image: want an array (height, width, 3)")
    if a.ndim != 3 or a.shape[2] != 3:
        raise Failed(f"an image of shape {a.shape}: want (height, width, 3)")
    if a.dtype == np.uint8:
        return np.ascontiguousarray(a)
    if np.issubdtype(a.dtype, np.integer):
        if a.size and (a.min() < 0 or a.max() > 255):
            raise Failed(f"integer pixels from {a.min()} to {a.max()}: want 0 to 255")
        return np.ascontiguousarray(a.astype(np.uint8))
    if not np.issubdtype(a.dtype, np.floating):
        raise Failed(f"pixels of type {a.dtype}: want uint8, or floats with value_range declared")
    if value_range is None:
        raise Failed(
            f"float pixels ({a.dtype}) without a declared range: set value_range = (0.0, 1.0) or (-1.0, 1.0) "
            "on the object, or return uint8"
        )
    if not np.isfinite(a).all():
        bad = np.argwhere(~np.isfinite(a))
        y, x, c = bad[0]
        raise Failed(f"{len(bad)} values are NaN or infinite, the first {a[y, x, c]} at row {y}, column {x}, channel {c}")
    lo, hi = value_range
    low, high = float(a.min()), float(a.max())
    if low < lo - FAR * (hi - lo) or high > hi + FAR * (hi - lo):
        raise Failed(f"values from {low:g} to {high:g} where the declared range is {lo:g} to {hi:g}: declare the range it really has")
    scaled = (a.astype(np.float64) - lo) * (255.0 / (hi - lo))
    return np.ascontiguousarray(np.clip(np.floor(scaled + 0.5), 0, 255).astype(np.uint8))


def frames_to_uint8(frames: Any, value_range: Optional[Tuple[float, float]] = None) -> np.ndarray:
    """The frames of a window to uint8 [t, h, w, 3]; as ``to_uint8``, with the frame named."""
    out = []
    for i, f in enumerate(frames):
        try:
            out.append(to_uint8(f, value_range))
        except Failed as e:
            raise Failed(f"frame {i} of the window: {e}") from None
    if not out or any(f.shape != out[0].shape for f in out):
        raise Failed("a window without frames, or with frames of several sizes: want an array (frames, height, width, 3)")
    return np.stack(out)


def check_codes(books: Sequence[Any], sizes: Sequence[int]) -> List[np.ndarray]:
    """The ids of one image as int32 arrays, one a codebook, each id in range."""
    if len(books) != len(sizes):
        raise Failed(f"ids of {len(books)} codebooks where {len(sizes)} are declared ({list(sizes)})")
    out = []
    for i, (book, size) in enumerate(zip(books, sizes)):
        a = np.asarray(book)
        if not np.issubdtype(a.dtype, np.integer):
            raise Failed(f"codebook {i}: ids of type {a.dtype}: want integers")
        if a.ndim == 0 or a.size == 0:
            raise Failed(f"codebook {i}: ids of shape {a.shape}: want a grid, for example (height, width)")
        if a.min() < 0 or a.max() >= size:
            raise Failed(f"codebook {i}: ids from {a.min()} to {a.max()} where the declared size is {size}")
        out.append(np.ascontiguousarray(a.astype("<i4")))
    return out
