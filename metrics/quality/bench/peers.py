#!/usr/bin/env python3
"""Times scikit-image, piq and the Rust port of SSIMULACRA 2 against this package, on
the same size of image, on one core, in one go, and prints the ratios.

    metrics/quality/bench/peers.sh [METRIC ...]

Needs numpy, scikit-image, torch, piq and pyiqa; SSIMULACRA 2 only where $SSIMULACRA2 names
the program of ../testdata/ssimulacra2. All get 768x512 RGB. Ours and the peer take
turns, and of each the best of all rounds counts, so that other work on the machine
disturbs the ratio least. Every peer gets its images in the form it likes (uint8
arrays, float32 tensors), conversions not timed; ours starts from 8-bit pixels.
"""
import os

for v in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[v] = "1"

import re
import subprocess
import sys
import tempfile
import time

import numpy as np
import piq
import torch
from skimage import color, metrics

W, H, ROUNDS = 768, 512, int(os.environ.get("ROUNDS", 5))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "testdata"))
from pyiqa_arch import load_arch  # noqa: E402


def pair():
    """The images of bench_test.go."""
    n = W * H * 3
    state, grain = 1, np.empty(n, np.int64)
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        grain[i] = state
    i = np.arange(n)
    x, y = i // 3 % W, i // 3 // W
    v = (x * 255 // W + (y // 7 % 2) * 60 + (grain >> 28)) % 256
    got = np.clip(v + (grain >> 24 & 15) - 8, 0, 255)
    return v.reshape(H, W, 3).astype(np.uint8), got.reshape(H, W, 3).astype(np.uint8)


def seconds(f):
    f()
    best = float("inf")
    for _ in range(3):
        t = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - t)
    return best


def main():
    torch.set_num_threads(1)
    a, b = pair()
    x, y = (torch.tensor(m.transpose(2, 0, 1)[None].copy()).float() / 255 for m in (a, b))
    p = dict(data_range=1.)
    # Luma is made before the clock starts, in favour of the peer.
    c, d = (np.round(m @ np.array([.299, .587, .114])) for m in (a, b))
    u, v = (torch.tensor(m)[None, None].float() for m in (c, d))
    vif = load_arch("vif_arch").VIF()
    gaussian = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2)
    gray = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    peers = {
        "psnr": ("scikit-image", 10, lambda: metrics.peak_signal_noise_ratio(a, b)),
        "ssim": ("scikit-image", 10, lambda: metrics.structural_similarity(a, b, **gaussian)),
        "ssim-uniform": ("scikit-image", None, lambda: metrics.structural_similarity(a, b, channel_axis=2)),
        "ssim-y": ("scikit-image", None, lambda: metrics.structural_similarity(c, d, **gray)),
        "ms-ssim-y": ("piq", None, lambda: piq.multi_scale_ssim(u, v, data_range=255.)),
        "ms-ssim": ("piq", 5, lambda: piq.multi_scale_ssim(x, y, **p)),
        "iw-ssim": ("piq", None, lambda: piq.information_weighted_ssim(x, y, **p)),
        "gmsd": ("piq", 5, lambda: piq.gmsd(x, y, **p)),
        "fsimc": ("piq", None, lambda: piq.fsim(x, y, **p)),
        "vif": ("IQA-PyTorch", None, lambda: vif.vif(v, u)),
        "vifp": ("piq", 5, lambda: piq.vif_p(x, y, **p)),
        "haarpsi": ("piq", 5, lambda: piq.haarpsi(x, y, **p)),
        "mdsi": ("piq", None, lambda: piq.mdsi(x, y, **p)),
        "ciede2000": ("scikit-image", None,
                      lambda: color.deltaE_ciede2000(color.rgb2lab(a), color.rgb2lab(b)).mean()),
    }
    theirs, ours, tmp = {}, {}, tempfile.mkdtemp()
    test = os.path.join(tmp, "quality.test")
    subprocess.run(["go", "test", "-c", "-o", test, "."], cwd=os.path.dirname(HERE), check=True)
    asked = sys.argv[1:] or ["[^/]+"]
    peers = {k: v for k, v in peers.items() if re.fullmatch("|".join(asked), k)}
    rust = os.environ.get("SSIMULACRA2") if re.fullmatch("|".join(asked), "ssimulacra2") else None
    if rust:
        names = [os.path.join(tmp, n) for n in ("a.ppm", "b.ppm")]
        for name, m in zip(names, (a, b)):
            with open(name, "wb") as f:
                f.write(b"P6\n%d %d\n255\n" % (W, H) + m.tobytes())
    for n in range(ROUNDS):
        print(f"round {n + 1} of {ROUNDS}", file=sys.stderr)
        out = subprocess.run([test, "-test.run=^$", "-test.bench=^BenchmarkMetrics$/^(" + "|".join(asked) + ")$", "-test.benchtime=200ms", "-test.cpu=1"],
                             check=True, capture_output=True, text=True, cwd=os.path.dirname(HERE)).stdout
        for name, ns in re.findall(r"^BenchmarkMetrics/(\S+)\s+\d+\s+(\d+(?:\.\d+)?) ns/op", out, re.M):
            ours[name] = min(ours.get(name, float("inf")), float(ns) / 1e9)
        for name, (_, _, f) in peers.items():
            theirs[name] = min(theirs.get(name, float("inf")), seconds(f))
        if rust:
            err = subprocess.run([rust, *names], check=True, capture_output=True, text=True,
                                 env={**os.environ, "BENCH": "5"}).stderr
            value, unit = re.search(r"best ([\d.]+)(ms|s)", err).groups()
            theirs["ssimulacra2"] = min(theirs.get("ssimulacra2", float("inf")), float(value) / (1e3 if unit == "ms" else 1))
    peers["ssimulacra2"] = ("Rust port", .5, None)
    print("| metric | ours, ms | MB/s | peer | theirs, ms | ratio | target |\n|---|---:|---:|---|---:|---:|---:|")
    for name, t in ours.items():
        row = [name, f"{t * 1e3:.2f}", f"{2 * W * H * 3 / t / 1e6:.0f}"]
        if name in theirs:
            peer, target, _ = peers[name]
            row += [peer, f"{theirs[name] * 1e3:.1f}", f"{theirs[name] / t:.1f}×", f"{target}×" if target else "–"]
        else:
            row += ["–"] * 4
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
