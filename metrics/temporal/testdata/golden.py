#!/usr/bin/env python3
"""Writes golden.json: flicker, t-psnr and warping errors by numpy and OpenCV, by optical flow
with scipy's interpolation, too.

    pip install numpy scipy 'opencv-python-headless<5'
    python3 metrics/temporal/testdata/golden.py > metrics/temporal/testdata/golden.json

Frames are made by a linear congruential generator that temporal_test.go has, too. Motion is
in steps of 1/32 pixel, the finest that cv2.remap interpolates at.
"""

import json

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

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


# By optical flow: a texture that pans, before it a square of another that goes the other way.
SIDE = 96


def texture(seed):
    """Noise on a grid of 8 pixels, interpolated in whole numbers."""
    s, n = seed, SIDE // 4 + 2
    grid = np.empty(3 * n * n, np.int64)
    for i in range(grid.size):
        s = (1103515245 * s + 12345) % 2**31
        grid[i] = s >> 16 & 255
    grid = grid.reshape(n, n, 3)
    y, x = np.mgrid[0:2 * SIDE, 0:2 * SIDE]
    i, j, a, b = y // 8, x // 8, (x % 8)[..., None], (y % 8)[..., None]
    top = grid[i, j] * (8 - a) + grid[i, j + 1] * a
    bottom = grid[i + 1, j] * (8 - a) + grid[i + 1, j + 1] * a
    return (top * (8 - b) + bottom * b) // 64


def scene(ground, square, t):
    out = ground[t:t + SIDE, 2 * t:2 * t + SIDE].copy()
    x = 30 + 2 * t
    out[40:72, x:x + 32] = square[40:72, 10:42]
    return out.astype(np.uint8)


def at(plane, mx, my):
    return map_coordinates(plane.astype(np.float64), [my, mx], order=1, mode="nearest")


def farneback(a, b):
    a, b = (cv2.cvtColor(v, cv2.COLOR_RGB2GRAY) for v in (a, b))
    return cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 5, 15, 3, 5, 1.1, 0).astype(np.float64)


def gradient(f):
    """Squared forward differences of both components, as fast_blind_video_consistency has."""
    g = np.zeros(f.shape[:2])
    g[:, :-1] += ((f[:, 1:] - f[:, :-1]) ** 2).sum(2)
    g[:-1] += ((f[1:] - f[:-1]) ** 2).sum(2)
    return g


flow_cases = []
for seed in range(1, 4):
    ground, square = texture(100 * seed), texture(100 * seed + 1)
    r0, r1 = scene(ground, square, 0), scene(ground, square, 1)
    g0, g1 = r0 // 2 + 40, r1 // 2 + texture(100 * seed + 2)[:SIDE, :SIDE].astype(np.uint8) // 4
    fw, bw = farneback(r1, r0), farneback(r0, r1)
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    mx, my = x + fw[..., 0], y + fw[..., 1]
    back = np.stack([at(bw[..., k], mx, my) for k in range(2)], 2)
    length = (fw**2).sum(2)
    seen = (mx >= 0) & (my >= 0) & (mx <= SIDE - 1) & (my <= SIDE - 1)
    seen &= ((fw + back) ** 2).sum(2) <= 0.01 * (length + (back**2).sum(2)) + 0.5
    seen &= gradient(fw) <= 0.01 * length + 0.002
    wr, wg = (np.stack([at(v[..., c], mx, my) for c in range(3)], 2) for v in (r0, g0))
    of_frame = (g1 - wg)[seen]
    of_error = ((g1 - wg) - (r1 - wr))[seen]
    flow_cases.append({
        "seed": seed,
        "seen": int(seen.sum()),
        "dx": float(fw[..., 0][seen].mean()),
        "warp-error-flow": float(np.sqrt((of_error**2).mean())),
        "e-warp-flow": float(1000 * ((of_frame / 255) ** 2).mean()),
    })
print(json.dumps({"opencv": cv2.__version__, "cases": cases, "flow": flow_cases}, indent=1))
