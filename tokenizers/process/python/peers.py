"""Agreement and speed of `vtbench.score` beside scikit-image, piq and torchmetrics:
docs/python.md's table.

    VTBENCH_BIN=bin/vtbench python tokenizers/process/python/peers.py [ROUNDS]

Needs numpy, torch, scikit-image, piq and torchmetrics; a package that is not there is
left out. Everybody gets the same 16 pairs of 512x512 from memory, in the form it likes
(uint8 arrays, float32 tensors; conversions not timed, but for ours, which starts from
the same arrays and sends them to the program). One core. Times are of the processor, of
the program too, each the best of its rounds, which alternate; the difference is the
largest of all pairs.
"""

import os

for v in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOMAXPROCS"):
    os.environ[v] = "1"

import sys
import time
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import vtbench  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

N, SIDE = 16, 512
warnings.simplefilter("ignore")
torch.set_num_threads(1)


def images():
    """Smooth shapes with grain, and what blur and noise of several strengths make of them."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    ref, dist = [], []
    for i in range(N):
        waves = sum(np.sin(2 * np.pi * (f * x + g * y) + p)[..., None] * c for f, g, p, c in zip(rng.uniform(1, 40, 8), rng.uniform(1, 40, 8), rng.uniform(0, 6, 8), rng.uniform(-30, 30, (8, 3))))
        a = np.clip(128 + waves + rng.normal(0, 4, (SIDE, SIDE, 3)), 0, 255)
        b = a if i % 2 else (a + np.roll(a, 1, 0) + np.roll(a, 1, 1)) / 3
        ref.append(a.round().astype(np.uint8))
        dist.append(np.clip(b + rng.normal(0, 2 + i, a.shape), 0, 255).round().astype(np.uint8))
    return np.stack(ref), np.stack(dist)


def peers(a, b):
    """(metric, package) to a function that returns a number a pair."""
    x, y = (torch.from_numpy(m).permute(0, 3, 1, 2).float().div(255).contiguous() for m in (a, b))
    each = lambda f: lambda: [float(f(y[i : i + 1], x[i : i + 1])) for i in range(N)]  # noqa: E731
    out = {}
    try:
        from skimage import metrics as sk

        out["psnr", "scikit-image"] = lambda: [sk.peak_signal_noise_ratio(p, q) for p, q in zip(a, b)]
        gaussian = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2)
        out["ssim", "scikit-image"] = lambda: [sk.structural_similarity(p, q, **gaussian) for p, q in zip(a, b)]
    except ImportError as e:
        print(f"scikit-image is left out: {e}", file=sys.stderr)
    try:
        import piq

        out["psnr", "piq"] = each(piq.psnr)
        out["ssim", "piq"] = each(lambda p, q: piq.ssim(p, q, downsample=False))
        out["ms-ssim", "piq"] = each(piq.multi_scale_ssim)
        out["gmsd", "piq"] = each(piq.gmsd)
        out["haarpsi", "piq"] = each(piq.haarpsi)
    except ImportError as e:
        print(f"piq is left out: {e}", file=sys.stderr)
    try:
        from torchmetrics.functional import image as tm

        out["psnr", "torchmetrics"] = each(lambda p, q: tm.peak_signal_noise_ratio(p, q, data_range=1.0))
        out["ssim", "torchmetrics"] = each(lambda p, q: tm.structural_similarity_index_measure(p, q, data_range=1.0))
        out["ms-ssim", "torchmetrics"] = each(lambda p, q: tm.multiscale_structural_similarity_index_measure(p, q, data_range=1.0))
    except ImportError as e:
        print(f"torchmetrics is left out: {e}", file=sys.stderr)
    return out


def processor(pid):
    """Seconds of processor time of this process and of the program."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    a, b = images()
    with vtbench.Scorer(jobs=1) as scorer, torch.no_grad():
        scorer.score(a[:1], b[:1], "psnr")  # starts it
        pid = scorer._program.pid

        def seconds(f):
            # The clock of processes ticks a hundred times a second: repeat up to a quarter.
            began, n = processor(pid), 0
            while n == 0 or processor(pid) - began < 0.25:
                value = f()
                n += 1
            return (processor(pid) - began) / n / N, value

        others = peers(a, b)
        print(f"{N} pairs of {SIDE}x{SIDE}, torch {torch.__version__}, {time.strftime('%F')}\n")
        print("| metric | vtbench (ms a pair) | package | (ms a pair) | ratio | largest difference |\n|---|---|---|---|---|---|")
        for metric in dict.fromkeys(m for m, _ in others):
            mine = {p: f for (m, p), f in others.items() if m == metric}
            best, values = {}, {}
            for _ in range(rounds):
                for package, f in [("vtbench", lambda: scorer.score(a, b, metric)[metric]), *mine.items()]:
                    took, values[package] = seconds(f)
                    best[package] = min(best.get(package, took), took)
            for package in mine:
                worst = np.abs(np.asarray(values[package]) - values["vtbench"]).max()
                print(f"| {metric} | {1e3 * best['vtbench']:.2f} | {package} | {1e3 * best[package]:.2f} | {best[package] / best['vtbench']:.1f} | {worst:.1g} |", flush=True)


if __name__ == "__main__":
    main()
