"""Writes goldens.json: FID and KID by torchmetrics and scipy, CMMD by its formula.

Needs numpy, scipy, torch and torchmetrics (written with numpy 1.26, scipy 1.17,
torch 1.13, torchmetrics 1.4.3). Run in this folder: python goldens.py
torchmetrics gets the stored vectors in place of Inception's features, in float64.
"""

import json

import numpy as np
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

rng = np.random.default_rng(21)


class Stored(torch.nn.Module):
    """Takes a batch of one-channel 'images' that are feature vectors already."""

    def __init__(self, dim):
        super().__init__()
        self.num_features = dim

    def forward(self, x):
        return x.reshape(x.shape[0], -1)


def features(n, dim, shift, scale, mix):
    return np.maximum(rng.normal(size=(n, dim)) @ mix * scale + shift, 0).astype(np.float32)


def scipy_fid(a, b):
    a, b = a.astype(float), b.astype(float)
    root = sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False))
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a, rowvar=False) + np.cov(b, rowvar=False) - 2 * root.real))


def svd_fid(a, b):  # no root of a product: the trace is a nuclear norm
    a, b = a.astype(float), b.astype(float)
    ca, cb = (a - a.mean(0)) / np.sqrt(len(a) - 1), (b - b.mean(0)) / np.sqrt(len(b) - 1)
    root = np.linalg.svd(cb @ ca.T, compute_uv=False).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + (ca ** 2).sum() + (cb ** 2).sum() - 2 * root)


def torch_fid(a, b, dim):
    m = FrechetInceptionDistance(feature=Stored(dim), normalize=True)
    m.set_dtype(torch.float64)
    m.update(torch.tensor(a).double(), real=True)
    m.update(torch.tensor(b).double(), real=False)
    return float(m.compute())


def torch_kid(a, b, dim):
    n = min(len(a), len(b))
    m = KernelInceptionDistance(feature=Stored(dim), normalize=True, subsets=1, subset_size=n)
    m.set_dtype(torch.float64)
    m.update(torch.tensor(a[:n]).double(), real=True)
    m.update(torch.tensor(b[:n]).double(), real=False)
    return float(m.compute()[0])


def cmmd(a, b):  # google-research/cmmd, distance.py: sigma 10, scale 1000, all pairs
    a, b = (x.astype(float) / np.linalg.norm(x.astype(float), axis=1, keepdims=True) for x in (a, b))

    def k(x, y):
        d = ((x[:, None] - y[None]) ** 2).sum(-1)
        return np.exp(-d / 200).mean()

    return float(1000 * (k(a, a) + k(b, b) - 2 * k(a, b)))


cases = []
for name, n, m, dim in (("more images than features", 60, 50, 8), ("as many", 12, 12, 12), ("fewer images than features", 9, 11, 24), ("two images", 2, 2, 5)):
    mix = np.linalg.qr(rng.normal(size=(dim, dim)))[0] * np.linspace(0.2, 2, dim)
    a, b = features(n, dim, 0.5, 1.0, mix), features(m, dim, 0.7, 0.8, mix)
    case = {"name": name, "ref": a.tolist(), "got": b.tolist(), "fid_svd": svd_fid(a, b),
            "kid": torch_kid(a, b, dim), "kid_n": min(n, m), "cmmd": cmmd(a, b)}
    case["fid_torchmetrics"] = torch_fid(a, b, dim)
    if min(n, m) > dim:  # the root does not exist for singular covariances, and scipy may return NaN
        case["fid_scipy"] = scipy_fid(a, b)
    cases.append(case)

with open("goldens.json", "w") as f:
    json.dump(cases, f, separators=(",", ":"))
    f.write("\n")
for c in cases:
    print({k: v for k, v in c.items() if k not in ("ref", "got")})
