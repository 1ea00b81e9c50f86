"""Writes rules.json: what vector-quantize-pytorch, and numpy from the formulas of
the papers, do with small inputs.

Needs: numpy, torch, vector-quantize-pytorch (1.14.24 runs with torch >= 1.11).
Run in this folder:

    python rules.py

The parts "grouped", "lfq", "cosine" and "ema" are the library's. The others are
written out here from the published formulas, so that they share no code with the
program they are held against.
"""

import json
from importlib.metadata import version

import numpy as np
import torch
from vector_quantize_pytorch import LFQ, GroupedResidualVQ, VectorQuantize

rng = np.random.default_rng(11)
torch.manual_seed(11)


def numbers(*shape, flat=False):
    spread = 1 if flat else 10 / (1 + np.arange(shape[-1]))
    return (rng.normal(size=shape) * spread).astype(np.float32)


def flat(a):
    return [float(str(v)) for v in np.asarray(a, np.float32).reshape(-1)]


out = {"source": f"vector-quantize-pytorch {version('vector-quantize-pytorch')}"}

# Grouped residual quantization: the library splits channels in blocks.
dim, k, depth, groups, n = 6, 16, 2, 2, 60
books = np.stack([[numbers(k, dim // groups) / 2**d for d in range(depth)] for _ in range(groups)])
x = numbers(n, dim)
q = GroupedResidualVQ(dim=dim, groups=groups, num_quantizers=depth, codebook_size=k).eval()
with torch.no_grad():
    for g in range(groups):
        for d in range(depth):
            q.rvqs[g].layers[d]._codebook.embed.copy_(torch.from_numpy(books[g][d])[None])
    quantized, ids, _ = q(torch.from_numpy(x)[None])
out["grouped"] = {
    "dim": dim, "k": k, "depth": depth, "groups": groups,
    "codebooks": flat(books),  # group, depth, word
    "x": flat(x), "quantized": flat(quantized[0]),
    "ids": np.asarray(ids[:, 0]).transpose(0, 2, 1).reshape(-1).tolist(),  # group, depth, position
}

# Look-up free quantization: signs; the library's first bit is the most significant.
dim, n = 5, 50
x = numbers(n, dim, flat=True)
q = LFQ(dim=dim, codebook_size=2**dim).eval()
with torch.no_grad():
    quantized, ids, _ = q(torch.from_numpy(x).T[None, :, :, None])
ids = np.asarray(ids).reshape(-1)
out["lfq"] = {"dim": dim, "x": flat(x), "signs": [int(i) for i in (np.asarray(quantized)[0, :, :, 0].T > 0).astype(int).reshape(-1)], "ids": ids.tolist()}

# Cosine similarity: which codeword is nearest in direction.
dim, k, n = 6, 20, 80
book = numbers(k, dim)
book /= np.linalg.norm(book, axis=1, keepdims=True)
x = numbers(n, dim)
q = VectorQuantize(dim=dim, codebook_size=k, use_cosine_sim=True).eval()
with torch.no_grad():
    q._codebook.embed.copy_(torch.from_numpy(book)[None])
    _, ids, _ = q(torch.from_numpy(x)[None])
out["cosine"] = {"dim": dim, "k": k, "codebook": flat(book), "x": flat(x), "ids": ids[0].tolist()}

# One step of exponential moving averages in training.
dim, k, n = 4, 12, 64
book, x = numbers(k, dim), numbers(n, dim)
size = (1 + rng.random(k)).astype(np.float32)
average = (book * size[:, None]).astype(np.float32)
q = VectorQuantize(dim=dim, codebook_size=k, decay=0.9, eps=1e-5).train()
with torch.no_grad():
    q._codebook.embed.copy_(torch.from_numpy(book)[None])
    q._codebook.embed_avg.copy_(torch.from_numpy(average)[None])
    q._codebook.cluster_size.copy_(torch.from_numpy(size)[None])
_, ids, _ = q(torch.from_numpy(x)[None])
out["ema"] = {
    "dim": dim, "k": k, "decay": 0.9, "eps": 1e-5, "codebook": flat(book), "counts": flat(size), "sums": flat(average),
    "x": flat(x), "ids": ids[0].tolist(), "after": flat(q._codebook.embed[0].detach()), "countsafter": flat(q._codebook.cluster_size[0]),
}

# SimVQ: the map of least squares, W = argmin |X − B_a W|² + 1e-3 |W|².
dim, k, rank, n = 3, 9, 4, 70
basis = (rng.normal(size=(k, rank)) / np.sqrt(rank)).astype(np.float16).astype(np.float32)
x = numbers(n, dim)
ids = rng.integers(0, k, n)
b = basis[ids].astype(np.float64)
w = np.linalg.solve(b.T @ b + 1e-3 * np.eye(rank), b.T @ x.astype(np.float64))
out["linear"] = {"dim": dim, "k": k, "rank": rank, "basis": flat(basis), "x": flat(x), "ids": ids.tolist(), "map": flat(w)}

# ECVQ: argmin |x − c|² + λ·bits.
dim, k, n, lam = 4, 10, 60, 7.5
book, x = numbers(k, dim), numbers(n, dim)
bits = (1 + 6 * rng.random(k)).astype(np.float32)
cost = ((x[:, None].astype(np.float64) - book[None]) ** 2).sum(-1) + lam * bits[None]
out["ecvq"] = {"dim": dim, "k": k, "lambda": lam, "codebook": flat(book), "bits": flat(bits), "x": flat(x), "ids": cost.argmin(1).tolist()}

# Scalar formats, each from its formula.
x = (rng.standard_t(4, size=200) * 3).astype(np.float32)
v = x.astype(np.float64)


def statsq(v, bits):  # OFQ: s = 2·mean|w|, n = 2^(b−1)
    s, n = 2 * np.abs(v).mean(), 2 ** (bits - 1)
    c = np.clip(v / s, -1, 1 - 1e-9)
    return (np.floor(c * n) + 0.5) * s / n


def gaussian(v, reach, levels):  # QuEST: mid-rise over ±g·rms
    rms = np.sqrt((v**2).mean())
    step = 2 * reach * rms / (levels - 1)
    grid = (np.arange(levels) - (levels - 1) / 2) * step
    return grid[np.abs(v[:, None] - grid[None]).argmin(1)]


def log(v, delta, bits, per):  # RepQ: q = round(−log(|x|/δ)/per), 0 beyond
    last = 2 ** (bits - 1) - 2
    with np.errstate(divide="ignore"):
        q = np.floor(-np.log2(np.abs(v) / delta) / per + 0.5)
    q = np.maximum(q, 0)
    return np.where(q > last, 0, np.sign(v) * delta * 2.0 ** (-per * q))


peak = float(np.abs(v).max())
out["scalar"] = {
    "x": flat(x),
    "statsq": {str(b): flat(statsq(v, b)) for b in (1, 2, 3, 4, 8)},
    "gaussian": {str(b): flat(gaussian(v, g, 2**b)) for b, g in ((1, 0.7979), (2, 1.4935), (3, 2.0511), (4, 2.5139))},
    "log2": {str(b): flat(log(v, peak, b, 1)) for b in (2, 3, 4)},
    "logsqrt2": {str(b): flat(log(v, peak, b, 0.5)) for b in (2, 3, 4)},
}

with open("rules.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
