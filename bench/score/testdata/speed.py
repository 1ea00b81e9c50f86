#!/usr/bin/env python3
"""Times `vtbench score` beside piq and torchmetrics on the same files, in one run.

    python3 bench/score/testdata/speed.py bin/vtbench REF DIST

Needs Pillow, numpy, torch, piq and torchmetrics. REF and DIST are folders of images of
the same names, of 161 pixels a side at least (MS-SSIM). PSNR, SSIM and MS-SSIM, decoding
included, on one core. Runs alternate; images a second are by processor time, so that
what else the machine does hardly counts, and each is the best of its rounds.
"""

import os
import resource
import subprocess
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
import numpy as np
import piq
import torch
from PIL import Image
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure as tm_ms_ssim,
    peak_signal_noise_ratio as tm_psnr,
    structural_similarity_index_measure as tm_ssim,
)

torch.set_num_threads(1)
program, ref, dist = sys.argv[1:4]
names = sorted(os.path.relpath(os.path.join(d, f), ref) for d, _, fs in os.walk(ref) for f in fs)
ROUNDS = 3
PEERS = names[:100]


def load(path):
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).astype(np.float32) / 255).permute(2, 0, 1)[None]


def pairs():
    for n in PEERS:
        yield load(os.path.join(ref, n)), load(os.path.join(dist, n))


def run_piq():
    for a, b in pairs():
        piq.psnr(b, a), piq.ssim(b, a, downsample=False), piq.multi_scale_ssim(b, a)


def run_torchmetrics():
    for a, b in pairs():
        tm_psnr(b, a, data_range=1.0), tm_ssim(b, a, data_range=1.0), tm_ms_ssim(b, a, data_range=1.0)


def run_vtbench():
    subprocess.run([program, "score", ref, dist, "-m", "psnr,ssim,ms-ssim", "-j", "1", "--format", "csv"],
                   stdout=subprocess.DEVNULL, check=True, env={**os.environ, "GOMAXPROCS": "1"})


def processor(f):
    before = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    f()
    after = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(a.ru_utime + a.ru_stime - b.ru_utime - b.ru_stime for a, b in zip(after, before))


rates = {}
with torch.no_grad():
    run_piq()  # warms up
    for _ in range(ROUNDS):
        for name, f, n in (("vtbench", run_vtbench, len(names)), ("piq", run_piq, len(PEERS)), ("torchmetrics", run_torchmetrics, len(PEERS))):
            rates[name] = max(rates.get(name, 0), n / processor(f))
print(f"{len(names)} pairs of {Image.open(os.path.join(ref, names[0])).size}, torch {torch.__version__}, {time.strftime('%F')}")
for name, r in rates.items():
    print(f"{name:14s} {r:8.1f} pairs a second a core" + ("" if name == "vtbench" else f"   vtbench is {rates['vtbench'] / r:.1f} times as fast"))
