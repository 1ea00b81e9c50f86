"""Writes bootstrap.json: scipy.stats.bootstrap on small clustered data.

Needs numpy and scipy >= 1.17 (written with numpy 1.26.4, scipy 1.17.1).
Run in this folder: python bootstrap.py
The resamples scipy draws are reproduced (one default_rng, one integers() call)
and stored as counts, so that the Go side reads the same bootstrap distribution.
"""

import json

import numpy as np
import scipy
from scipy.stats import bootstrap

N, RESAMPLES, SEED = 15, 400, 20240607
data = np.random.default_rng(1)


def cluster_ratio(p, zeros=0):
    den = data.integers(1, 12, N)
    den[data.permutation(N)[:zeros]] = 0
    num = data.binomial(den, p)
    return num.astype(float), den.astype(float)


def value(i, ratio):
    num, den = ratio
    return num[i].sum(-1) / den[i].sum(-1)


acc = cluster_ratio(0.7)
cer_base = (data.poisson(4, N).astype(float), np.round(data.uniform(8, 40, N), 3))
cer_cand = (np.maximum(cer_base[0] - data.integers(0, 3, N), 0.0), cer_base[1])
small, large = cluster_ratio(0.3, zeros=3), cluster_ratio(0.9, zeros=2)
skewed = (np.exp(data.normal(0, 1.2, N)), np.ones(N))

cases = {
    "mean of a skewed value": ([skewed], lambda v: v[0]),
    "accuracy": ([acc], lambda v: v[0]),
    "character error rate": ([cer_base], lambda v: v[0]),
    "mean of two bins": ([small, large], lambda v: (v[0] + v[1]) / 2),
    "paired difference": ([cer_base, cer_cand], lambda v: v[1] - v[0]),
    "relative difference": ([cer_base, cer_cand], lambda v: (v[1] - v[0]) / abs(v[0])),
    "quotient of bins": ([small, large], lambda v: v[0] / v[1]),
}

idx = np.random.default_rng(SEED).integers(0, N, (RESAMPLES, N))
counts = np.stack([np.bincount(r, minlength=N) for r in idx])

out = []
for name, (ratios, of) in cases.items():
    def statistic(i, axis=-1):
        i = np.asarray(i, dtype=int)
        return of([value(i, r) for r in ratios])

    case = {"name": name,
            "ratios": [{"num": r[0].tolist(), "den": r[1].tolist()} for r in ratios],
            "estimate": float(statistic(np.arange(N)))}
    for method in ("percentile", "BCa"):
        for level in (0.9, 0.95):
            r = bootstrap((np.arange(N),), statistic, n_resamples=RESAMPLES, vectorized=True,
                          confidence_level=level, method=method, rng=np.random.default_rng(SEED))
            ours = statistic(idx)
            assert np.array_equal(ours, r.bootstrap_distribution), name
            # scipy compares replicates with the estimate bit by bit, the Go side up to
            # rounding; near ties would tell the two apart.
            gap = np.abs(ours - case["estimate"])
            assert not np.any((gap > 0) & (gap < 1e-9)), name
            case[f"{method.lower()}{level:g}"] = [float(r.confidence_interval.low), float(r.confidence_interval.high)]
            case["se"] = float(r.standard_error)
    out.append(case)

with open("bootstrap.json", "w") as f:
    json.dump({"source": f"scipy {scipy.__version__} stats.bootstrap", "clusters": N,
               "counts": counts.ravel().tolist(), "cases": out}, f, separators=(",", ":"))
    f.write("\n")
