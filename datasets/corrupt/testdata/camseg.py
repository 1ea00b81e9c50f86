"""Measures torchvision's adjustments for TestAgainstTorchvision.

    pip install torch torchvision numpy opencv-python-headless
    python camseg.py > camseg.json

CAM-Seg's degradations of colour are those of torchvision.transforms.functional in
range and name; its horizontal motion blur is a kernel of one row for OpenCV's
filter2D. For a small image of all kinds of colours: every byte of the output.
"""
import json

import cv2
import numpy as np
import torch
import torchvision
import torchvision.transforms.functional as F


def colours():
    """A cube of colours, 5 steps a side, then grays, 13 pixels a row."""
    steps = [0, 60, 128, 200, 255]
    px = [(r, g, b) for r in steps for g in steps for b in steps]
    px += [(v, v, v) for v in range(0, 256, 51)] + [(1, 2, 3), (254, 255, 253), (7, 0, 7)]
    px += [(255 - i, (i * 37) % 256, (i * 91) % 256) for i in range(13 * 11 - len(px))]
    return np.array(px, np.uint8).reshape(11, 13, 3)


img = colours()
tensor = torch.tensor(img.transpose(2, 0, 1).tolist(), dtype=torch.uint8)
rows = []


def add(name, amount, out):
    rows.append({"corruption": name, "amount": amount, "pixels": out.flatten().tolist()})


for name, f, amounts in (
    ("brightness_scale", F.adjust_brightness, (0.5, 0.75, 1.25, 1.5)),
    ("contrast_scale", F.adjust_contrast, (0.5, 0.75, 1.25, 1.5)),
    ("saturation_scale", F.adjust_saturation, (0.0, 0.5, 1.5, 2.0)),
    ("hue_shift", F.adjust_hue, (-0.2, -0.1, 0.1, 0.2, 0.5)),
):
    for a in amounts:
        add(name, a, f(tensor, a).permute(1, 2, 0))
for k in (2, 5, 10, 21):
    add("horizontal_motion", k, cv2.filter2D(img, -1, np.full((1, k), 1 / k, np.float64)))
text = json.dumps({"torch": torch.__version__, "torchvision": torchvision.__version__, "cv2": cv2.__version__,
                   "width": img.shape[1], "height": img.shape[0], "image": img.reshape(-1).tolist(), "rows": rows})
print(text.replace('{"corruption"', '\n{"corruption"'))
