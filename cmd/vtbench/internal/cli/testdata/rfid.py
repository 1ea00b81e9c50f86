#!/usr/bin/env python3
"""Makes rfid.json: a recipe for sets, step by step by other packages. Needs numpy, scipy,
Pillow, prdc (written with numpy 2.4, Pillow 13, prdc 0.2).

    python3 cmd/vtbench/internal/cli/testdata/rfid.py > cmd/vtbench/internal/cli/testdata/rfid.json

References are drawn by the integers that recipe_test.go repeats, cropped and resized by
Pillow; the set that is compared has its colours coarser. Both are resized again by Pillow to
what the extractor is given, whose features are the mean colour (metrics/network/testdata/
mean.onnx). FID is scipy's sqrtm of the covariances' product, KID and CMMD their formulas,
precision, recall, density and coverage prdc's.
"""

import contextlib
import io
import json

import numpy as np
from PIL import Image
from prdc import compute_prdc
from scipy.linalg import sqrtm

N, SIDE, INPUT = 24, 32, 16


def draw(i):
    w, h = 40 + i % 7, 36 + i % 5
    y, x = np.mgrid[0:h, 0:w]
    m = np.zeros((h, w, 3), np.uint8)
    for c in range(3):
        m[..., c] = (x * (3 + c + i % 4) + y * (5 + i % 3) + i * (11 + 20 * c)) % 256 * (9 + (i * (3 + 2 * c)) % 24) // 40
    return m


def center(m):
    h, w = m.shape[:2]
    s = min(w, h)
    x, y = (w - s) // 2, (h - s) // 2
    return m[y:y + s, x:x + s]


def shorter(m):
    h, w = m.shape[:2]
    s = min(w, h)
    ow, oh = max(SIDE * w // s, SIDE), max(SIDE * h // s, SIDE)
    m = np.asarray(Image.fromarray(m).resize((ow, oh), Image.Resampling.BICUBIC))
    x, y = int(round((ow - SIDE) / 2.0)), int(round((oh - SIDE) / 2.0))
    return m[y:y + SIDE, x:x + SIDE]


def prepare(m, crop):
    if crop == "shorter-side":
        return shorter(m)
    return np.asarray(Image.fromarray(center(m)).resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def features(m):
    m = np.asarray(Image.fromarray(m).resize((INPUT, INPUT), Image.Resampling.BILINEAR))
    return (m.astype(float) / 255 * 2 - 1).mean((0, 1))


def fid(a, b):
    root = sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).real
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a, rowvar=False) + np.cov(b, rowvar=False) - 2 * root)


def kid(a, b):
    k = lambda x, y: (x @ y.T / x.shape[1] + 1) ** 3
    n = len(a)
    off = lambda m: (m.sum() - np.trace(m)) / (n * (n - 1))
    return off(k(a, a)) + off(k(b, b)) - 2 * k(a, b).mean()


def cmmd(a, b):
    a, b = a / np.linalg.norm(a, axis=1, keepdims=True), b / np.linalg.norm(b, axis=1, keepdims=True)
    k = lambda x, y: np.exp(-((x[:, None] - y[None]) ** 2).sum(-1) / (2 * 10 ** 2)).mean()
    return 1000 * (k(a, a) + k(b, b) - 2 * k(a, b))


def prdc(a, b, k):
    with contextlib.redirect_stdout(io.StringIO()):
        return compute_prdc(a, b, nearest_k=k)


out = {}
for crop in ("center", "shorter-side"):
    ref = [prepare(draw(i), crop) for i in range(N)]
    got = [(m & 0xC0) | 32 for m in ref]
    a, b = np.array([features(m) for m in ref]), np.array([features(m) for m in got])
    three, five = prdc(a, b, 3), prdc(a, b, 5)
    out[crop] = {
        "fid": float(fid(a, b)), "kid": float(kid(a, b)), "cmmd": float(cmmd(a, b)),
        "precision": float(three["precision"]), "recall": float(three["recall"]),
        "density": float(five["density"]), "coverage": float(five["coverage"]),
    }
print(json.dumps(out, indent=1))
