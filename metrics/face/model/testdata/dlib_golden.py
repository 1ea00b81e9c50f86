"""Writes dlib.json: what dlib itself computes, for the tests of the converter.

    pip install dlib==20.0.1 "numpy<2"
    python dlib_golden.py dlib_face_recognition_resnet_model_v1.dat > dlib.json

Chips are drawn by a formula that the test repeats, so no image is needed; faces
they are not, but a network does not know that.
"""

import json
import sys

import dlib
import numpy as np


def chip(seed):
    y, x, c = np.meshgrid(np.arange(150), np.arange(150), np.arange(3), indexing="ij")
    v = x * (3 + seed) + y * (5 + 2 * seed) + c * 40 + (x * y) // (7 + seed)
    return (v % 256).astype(np.uint8)


# dlib's mean face, points 17 to 67 of the 68 (dlib/image_transforms/interpolation.h).
MEAN_X = [
    0.000213256, 0.0752622, 0.18113, 0.29077, 0.393397, 0.586856, 0.689483, 0.799124, 0.904991, 0.98004, 0.490127,
    0.490127, 0.490127, 0.490127, 0.36688, 0.426036, 0.490127, 0.554217, 0.613373, 0.121737, 0.187122, 0.265825,
    0.334606, 0.260918, 0.182743, 0.645647, 0.714428, 0.793132, 0.858516, 0.79751, 0.719335, 0.254149, 0.340985,
    0.428858, 0.490127, 0.551395, 0.639268, 0.726104, 0.642159, 0.556721, 0.490127, 0.423532, 0.338094, 0.290379,
    0.428096, 0.490127, 0.552157, 0.689874, 0.553364, 0.490127, 0.42689,
]
MEAN_Y = [
    0.106454, 0.038915, 0.0187482, 0.0344891, 0.0773906, 0.0773906, 0.0344891, 0.0187482, 0.038915, 0.106454, 0.203352,
    0.307009, 0.409805, 0.515625, 0.587326, 0.609345, 0.628106, 0.609345, 0.587326, 0.216423, 0.178758, 0.179852,
    0.231733, 0.245099, 0.244077, 0.231733, 0.179852, 0.178758, 0.216423, 0.244077, 0.245099, 0.780233, 0.745405,
    0.727388, 0.742578, 0.727388, 0.745405, 0.780233, 0.864805, 0.902192, 0.909281, 0.902192, 0.864805, 0.784792,
    0.778746, 0.785343, 0.778746, 0.784792, 0.824182, 0.831803, 0.824182,
]
SCALE, OFFSET = 3000, 1000


def rectangle():
    """Where dlib cuts the chip of its own mean face, drawn large."""
    whole = [dlib.point(0, 0)] * 17
    whole += [dlib.point(round(OFFSET + SCALE * x), round(OFFSET + SCALE * y)) for x, y in zip(MEAN_X, MEAN_Y)]
    shape = dlib.full_object_detection(dlib.rectangle(OFFSET, OFFSET, OFFSET + SCALE, OFFSET + SCALE), whole)
    d = dlib.get_face_chip_details(shape, size=150, padding=0.25)
    r = d.rect
    return {"scale": SCALE, "offset": OFFSET, "rect": [r.left(), r.top(), r.right(), r.bottom()], "angle": d.angle}


def main():
    net = dlib.face_recognition_model_v1(sys.argv[1])
    out = {"dlib": dlib.__version__, "embeddings": [], "chip": rectangle()}
    for seed in range(4):
        out["embeddings"].append([round(float(v), 7) for v in net.compute_face_descriptor(chip(seed))])
    json.dump(out, sys.stdout, indent=1)


main()
