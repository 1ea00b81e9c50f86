#!/usr/bin/env python3
"""Writes golden.json: flicker, t-psnr and warping errors by numpy and OpenCV.

    pip install numpy opencv-python-headless
    python3 metrics/temporal/testdata/golden.py > metrics/temporal/testdata/golden.json

Frames are made by a linear congruential generator that temporal_test.go has, too. Motion is
in steps of 1/32 pixel, the finest that cv2.remap interpolates at.
"""

import json

import cv2
import numpy as np

W, H = 23, 17


def frame(seed):
    s, out = seed, np.empty(3 * W * H, np.uint8)
    for i in range(out.size):
        s = (1103515245 * s + 12345) % 2**31
        out[i] = s >> 16 & 255
    return out.reshape(H, W, 3)


def motion(seed):
    """Up to 3 pixels each way; every eleventh pixel is not known."""
    s, out = seed, np.empty((H * W, 2), np.float32)
    for i in range(H * W):
        for k in range(2):
            s = (1103515245 * s + 12345) % 2**31
            out[i, k] = (s >> 16) % 193 / 32 - 3
        if i % 11 == 5:
            out[i] = np.nan
    return out.reshape(H, W, 2)


def warp(img, flow):
    x, y = np.meshgrid(np.arange(W, dtype=np.float32), np.arange(H, dtype=np.float32))
    mx, my = x + flow[..., 0], y + flow[..., 1]
    known = np.isfinite(mx) & np.isfinite(my)
    with np.errstate(invalid="ignore"):
        known &= (mx >= 0) & (my >= 0) & (mx <= W - 1) & (my <= H - 1)
    mx, my = np.where(known, mx, 0).astype(np.float32), np.where(known, my, 0).astype(np.float32)
    return cv2.remap(img.astype(np.float32), mx, my, cv2.INTER_LINEAR), known


cases = []
for seed in range(1, 6):
    r0, r1, g0, g1 = (frame(7 * seed + k).astype(np.float64) for k in range(4))
    d = (g1 - g0) - (r1 - r0)
    flow = motion(seed)
    wr, known = warp(r0, flow)
    wg, _ = warp(g0, flow)
    of_error = ((g1 - wg) - (r1 - wr))[known]
    of_frame = (g1 - wg)[known]
    cases.append({
        "seed": seed,
        "flicker": float(np.abs(d).mean()),
        "t-psnr": float(10 * np.log10(255**2 / (d**2).mean())),
        "warp-error": float(np.sqrt((of_error**2).mean())),
        "e-warp": float(1000 * ((of_frame / 255) ** 2).mean()),
    })
print(json.dumps({"opencv": cv2.__version__, "cases": cases}, indent=1))
