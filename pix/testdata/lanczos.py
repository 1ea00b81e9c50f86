#!/usr/bin/env python3
"""Makes lanczos.json: digests of images resized by Pillow. Needs: Pillow, numpy.

    python3 pix/testdata/lanczos.py > pix/testdata/lanczos.json

The source image is made by integer arithmetic that resize_test.go repeats.
"""

import hashlib
import json

import numpy as np
import PIL
from PIL import Image


def source(w: int, h: int) -> np.ndarray:
    """Gradients, stripes and a linear congruential noise: h x w x 3, uint8."""
    out = np.zeros((h, w, 3), np.uint8)
    state = 12345
    for y in range(h):
        for x in range(w):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            out[y, x, 0] = (x * 255) // max(w - 1, 1)
            out[y, x, 1] = 255 if (x // 3 + y // 5) % 2 else 0
            out[y, x, 2] = (state >> 16) & 0xFF
    return out


CASES = [
    ((64, 48), (32, 24)), ((64, 48), (17, 48)), ((64, 48), (64, 11)), ((64, 48), (128, 96)),
    ((64, 48), (65, 49)), ((37, 53), (256, 256)), ((120, 90), (7, 5)), ((1, 1), (8, 8)),
    ((5, 1), (3, 9)), ((200, 100), (199, 100)), ((31, 33), (31, 33)), ((90, 160), (144, 256)),
]

if __name__ == "__main__":
    rows = []
    for (w, h), (ow, oh) in CASES:
        got = np.asarray(Image.fromarray(source(w, h)).resize((ow, oh), Image.Resampling.LANCZOS))
        rows.append({"w": w, "h": h, "out_w": ow, "out_h": oh, "sha256": hashlib.sha256(got.tobytes()).hexdigest()})
    print(json.dumps({"source": f"Pillow {PIL.__version__} Image.resize(LANCZOS)", "rows": rows}, indent=1))
