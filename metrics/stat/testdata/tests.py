"""Writes tests.json: tests, corrections, power and Bjøntegaard deltas of the usual packages.

Needs numpy, scipy >= 1.17 and bjontegaard 1.3.0 (which brings matplotlib).
Run in this folder: python tests.py
"""

import json
import warnings

import numpy as np
from scipy import stats
import bjontegaard

warnings.simplefilter("ignore")
rng = np.random.default_rng(3)
out = {}

samples = {
    "darwin": [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75],
    "frequencies": np.repeat(np.arange(-4, 5), [1, 4, 16, 15, 8, 4, 5, 1, 2]).tolist(),
    "normal 12": rng.normal(0.5, 1, 12).tolist(),
    "normal 50": rng.normal(0.2, 1, 50).tolist(),
    "normal 300": rng.normal(0.1, 1, 300).tolist(),
    "ties 9": [1, 1, -1, 2, 2, -3, 3, 3, 4],
    "ties and zeros 12": [0, 0, 1, -1, 1, 2, 2, -2, 3, 3, 0, 5],
    "ties 80": rng.integers(-3, 5, 80).tolist(),
    "one": [2.5],
    "two": [-1.0, 2.0],
}
cases = []
for name, d in samples.items():
    d = np.array(d, float)
    case = {"name": name, "differences": d.tolist(), "normal": {}, "normal_corrected": {}, "statistic": {}, "exact": {}}
    for zeros in ("pratt", "zsplit", "wilcox"):
        for correction, key in ((False, "normal"), (True, "normal_corrected")):
            r = stats.wilcoxon(d, zero_method=zeros, correction=correction, method="asymptotic")
            case[key][zeros] = float(r.pvalue)
            case["statistic"][zeros] = float(r.statistic)
        if 1 < len(d) <= 15:  # every sign pattern, ties and zeros included
            r = stats.wilcoxon(d, zero_method=zeros, method=stats.PermutationMethod(n_resamples=np.inf))
            case["exact"][zeros] = float(r.pvalue)
        elif len(set(np.abs(d))) == len(d) and len(d) <= 50:
            case["exact"][zeros] = float(stats.wilcoxon(d, zero_method=zeros, method="exact").pvalue)
    if 1 < len(d) <= 15:
        r = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf)
        case["sign_flip"] = float(r.pvalue)
    nz = d[d != 0]
    ranks = stats.rankdata(np.abs(nz))
    case["rank_biserial"] = float((ranks * np.sign(nz)).sum() / ranks.sum())
    if len(d) > 1:
        case["dz"] = float(d.mean() / d.std(ddof=1))
    cases.append(case)
out["paired"] = cases

p = rng.random(40) ** 3
out["p"] = p.tolist()
out["bh"] = stats.false_discovery_control(p).tolist()

a, b = rng.integers(0, 20, 30).astype(float), rng.integers(4, 24, 41).astype(float)
u = stats.mannwhitneyu(b, a).statistic
out["cliff"] = {"a": a.tolist(), "b": b.tolist(), "delta": float(2 * u / (len(a) * len(b)) - 1)}

power = []
for clusters in (2, 3, 5, 10, 30, 240, 5000):
    for shift in (0.0, 0.5, 2.0, 2.8, 6.0):
        df = clusters - 1
        t = stats.t.ppf(0.975, df)
        power.append([clusters, shift, float(stats.nct.sf(t, df, shift) + stats.nct.cdf(-t, df, shift)) if shift else 0.05])
out["power"] = power

curves = {
    "jvet": ([[686.76, 40.28], [309.58, 37.18], [157.11, 34.24], [85.95, 31.42]],
             [[893.34, 40.39], [407.8, 37.21], [204.93, 34.17], [112.75, 31.24]]),
    "five points": ([[0.1, 25.0], [0.2, 28.1], [0.4, 30.2], [0.8, 33.9], [1.6, 35.0]],
                    [[0.08, 24.6], [0.17, 28.4], [0.33, 31.5], [0.7, 34.0], [1.3, 35.8]]),
    "little overlap": ([[0.1, 25.0], [0.2, 28.1], [0.4, 30.2], [0.8, 33.9]],
                       [[0.6, 30.0], [1.2, 35.1], [2.4, 38.0], [4.8, 41.5]]),
    "lower is better": ([[0.1, 0.5], [0.2, 0.35], [0.4, 0.21], [0.8, 0.15], [1.0, 0.149]],
                        [[0.12, 0.45], [0.22, 0.3], [0.41, 0.22], [0.9, 0.14]]),
    "not monotone": ([[0.1, 25.0], [0.2, 28.1], [0.4, 30.2], [0.8, 29.9], [0.9, 33.0]],
                     [[0.1, 25.4], [0.21, 28.0], [0.39, 30.9], [0.8, 33.5], [0.91, 33.4]]),
    "straight": ([[1, 1.0], [10, 2.0], [100, 3.0], [1000, 4.0]], [[2, 1.0], [20, 2.0], [200, 3.0], [2000, 4.0]]),
}
bd = []
for name, (x, y) in curves.items():
    case = {"name": name, "baseline": x, "candidate": y, "rate": {}, "quality": {}}
    for method in ("pchip", "akima", "cubic"):
        for key, f, column in (("rate", bjontegaard.bd_rate, 1), ("quality", bjontegaard.bd_psnr, 0)):
            ab = [np.array(sorted(c, key=lambda q: q[column])) for c in (x, y)]
            case[key][method] = float(f(ab[0][:, 0], ab[0][:, 1], ab[1][:, 0], ab[1][:, 1], method=method,
                                        require_matching_points=False))
    bd.append(case)
out["bd"] = bd

with open("tests.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
