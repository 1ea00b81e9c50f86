"""Writes align.json: what scikit-image and OpenCV make of the same points and pixels.

    pip install scikit-image opencv-python-headless
    python align_golden.py > align.json
"""

import json
import sys

import cv2
import numpy as np
from skimage.transform import SimilarityTransform

W, H = 64, 48


def picture():
    y, x, c = np.meshgrid(np.arange(H), np.arange(W), np.arange(3), indexing="ij")
    return ((x * 3 + y * 5 + c * 40 + (x * y) // 7) % 256).astype(np.uint8)


def main():
    rng = np.random.default_rng(7)
    template = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
    fits, warps = [], []
    for i in range(8):
        angle, scale = rng.uniform(-0.7, 0.7), rng.uniform(0.2, 4)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        points = template @ turn.T + rng.uniform(-50, 50, 2) + rng.normal(0, 2 * scale, (5, 2))
        t = SimilarityTransform()
        t.estimate(points, template)
        m = t.params
        fits.append({"from": points.tolist(), "to": template.tolist(), "a": m[0, 0], "b": m[1, 0], "tx": m[0, 2], "ty": m[1, 2]})
    image = picture()
    # In units of pixel indices; none shrinks to less than half, where the two differ on purpose.
    for a, b, tx, ty in [(1, 0, 0, 0), (1, 0, 0.5, -3.25), (1.7, 0.4, -20, 5), (0.6, -0.3, 10, 12), (3, 1, -60, -90)]:
        chip = cv2.warpAffine(image, np.array([[a, -b, tx], [b, a, ty]], dtype=np.float64), (32, 32), flags=cv2.INTER_LINEAR)
        warps.append({"a": a, "b": b, "tx": tx, "ty": ty, "chip": chip.reshape(-1).tolist()})
    json.dump({"fits": fits, "warps": warps}, sys.stdout)


main()
