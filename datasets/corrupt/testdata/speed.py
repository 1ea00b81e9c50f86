"""Times the PyPI package imagecorruptions and vtbench's datasets/corrupt, in turn.

    pip install imagecorruptions==1.1.2 "numpy<2" scipy scikit-image opencv-python-headless pillow "setuptools<81"
    python datasets/corrupt/testdata/speed.py [image] [--rounds 5] [--markdown]

One core each, the same pixels: an image of your own, brought to 768×512, or one
that is drawn. Each of 19 corruptions × severities 1, 3, 5 is called in rounds, a
round being some calls of theirs, then as many of ours, so that a busy machine
slows both; what is compared is the fastest call of each, after one to warm up.
Run from anywhere; needs the go command.
"""
import argparse
import math
import os
import subprocess
import time
import warnings

warnings.filterwarnings("ignore")
for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[v] = "1"

import cv2
import imagecorruptions
import imagecorruptions.corruptions as upstream
import numpy as np
import skimage.filters
from PIL import Image


def gaussian(image, sigma=1, multichannel=False, **kw):
    """scikit-image renamed an argument since the package was written."""
    return skimage.filters.gaussian(image, sigma, channel_axis=-1 if multichannel else None, **kw)


upstream.gaussian = gaussian


def drawing(w, h):
    """Smooth areas, edges and texture, in proportions like a photograph's."""
    rng = np.random.default_rng(1)
    img = np.zeros((h, w, 3), np.float32)
    for sigma, strength in ((60, 90), (20, 45), (6, 25), (1.5, 14)):
        n = cv2.GaussianBlur(rng.normal(size=(h, w, 3)).astype(np.float32), (0, 0), sigma)
        img += strength * n / n.std()
    for _ in range(60):
        c = tuple(int(v) for v in rng.integers(-90, 90, 3))
        x, y = int(rng.integers(0, w)), int(rng.integers(0, h))
        layer = np.zeros_like(img)
        cv2.rectangle(layer, (x, y), (x + int(rng.integers(8, 160)), y + int(rng.integers(8, 120))), c, -1)
        img += layer
    return np.clip(img + 128, 0, 255).astype(np.uint8)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("image", nargs="?")
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--markdown", action="store_true")
    args = args.parse_args()
    cv2.setNumThreads(1)
    w, h = 768, 512
    img = drawing(w, h)
    if args.image:
        img = np.array(Image.open(args.image).convert("RGB").resize((w, h), Image.LANCZOS))

    here = os.path.dirname(os.path.abspath(__file__))
    binary = os.path.join(here, "speed", "speed.bin")
    subprocess.run(["go", "build", "-o", binary, "./speed"], cwd=here, check=True)
    ours = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "GOMAXPROCS": "1"})
    ours.stdin.write(b"%d %d\n" % (w, h) + img.tobytes())

    def time_ours(name, severity, times):
        ours.stdin.write(f"{name} {severity} {times}\n".encode())
        ours.stdin.flush()
        return min(int(v) for v in ours.stdout.readline().split()) / 1e6

    def time_theirs(name, severity, times):
        best = math.inf
        for _ in range(times):
            start = time.perf_counter()
            imagecorruptions.corrupt(img, corruption_name=name, severity=severity)
            best = min(best, time.perf_counter() - start)
        return best * 1e3

    sep = " | " if args.markdown else "  "
    if args.markdown:
        print("| corruption | theirs, ms (1, 3, 5) | ours, ms | times faster |\n|---|---|---|---|")
    total, rest, ratios, slowest = [0, 0], [0, 0], [], (math.inf, "")
    for name in imagecorruptions.get_corruption_names("all"):
        row = []
        for severity in (1, 3, 5):
            glass = name == "glass_blur"
            time_ours(name, severity, 2)  # warm up: textures, tables, caches
            if not glass:
                time_theirs(name, severity, 1)
            a = b = math.inf
            for _ in range(1 if glass else args.rounds):
                a = min(a, time_theirs(name, severity, 1 if glass else 3))
                b = min(b, time_ours(name, severity, 6))
            row.append((a, b))
            ratios.append(a / b)
            slowest = min(slowest, (a / b, f"{name}/{severity}"))
            for t in [total] if glass else [total, rest]:
                t[0] += a
                t[1] += b
        line = sep.join((f"{name:18}", " ".join(f"{a:8.2f}" for a, _ in row), " ".join(f"{b:6.2f}" for _, b in row),
                         " ".join(f"{a / b:7.1f}" for a, b in row)))
        print(f"| {line} |" if args.markdown else line, flush=True)
    ours.stdin.close()
    ours.wait()
    os.remove(binary)
    print()
    print(f"all: {total[0]:.0f} ms, {total[1]:.0f} ms, {total[0] / total[1]:.1f} times faster")
    print(f"without glass_blur: {rest[0]:.0f} ms, {rest[1]:.0f} ms, {rest[0] / rest[1]:.1f} times faster")
    print(f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.1f}; slowest {slowest[1]}, {slowest[0]:.1f}")


main()
