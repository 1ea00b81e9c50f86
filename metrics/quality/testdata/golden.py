#!/usr/bin/env python3
"""Computes golden.json: what other people's packages say about images of our own.

    python3 golden.py > golden.json

Needs numpy, scipy, scikit-image, torch, piq, psnr-hvsm and pyiqa (only its files
archs/nlpd_arch.py and archs/vif_arch.py are loaded), and for ssimulacra2 the program in ssimulacra2/
(cargo build --release), given by $SSIMULACRA2. The images are made by integer arithmetic, which
pairs_test.go repeats. Everything runs in float64, so that differences are those of
definitions and not of rounding.
"""
import contextlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import types
import warnings

import numpy as np
import torch
from scipy import ndimage
from skimage import color, metrics

import piq

from pyiqa_arch import load_arch

warnings.filterwarnings("ignore")


def noise(n, seed):
    out, state = np.empty(n, np.int64), seed
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        out[i] = state >> 24
    return out


def scene(w, h, seed):
    """Gradients, a chequerboard, a disc and grain."""
    y, x = np.mgrid[0:h, 0:w]
    grain = noise(w * h * 3, seed).reshape(h, w, 3)
    m = np.empty((h, w, 3), np.int64)
    m[..., 0] = x * 200 // max(w - 1, 1) + (grain[..., 0] >> 4)
    m[..., 1] = np.where((x // 7 + y // 5) % 2 == 1, 190, 40) + (grain[..., 1] >> 3)
    m[..., 2] = (x * y // 8) % 160 + (grain[..., 2] >> 2)
    disc = (2 * x - w) ** 2 + (2 * y - h) ** 2 < (min(w, h) // 2) ** 2
    m[disc] = 230 - m[disc] // 2
    return np.clip(m, 0, 255)


def blur(m):
    p = np.pad(m, ((1, 1), (1, 1), (0, 0)), mode="edge")
    h, w, _ = m.shape
    return sum(p[i:i + h, j:j + w] for i in range(3) for j in range(3)) // 9


def distort(m, kind):
    h, w, _ = m.shape
    name, _, arg = kind.partition(":")
    n = int(arg or 0)
    if name == "none":
        return m.copy()
    if name == "noise":
        return np.clip(m + noise(m.size, 77).reshape(m.shape) % (2 * n + 1) - n, 0, 255)
    if name == "blur":
        for _ in range(n):
            m = blur(m)
        return m
    if name == "shift":
        return np.roll(m, (n, n), (0, 1))
    if name == "contrast":
        return 128 + ((m - 128) * n >> 3)
    if name == "levels":
        return m // n * n + n // 2
    if name == "invert":
        return 255 - m
    if name == "constant":
        return np.full_like(m, n)
    if name == "faint":  # three neighbouring levels
        return n + m % 3
    if name == "dot":  # one value of one pixel, by one level
        out = m.copy()
        out[h // 2, w // 2, 1] ^= 1
        return out
    if name == "blocks":
        out = m.copy()
        for y in range(0, h, 8):
            for x in range(0, w, 8):
                b = m[y:y + 8, x:x + 8]
                out[y:y + 8, x:x + 8] = (b + 3 * (b.sum((0, 1)) // (b.shape[0] * b.shape[1]))) >> 2
        return out
    raise ValueError(kind)


CASES = [
    (33, 47, 1, ["noise:10", "blur:1", "shift:1", "contrast:6"]),
    (64, 64, 2, ["noise:40", "blur:3", "blocks", "invert"]),
    (97, 50, 3, ["levels:32", "noise:3"]),
    (176, 192, 4, ["noise:20", "blur:2", "blocks", "contrast:5"]),
    (203, 165, 5, ["noise:10", "blur:1", "shift:2"]),
    (400, 392, 6, ["noise:15", "blur:4"]),  # pooled by two where a metric does that
    (385, 403, 7, ["levels:24"]),           # likewise, with a partial last window
]

# Pairs at which formulas lose digits: nearly equal, nearly or quite flat, black and white.
EXTREMES = [
    (65, 41, 8, "none", "dot"),
    (170, 161, 8, "none", "dot"),
    (176, 192, 8, "constant:100", "constant:101"),
    (176, 192, 8, "constant:0", "constant:255"),
    (176, 192, 8, "constant:255", "constant:0"),
    (176, 192, 8, "faint:250", "noise:1"),
    (176, 192, 8, "faint:0", "noise:1"),
    (176, 192, 8, "constant:100", "noise:3"),
    (176, 192, 8, "none", "constant:120"),
]
# Of flat images these packages divide rounding errors by rounding errors; what we give is
# in docs/metrics.md.
NOT_OF_FLAT = ["fsim", "fsimc", "vif", "vifp", "iw-ssim"]


def tensor(a):
    return torch.tensor(np.ascontiguousarray(np.atleast_3d(a).transpose(2, 0, 1)), dtype=torch.float64)[None]


# The authors of HaarPSI and FSIM round the last digits of YIQ otherwise than piq.
YIQ = torch.tensor([[.299, .587, .114], [.596, -.274, -.322], [.211, -.523, .312]], dtype=torch.float64).t()


def rgb2yiq(x):
    return torch.matmul(x.permute(0, 2, 3, 1), YIQ).permute(0, 3, 1, 2)


sys.modules["piq.haarpsi"].rgb2yiq = rgb2yiq


class MatlabTorch:
    """torch with MATLAB's median of an even count, which piq.fsim wants."""

    def __getattr__(self, name):
        return getattr(torch, name)

    @staticmethod
    def median(x, dim, keepdim):
        return types.SimpleNamespace(values=torch.quantile(x, .5, dim=dim, keepdim=keepdim))


sys.modules["piq.fsim"].torch = MatlabTorch()


def fsim(chroma):
    """piq's phase congruency in what FeatureSIM.m does around it: it keeps the last,
    partial window when shrinking, and the real part of a power of a negative number."""
    m = sys.modules["piq.fsim"]

    def planes(a):
        yiq = a.astype(float) @ YIQ.numpy()
        f = factor(a)
        return [tensor(matlab_pool(yiq[..., c], f, "constant")) for c in range(3)]

    def similar(a, b, t):
        return (2 * a * b + t) / (a * a + b * b + t)

    def f(a, b):
        (y0, i0, q0), (y1, i1, q1) = planes(a), planes(b)
        # piq swaps the axes, which matters at the frequency that even sizes have on
        # one side only.
        bank = m._construct_filters(y0.mT)
        p0, p1 = m._phase_congruency(y0.mT, bank).mT, m._phase_congruency(y1.mT, bank).mT
        k = m.scharr_filter(dtype=torch.float64)
        k = torch.stack([k, k.transpose(-1, -2)])
        s = similar(p0, p1, .85) * similar(m.gradient_map(y0, k), m.gradient_map(y1, k), 160)
        if chroma:
            s = s * ((similar(i0, i1, 200) * similar(q0, q1, 200)).to(torch.complex128) ** .03).real
        weight = torch.maximum(p0, p1)
        return ((s * weight).sum() / weight.sum()).item()
    return f


def luma(m):
    return m @ np.array([299, 587, 114]) / 1000


def gaussian_ssim(a, b, axis=None):
    return metrics.structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                         data_range=255, channel_axis=axis)


def matlab_pool(m, f, mode):
    """filter with ones(f)/f^2 as MATLAB does, and 1:f:end."""
    if f == 1:
        return m
    # ndimage puts an even window one to the left of MATLAB's.
    origin = 0 if f % 2 else -1
    return ndimage.uniform_filter(m, f, mode=mode, origin=origin)[::f, ::f]


def factor(m):
    return max(1, int(min(m.shape[:2]) / 256 + .5))


def ssim_wang(a, b):
    f = factor(a)
    return gaussian_ssim(matlab_pool(luma(a), f, "reflect"), matlab_pool(luma(b), f, "reflect"))


def ms_ssim(a, b):
    """Wang's downsampling; piq is called where both agree (even sizes at all scales)."""
    a, b = np.atleast_3d(a), np.atleast_3d(b)
    if a.shape[0] % 16 == 0 and a.shape[1] % 16 == 0:
        return piq.multi_scale_ssim(tensor(a), tensor(b), data_range=255.).item()
    x, k = np.arange(-5, 6), None
    k = np.exp(-x * x / 4.5)
    k /= k.sum()

    def window(m):
        return ndimage.correlate1d(ndimage.correlate1d(m, k, 0), k, 1)[5:-5, 5:-5]

    values = []
    for c in range(a.shape[2]):
        p, q, v = a[..., c].astype(float), b[..., c].astype(float), 1.
        for i, weight in enumerate([.0448, .2856, .3001, .2363, .1333]):
            mp, mq = window(p), window(q)
            pp, qq, pq = window(p * p) - mp * mp, window(q * q) - mq * mq, window(p * q) - mp * mq
            m = (2 * pq + 58.5225) / (pp + qq + 58.5225)
            if i == 4:
                m = m * (2 * mp * mq + 6.5025) / (mp * mp + mq * mq + 6.5025)
            v *= max(m.mean(), 0) ** weight
            p, q = matlab_pool(p, 2, "reflect"), matlab_pool(q, 2, "reflect")
        values.append(v)
    return float(np.mean(values))


def gmsd(a, b):
    """piq divides by N, the authors by N-1."""
    n = math.ceil(a.shape[0] / 2) * math.ceil(a.shape[1] / 2)
    return piq.gmsd(tensor(a), tensor(b), data_range=255.).item() * math.sqrt(n / (n - 1))


def gray(m):
    """Luma rounded to 8 bits, halves upwards, as MATLAB's rgb2gray."""
    return ((m @ np.array([299, 587, 114]) + 500) // 1000).astype(float)


def vif():
    """pyiqa's wavelet VIF in float64; it casts its filters to float32."""
    net = load_arch("vif_arch").VIF()

    def f(a, b):
        cast, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double
        try:
            return net.vif(tensor(gray(b)), tensor(gray(a))).item()
        finally:
            torch.Tensor.float = cast
    return f


def nlpd():
    module = load_arch("nlpd_arch")
    torch.set_default_dtype(torch.float64)
    net = module.NLPD().double()
    # The constants pass through float32 there; ours are the published decimals.
    for p in net.parameters():
        p.data = torch.tensor(np.round(p.numpy(), 4))
    return lambda a, b: net.nlpd(tensor(luma(a) / 255), tensor(luma(b) / 255)).item()


def ssimulacra2(a, b):
    """The Rust port, float32 throughout."""
    with tempfile.TemporaryDirectory() as d:
        names = []
        for name, m in ("a", a), ("b", b):
            names.append(os.path.join(d, name + ".ppm"))
            with open(names[-1], "wb") as f:
                f.write(b"P6\n%d %d\n255\n" % (m.shape[1], m.shape[0]) + m.astype(np.uint8).tobytes())
        out = subprocess.run([os.environ["SSIMULACRA2"], *names], check=True, capture_output=True, text=True).stdout
        return float(out.split()[-1])


def ssimulacra2_float64(a, b):
    """The formulas in float64, with the recursive Gaussian as it is defined, by cosines;
    only the weights are read from ssimulacra2.go. Not somebody else's program, but it
    tells whose rounding it is that separates ours from the port."""
    source = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "ssimulacra2.go")).read()
    weights = [float(x) for x in re.findall(r"[-\d.e]+", source.split("s2Weights = [108]float64{")[1].split("}")[0])]
    sigma, n = 1.5, round(3.2795 * 1.5 + .2546)
    omega = np.array([1, 3, 5]) * math.pi / (2 * n)
    sign = np.array([1, -1, 1])
    p = sign / np.tan(omega / 2)
    r = sign * p ** 2 / np.sin(omega)
    rho = np.exp(-.5 * (sigma * omega) ** 2) / n
    d13, d35, d51 = p[0] * r[1] - r[0] * p[1], p[1] * r[2] - r[1] * p[2], p[2] * r[0] - r[2] * p[0]
    z = np.array([d35 / d13, d51 / d13, 1])
    beta = np.linalg.solve([p, r, z], [1, n * n - sigma ** 2, z @ rho])
    k = np.array([beta @ np.cos(omega * m) for m in range(-n, n + 1)])

    def window(m):
        return ndimage.correlate1d(ndimage.correlate1d(m, k, 0, mode="constant"), k, 1, mode="constant")

    def xyb(m):
        bias, c, d = 0.0037930732552754493, 0.24342268924547819, 0.20476744424496821
        mix = np.array([[.3, .622, .078], [.23, .692, .078], [c, d, 1 - c - d]])
        q = np.cbrt(m @ mix.T + bias) - np.cbrt(bias)
        y = (q[..., 0] + q[..., 1]) / 2
        return (q[..., 0] - q[..., 1]) * 7 + .42, y + .01, q[..., 2] - y + .55

    def halve(m):
        m = np.pad(m, ((0, m.shape[0] % 2), (0, m.shape[1] % 2), (0, 0)), mode="edge")
        return (m[::2, ::2] + m[1::2, ::2] + m[::2, 1::2] + m[1::2, 1::2]) / 4

    def norms(m):
        m = np.maximum(m, 0)
        return m.mean(), (m ** 4).mean() ** .25

    a, b = (np.where(m > .04045 * 255, ((m / 255 + .055) / 1.055) ** 2.4, m / 255 / 12.92) for m in (a, b))
    scales = []
    for scale in range(6):
        if min(a.shape[:2]) < 8:
            break
        if scale:
            a, b = halve(a), halve(b)
        rows = []
        for x, y in zip(xyb(a), xyb(b)):
            m1, m2 = window(x), window(y)
            s11, s22, s12 = window(x * x) - m1 * m1, window(y * y) - m2 * m2, window(x * y) - m1 * m2
            structure = 1 - (1 - (m1 - m2) ** 2) * (2 * s12 + .0009) / (s11 + s22 + .0009)
            edge = (1 + abs(y - m2)) / (1 + abs(x - m1)) - 1
            rows.append(np.array([norms(structure), norms(edge), norms(-edge)]).T)
        scales.append(rows)
    s = np.array([[scale[c] for scale in scales] for c in range(3)]).ravel()
    s = .9562382616834844 * (s @ weights[:s.size])
    s = 2.326765642916932 * s - .020884521182843837 * s ** 2 + 6.248496625763138e-5 * s ** 3
    return 100 - 10 * s ** .6276336467831387 if s > 0 else 100


def metric_table():
    with contextlib.redirect_stdout(sys.stderr):  # it prints on import
        from psnr_hvsm.numpy import hvs_hvsm_mse

    def hvs(i):
        def f(a, b):
            a, b = luma(a), luma(b)
            h, w = a.shape[0] // 8 * 8, a.shape[1] // 8 * 8
            return 10 * math.log10(255 ** 2 / hvs_hvsm_mse(a[:h, :w], b[:h, :w])[i])
        return f

    u8 = np.uint8
    p = dict(data_range=255.)
    return {
        "psnr": (1, lambda a, b: metrics.peak_signal_noise_ratio(a.astype(u8), b.astype(u8))),
        "mse": (1, lambda a, b: metrics.mean_squared_error(a, b)),
        "mae": (1, lambda a, b: np.abs(a - b).mean()),
        "psnr-y": (1, lambda a, b: metrics.peak_signal_noise_ratio(luma(a), luma(b), data_range=255)),
        "ssim": (11, lambda a, b: gaussian_ssim(a.astype(float), b.astype(float), 2)),
        "ssim-uniform": (7, lambda a, b: metrics.structural_similarity(a.astype(u8), b.astype(u8), channel_axis=2)),
        "ssim-wang": (11, ssim_wang),
        "ssim-y": (11, lambda a, b: gaussian_ssim(gray(a), gray(b))),
        "ms-ssim": (161, ms_ssim),
        "ms-ssim-y": (161, lambda a, b: ms_ssim(gray(a), gray(b))),
        "iw-ssim": (161, lambda a, b: piq.information_weighted_ssim(tensor(b), tensor(a), **p).item()),
        "gmsd": (4, gmsd),
        "fsim": (16, fsim(False)),
        "fsimc": (16, fsim(True)),
        "vifp": (41, lambda a, b: piq.vif_p(tensor(b), tensor(a), **p).item()),
        "vif": (65, vif()),
        "haarpsi": (16, lambda a, b: piq.haarpsi(tensor(a), tensor(b), **p).item()),
        "mdsi": (4, lambda a, b: piq.mdsi(tensor(b), tensor(a), **p).item()),
        "psnr-hvs": (8, hvs(0)),
        "psnr-hvs-m": (8, hvs(1)),
        "nlpd": (17, nlpd()),
        "ssimulacra2": (8, ssimulacra2),
        "ssimulacra2-float64": (8, ssimulacra2_float64),
        "ciede2000": (1, lambda a, b: color.deltaE_ciede2000(color.rgb2lab(a / 255), color.rgb2lab(b / 255)).mean()),
    }


def main():
    torch.set_num_threads(1)
    table, rows = metric_table(), []
    cases = [(w, h, seed, "", kind) for w, h, seed, kinds in CASES for kind in kinds]
    for w, h, seed, of, kind in cases + EXTREMES:
        ref = distort(scene(w, h, seed), of or "none")
        got = distort(ref, kind)
        flat = ref.max() == ref.min() or got.max() == got.min()
        values = {}
        for name, (side, f) in table.items():
            if min(w, h) >= side and not (flat and name in NOT_OF_FLAT):
                values[name] = float(f(ref, got))
        row = {"w": w, "h": h, "seed": seed, "distortion": kind,
               "check": int((got.reshape(-1) * (1 + np.arange(got.size) % 97)).sum()), "values": values}
        if of:
            row["of"] = of
        rows.append(row)
        print(w, h, of, kind, file=sys.stderr)
    json.dump({"rows": rows}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
