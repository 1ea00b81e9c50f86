"""Writes oracle.json: what vector-quantize-pytorch does with small inputs.

Needs: numpy, torch, vector-quantize-pytorch (1.14.24 runs with torch >= 1.11).
Run in this folder:

    python oracle.py
"""

import json
from importlib.metadata import version

import numpy as np
import torch
from vector_quantize_pytorch import FSQ, ResidualVQ, VectorQuantize
from vector_quantize_pytorch.vector_quantize_pytorch import kmeans

rng = np.random.default_rng(7)
torch.manual_seed(7)


def numbers(*shape):
    """Normal, of unequal spread over the last axis, as latents are."""
    spread = 10 / (1 + np.arange(shape[-1]))
    return (rng.normal(size=shape) * spread).astype(np.float32)


def flat(a):
    # As short as tells the float32 apart.
    return [float(str(v)) for v in np.asarray(a, np.float32).reshape(-1)]


out = {"source": f"vector-quantize-pytorch {version('vector-quantize-pytorch')}"}

# vq: the nearest codeword of a given codebook.
dim, k, n = 6, 37, 100
book, x = numbers(k, dim), numbers(n, dim)
vq = VectorQuantize(dim=dim, codebook_size=k).eval()
with torch.no_grad():
    vq._codebook.embed.copy_(torch.from_numpy(book)[None])
    quantized, ids, _ = vq(torch.from_numpy(x)[None])
out["vq"] = {"dim": dim, "k": k, "codebook": flat(book), "x": flat(x), "ids": ids[0].tolist(), "quantized": flat(quantized[0])}

# k-means: its own Lloyd iterations from given means. Well separated enough that
# no cluster empties, since that is handled differently everywhere.
x, init = numbers(150, 4), numbers(5, 4)
with torch.no_grad():
    means, bins = kmeans(
        torch.from_numpy(x)[None],
        5,
        3,
        sample_fn=lambda samples, count: torch.from_numpy(init)[None],
    )
out["kmeans"] = {"dim": 4, "k": 5, "iterations": 3, "x": flat(x), "init": flat(init), "means": flat(means[0]), "counts": bins[0].tolist()}

# rvq: residual quantization with given codebooks.
dim, k, depth, n = 5, 16, 4, 60
books = np.stack([numbers(k, dim) / 2**d for d in range(depth)]).astype(np.float32)
x = numbers(n, dim)
rvq = ResidualVQ(dim=dim, num_quantizers=depth, codebook_size=k).eval()
with torch.no_grad():
    for layer, b in zip(rvq.layers, books):
        layer._codebook.embed.copy_(torch.from_numpy(b)[None])
    quantized, ids, _ = rvq(torch.from_numpy(x)[None])
out["rvq"] = {
    "dim": dim, "k": k, "depth": depth, "codebooks": flat(books), "x": flat(x),
    "ids": ids[0].T.reshape(-1).tolist(),  # book after book
    "quantized": flat(quantized[0]),
}

# fsq: levels of already scaled latents; the second set has even levels only.
out["fsq"] = []
for levels in ([8, 5, 5, 5], [4, 2, 6], [3, 3, 7, 11, 16]):
    x = rng.normal(size=(80, len(levels)), scale=1.5).astype(np.float32)
    fsq = FSQ(levels=levels).eval()
    with torch.no_grad():
        quantized, ids = fsq(torch.from_numpy(x)[None])
    out["fsq"].append({"levels": levels, "x": flat(x), "ids": ids[0].tolist(), "quantized": flat(quantized[0])})

with open("oracle.json", "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")
