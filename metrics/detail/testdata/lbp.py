#!/usr/bin/env python3
"""Writes lbp.json: counts of local binary patterns by scikit-image.

    python3 metrics/detail/testdata/lbp.py

Needs numpy and scikit-image (0.26 made the checked-in table). The images are drawn from
integers, as detail_test.go draws them.
"""

import json
import os

import numpy as np
from skimage.feature import local_binary_pattern

W, H = 61, 47
y, x = np.mgrid[:H, :W]
state, noise = 7, []
for _ in range(W * H):
    state = (state * 1664525 + 1013904223) % 2**32
    noise.append(state >> 24)
images = {"noise": np.array(noise).reshape(H, W), "ramp": (3 * x + 5 * y) % 256, "blocks": 40 + 150 * ((x // 5 + y // 7) % 2) + (7 * x + 13 * y) % 11}
counts = {n: np.bincount(local_binary_pattern(v.astype(np.uint8), 8, 1, "uniform").astype(int).ravel(), minlength=10).tolist() for n, v in images.items()}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "lbp.json"), "w") as f:
    json.dump({"W": W, "H": H, "Counts": counts}, f)
    f.write("\n")
