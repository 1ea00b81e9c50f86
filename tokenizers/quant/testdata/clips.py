"""Writes clips.json: what numpy makes of small films, for the tokenizers of clips.

Needs: numpy (1.24 and later). Run in this folder:

    python clips.py
"""

import json

import numpy as np

rng = np.random.default_rng(22)


def flat(a):
    return [float(str(v)) for v in np.asarray(a, np.float32).reshape(-1)]


out = {"source": f"numpy {np.__version__}"}

# klt: eigenvalues of the covariance of 2×2×2 blocks of a moving wave, and the squared error
# of keeping the leading directions.
patch, frames, count = 2, 2, 80
blocks = np.zeros((count, frames, patch, patch, 3))
for i in range(count):
    phase, fx, fy, speed = rng.uniform(0, 6), *rng.uniform(-0.8, 0.8, 2), rng.uniform(-1, 1)
    tint, noise = rng.uniform(0.2, 1, 3), rng.normal(size=blocks[i].shape)
    t, y, x = np.mgrid[:frames, :patch, :patch]
    wave = np.sin(phase + fx * (x - speed * t) + fy * y)
    blocks[i] = 128 + 90 * wave[..., None] * tint + 6 * noise
blocks = np.clip(np.round(blocks), 0, 255).astype(np.uint8)
x = blocks.reshape(count, -1).astype(float)
centred = x - x.mean(0)
values, vectors = np.linalg.eigh(centred.T @ centred)
values, vectors = values[::-1], vectors[:, ::-1]
klt = {"patch": patch, "frames": frames, "blocks": blocks.reshape(count, -1).tolist(), "explained": [], "error": []}
for dim in (1, 3, 6, 24):
    kept = vectors[:, :dim]
    klt["explained"].append([dim, float(values[:dim].sum() / values.sum())])
    klt["error"].append([dim, float(((centred - centred @ kept @ kept.T) ** 2).mean())])
out["klt"] = klt

# residual: gates and ids of predictive coding by copying, closed loop.
gw, gh, dim, length = 4, 3, 3, 5
step, tau = 8.0, 150.0  # tau of a whole patch
z = np.zeros((length, gh * gw, dim), np.float32)
z[0] = rng.normal(size=(gh * gw, dim)) * [80, 30, 10]
for f in range(1, length):
    moves = rng.uniform(size=(gh * gw, 1)) < 0.5
    z[f] = z[f - 1] + np.where(moves, rng.normal(size=(gh * gw, dim)) * [20, 10, 5], rng.normal(size=(gh * gw, dim)))
state = np.zeros((gh * gw, dim))
gates, ids = [], []
for f in range(length):
    r = z[f].astype(float) - state
    q = np.sign(r) * np.floor(np.abs(r) / step + 0.4)
    gate = (q != 0).any(1)
    if f > 0:
        gate &= (r**2).sum(1) > tau
    q[~gate] = 0
    state = state + q * step
    gates.append(gate.astype(int).tolist())
    ids.append(q.astype(int).tolist())
out["residual"] = {"gw": gw, "gh": gh, "dim": dim, "step": step, "tau": tau, "latents": [flat(f) for f in z], "gates": gates, "ids": ids, "state": flat(state)}

# dynamics: the ridge regression of the change of a frame on 3×3 patches of the one before,
# what it predicts next, and the spectral radius of copying plus that map.
gw, gh, dim, state = 9, 8, 3, 2


def look(f, one):
    rows = []
    for y in range(gh):
        for x in range(gw):
            row = []
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    row += list(f[min(max(y + dy, 0), gh - 1), min(max(x + dx, 0), gw - 1), :state])
            rows.append(row + [one])
    return np.array(rows, float)


def spectral(b):
    whole = np.zeros((gh * gw * state, gh * gw * state))
    for k in range(gh * gw * state):
        unit = np.zeros(gh * gw * state)
        unit[k] = 1
        f = unit.reshape(gh, gw, state)
        whole[:, k] = unit + (look(f, 0) @ b[:, :state]).reshape(-1)
    return float(np.abs(np.linalg.eigvals(whole)).max())


out["dynamics"] = []
for factor, noise in ((0.97, 6), (1.3, 2), (0.5, 30)):  # a pan by a patch, fading or swelling
    films = [rng.normal(size=(gh, gw, dim)) * [90, 40, 15]]
    films.append(np.roll(films[0], 1, axis=1) * factor + rng.normal(size=films[0].shape) * noise)
    films = [f.astype(np.float32) for f in films]
    seen = look(films[0], 16)
    gram = seen.T @ seen
    ridge = 1e-3 * np.trace(gram) / len(gram)
    b = np.linalg.solve(gram + ridge * np.eye(len(gram)), seen.T @ (films[1].astype(float) - films[0]).reshape(-1, dim))
    radius, halvings = spectral(b), 0
    while spectral(b) > 1.01 and halvings < 3:
        b, halvings = b / 2, halvings + 1
    if spectral(b) > 1.01:
        b = 0 * b
    out["dynamics"].append({
        "gw": gw, "gh": gh, "dim": dim, "state": state, "frames": [flat(f) for f in films], "radius": radius,
        "kept": spectral(b), "next": flat(films[1].reshape(-1, dim) + look(films[1], 16) @ b),
    })

# fourier: the real transform is numpy's complex one, scaled to be orthonormal.
out["fourier"] = []
for n in (2, 3, 4, 8):
    x = rng.normal(size=n)
    c = np.fft.rfft(x, norm="ortho")
    row = [c[0].real]
    for k in range(1, len(c)):
        if 2 * k == n:
            row.append(c[k].real)
        else:
            row += [2**0.5 * c[k].real, -(2**0.5) * c[k].imag]
    out["fourier"].append({"x": flat(x), "out": flat(row)})

# levels: the least squared error of evenly spaced levels, by trying a fine grid of both ends.
out["levels"] = []
for n in (2, 3, 4):
    for x in (rng.normal(size=300) * 7 + 3, rng.laplace(size=300), rng.uniform(-1, 5, size=300)):
        x = x.astype(np.float32)
        best = np.inf
        for lo in np.linspace(x.min(), np.median(x), 160):
            for hi in np.linspace(np.median(x), x.max(), 160):
                step = (hi - lo) / (n - 1)
                ids = np.clip(np.round((x - lo) / max(step, 1e-9)), 0, n - 1)
                best = min(best, float(((x - lo - step * ids) ** 2).mean()))
        out["levels"].append({"levels": n, "x": flat(x), "error": best})

with open("clips.json", "w") as f:
    json.dump(out, f)
    f.write("\n")
