#!/usr/bin/env python3
"""Times the decoder beside OpenCV's imread (libjpeg-turbo) on the same files.

    python3 internal/jpeg/testdata/speed.py DIR

Needs Pillow and opencv-python, and go. DIR has a few photographs; they are written anew
as JPEG of several layouts and sizes. Both programs read files and decode on one thread,
in turns; each number is the best of all turns, in megapixels a second of processor time,
so that what else the machine does hardly counts.
"""

import glob
import os
import subprocess
import sys
import tempfile
import time

import cv2
from PIL import Image

cv2.setNumThreads(1)
TURNS, REPEATS = 6, 15
photos = sorted(f for f in glob.glob(os.path.join(sys.argv[1], "**", "*"), recursive=True) if f.lower().endswith((".jpg", ".png")))[:4]


def imread(files):
    best = 1e9
    for _ in range(REPEATS):
        t = time.process_time()
        for f in files:
            cv2.imread(f)
        best = min(best, time.process_time() - t)
    return best


with tempfile.TemporaryDirectory() as tmp:
    kinds = {}
    for i, p in enumerate(photos):
        im = Image.open(p).convert("RGB")
        for kind, options, size in (
            ("4:2:0", {"subsampling": 2}, None), ("4:2:2", {"subsampling": 1}, None), ("4:4:4", {"subsampling": 0}, None),
            ("progressive", {"progressive": True}, None), ("256 px", {}, (256, 256)), ("8 MP", {}, (3840, 2160)),
        ):
            f = os.path.join(tmp, f"{len(kinds.setdefault(kind, [])):02d}-{kind.replace(':', '').replace(' ', '')}.jpg")
            (im.resize(size) if size else im).save(f, quality=85, **options)
            kinds[kind].append(f)
    program = os.path.join(tmp, "jpeg.test")
    subprocess.run(["go", "test", "-c", "-o", program, "./internal/jpeg"], check=True)
    print(f"OpenCV {cv2.__version__}, {[l.split(':')[1].strip() for l in cv2.getBuildInformation().splitlines() if ' JPEG:' in l][0]}, {time.strftime('%F')}")
    for kind, files in kinds.items():
        pixels = sum(w * h for w, h in (Image.open(f).size for f in files)) / 1e6
        ours = theirs = 1e9
        for _ in range(TURNS):
            out = subprocess.run([program, "-test.run", "TestTimeFiles", "-test.v"], env={**os.environ, "VTBENCH_JPEGS": "\n".join(files), "GOMAXPROCS": "1"},
                                 stdout=subprocess.PIPE, text=True, check=True).stdout
            ours = min(ours, *(float(l.split()[1]) for l in out.splitlines() if l.startswith("seconds")))
            theirs = min(theirs, imread(files))
        print(f"{kind:12s} vtbench {pixels / ours:6.1f}   imread {pixels / theirs:6.1f} MP/s   {theirs / ours:.2f} of its speed")
