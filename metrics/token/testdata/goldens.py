"""Writes goldens.json: statistics of histograms by scipy, of latents by torch.

Needs numpy, scipy and torch (written with numpy 1.26, scipy 1.17, torch 1.13).
Run in this folder: python goldens.py
"""

import json

import numpy as np
import torch
from scipy.stats import entropy

rng = np.random.default_rng(11)
histograms = []
for name, counts in {
    "uniform": np.full(64, 5),
    "one code": np.eye(1, 16, 3, dtype=int)[0] * 9,
    "zipf": rng.permutation((1000 / np.arange(1, 301)).astype(int)),
    "half dead": np.where(rng.random(512) < 0.5, 0, rng.integers(1, 50, 512)),
    "poisson": rng.poisson(2, 1024),
}.items():
    p = counts / counts.sum()
    used = int((counts > 0).sum())
    h = float(entropy(p, base=2))
    # taming-transformers and VQ-VAE code: exp(-Σ p log(p + 1e-10))
    vqvae = float(torch.exp(-torch.sum(torch.tensor(p) * torch.log(torch.tensor(p) + 1e-10))))
    histograms.append({"name": name, "counts": counts.tolist(), "used": used, "entropy": h,
                       "entropy_mm": h + (used - 1) / (2 * counts.sum() * np.log(2)),
                       "perplexity": float(np.exp(entropy(p))), "vqvae_perplexity": vqvae,
                       "effective": float(1 / (p ** 2).sum())})

N, U = 50, 6
mean = (rng.normal(size=(N, U)) * np.array([1, 0.3, 0.1, 0.05, 1e-4, 0]) + np.array([0, 5, 100, 0, 0, 2])).astype(np.float32)
logvar = rng.normal(-1, 1, (N, U)).astype(np.float32)
q = torch.distributions.Normal(torch.tensor(mean).double(), torch.tensor(logvar).double().mul(0.5).exp())
kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(torch.zeros(U).double(), torch.ones(U).double()))

ids = rng.integers(0, 7, (40, 2, 3))
ids[:, 0, 1] = 4
ids[:, 1, 2] = rng.integers(0, 2, 40)
position = np.broadcast_to(np.arange(6).reshape(2, 3), ids.shape)
table = np.zeros((6, 7))
np.add.at(table, (position.ravel(), ids.ravel()), 1)
information = entropy(table.sum(0), base=2) + entropy(table.sum(1), base=2) - entropy(table.ravel(), base=2)

with open("goldens.json", "w") as f:
    json.dump({
        "histograms": histograms,
        "latents": {"mean": mean.tolist(), "log_variance": logvar.tolist(),
                    "variance": mean.astype(float).var(0, ddof=1).tolist(), "kl": kl.mean(0).tolist()},
        "positions": {"ids": ids.reshape(40, -1).tolist(), "size": 7, "shape": [2, 3],
                      "used": [len(np.unique(c)) for c in ids.reshape(40, -1).T],
                      "information": float(information)},
    }, f, separators=(",", ":"))
    f.write("\n")
