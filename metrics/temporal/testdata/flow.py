#!/usr/bin/env python3
"""Writes flow.json: Farnebäck's optical flow and the warping errors by it, by OpenCV and numpy.

    pip install numpy 'opencv-python-headless<5'
    python3 metrics/temporal/testdata/flow.py > metrics/temporal/testdata/flow.json

The frames are those of flow_test.go: waves that move, a square that moves otherwise in front
of them.
"""

import json

import cv2
import numpy as np

W, H = 96, 72


def frame(t):
    y, x = np.mgrid[0:H, 0:W].astype(np.float64)
    u, v = x - 2.5 * t, y + 1.25 * t
    a = 128 + 60 * np.sin(u / 5) * np.cos(v / 7) + 40 * np.sin((u + 2 * v) / 11)
    out = np.stack([a, 255 - a, a / 2 + 64], -1)
    s = 30 + 3 * t
    p = 128 + 90 * np.sin((x - s) / 3) * np.sin(y / 3)
    out[20:50, s:s + 30] = np.stack([p, p, p], -1)[20:50, s:s + 30]
    return np.floor(out + 0.5).clip(0, 255).astype(np.uint8)


def degraded(img, t):
    g = img.astype(np.int64)
    return ((g // 16) * 16 + 3 * t).clip(0, 255).astype(np.uint8)


def flow(a, b):
    ga, gb = (cv2.cvtColor(m, cv2.COLOR_RGB2GRAY) for m in (a, b))
    return cv2.calcOpticalFlowFarneback(ga, gb, None, 0.5, 5, 15, 3, 5, 1.1, 0).astype(np.float64)


def visible(back, forth):
    y, x = np.mgrid[0:H, 0:W]
    px, py = np.trunc(x + back[..., 0] + np.copysign(0.5, x + back[..., 0])), np.trunc(y + back[..., 1] + np.copysign(0.5, y + back[..., 1]))
    inside = (px >= 0) & (py >= 0) & (px < W) & (py < H)
    f = forth[py.clip(0, H - 1).astype(int), px.clip(0, W - 1).astype(int)]
    d = ((back + f) ** 2).sum(-1)
    return inside & (d <= 0.01 * ((back**2).sum(-1) + (f**2).sum(-1)) + 0.5)


def warp(img, back):
    y, x = np.mgrid[0:H, 0:W]
    fx, fy = x + back[..., 0], y + back[..., 1]
    inside = (fx >= 0) & (fy >= 0) & (fx <= W - 1) & (fy <= H - 1)
    x0, y0 = fx.clip(0, W - 2).astype(int), fy.clip(0, H - 2).astype(int)
    ax, ay = (fx - x0)[..., None], (fy - y0)[..., None]
    i = img.astype(np.float64)
    top = i[y0, x0] * (1 - ax) + i[y0, x0 + 1] * ax
    bottom = i[y0 + 1, x0] * (1 - ax) + i[y0 + 1, x0 + 1] * ax
    return top * (1 - ay) + bottom * ay, inside


r0, r1 = frame(0), frame(1)
g0, g1 = degraded(r0, 0), degraded(r1, 1)
back, forth = flow(r1, r0), flow(r0, r1)
seen = visible(back, forth)
wr, inside = warp(r0, back)
wg, _ = warp(g0, back)
seen &= inside
dg, dr = (g1 - wg)[seen], (r1 - wr)[seen]
print(json.dumps({
    "opencv": cv2.__version__,
    "visible": float(seen.mean()),
    "flow": [[int(x), int(y), *map(float, back[y, x])] for y in range(8, H, 16) for x in range(8, W, 16)],
    "warp-error-flow": float(np.sqrt(((dg - dr) ** 2).mean())),
    "e-warp-flow": float(1000 * ((dg / 255) ** 2).mean()),
}))
