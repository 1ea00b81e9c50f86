"""Measures OpenCV's part in imagecorruptions' water drops, for TestWaterAgainstOpenCV.

    pip install numpy opencv-python-headless
    python opencv.py > opencv.json

drops() draws what spatter_test.go repeats: blobs of 173 to 255 on 0.
"""
import json

import cv2
import numpy as np


def drops():
    w, h = 96, 64
    plane = np.zeros((h, w), np.uint8)
    state = 12345
    for _ in range(22):
        v = []
        for _ in range(5):
            state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
            v.append(state >> 16)
        x, y, a, b, level = v[0] % w, v[1] % h, 1 + v[2] % 9, 1 + v[3] % 7, 173 + v[4] % 83
        for py in range(h):
            for px in range(w):
                if ((px - x) * b) ** 2 + ((py - y) * a) ** 2 <= (a * b) ** 2:
                    plane[py, px] = level - ((px - x) ** 2 + (py - y) ** 2) % 20
    return plane


plane = drops()
edges = cv2.Canny(plane, 50, 150)
dist = cv2.distanceTransform(255 - edges, cv2.DIST_L2, 5)
_, dist = cv2.threshold(dist, 20, 20, cv2.THRESH_TRUNC)
dist = cv2.blur(dist, (3, 3)).astype(np.uint8)
equal = cv2.equalizeHist(dist)
relief = cv2.filter2D(equal, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
smooth = cv2.blur(relief, (3, 3))
print(json.dumps({"cv2": cv2.__version__, "width": plane.shape[1], "height": plane.shape[0],
                  **{k: "".join(f"{v:02x}" for v in m.reshape(-1).tolist())
                     for k, m in (("plane", plane), ("edges", edges), ("distance", dist), ("equal", equal),
                                  ("relief", relief), ("smooth", smooth))}}).replace('"plane"', '\n"plane"')
      .replace(', "', ',\n"'))
