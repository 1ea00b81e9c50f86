"""What package weights must give for small matrices, by other ways than its own:

    python3 oracle.py > oracle.json

- rtn: nearest of 2^b equally spaced values up to the row's largest weight.
- gptq: columns one after the other, the one of the largest input first. Before each, all
  columns that are left are solved for anew by least squares, given those that are coded:
  the direct solution, without the factor of the inverse that GPTQ carries along.
- lowrank: the product of a rank that leaves least of W − rtn on H, by the symmetric root
  of H instead of its Cholesky factor.
- scale: the scale of least error of each row's codes on H, by a scan.
"""

import json

import numpy as np

DAMP = .01


def half_scale(peak, exponent):
    return float(np.float16(peak * 2.0**-exponent)) * 2.0**exponent


def values(scale, bits):
    n = 2**bits
    return scale * (2 * np.arange(n) / (n - 1) - 1)


def nearest(grid, v):
    return grid[np.argmin(np.abs(grid - v))]


def error(w, q, h):
    return np.einsum("rj,jk,rk->r", w - q, h, w - q)


def case(rng, rows, cols, bits):
    w = rng.standard_normal((rows, cols)) * rng.uniform(.2, 2, (rows, 1)) * .1
    x = rng.standard_normal((4 * cols, cols)) @ rng.standard_normal((cols, cols)) + rng.standard_normal(cols)
    h = x.T @ x / len(x)
    exponent = np.frexp(np.abs(w).max())[1]
    grids = [values(half_scale(np.float64(np.float32(np.abs(r).max() * 2.0**-exponent)), 0) * 2.0**exponent, bits) for r in w]
    rtn = np.array([[nearest(g, v) for v in r] for g, r in zip(grids, w)])

    damped = h + DAMP * np.mean(np.diag(h)) * np.eye(cols)
    order = np.argsort(-np.diag(h), kind="stable")
    gptq = np.zeros_like(w)
    for r in range(rows):
        fixed = []
        for at, j in enumerate(order):
            left = order[at:]
            # Least squares of (w−ŵ) H (w−ŵ)ᵀ over ŵ of what is left, the rest coded.
            v = w[r, left].copy()
            if fixed:
                done = w[r, fixed] - gptq[r, fixed]
                v = v + np.linalg.solve(damped[np.ix_(left, left)], damped[np.ix_(left, fixed)] @ done)
            gptq[r, j] = nearest(grids[r], v[0])
            fixed.append(j)
    worse = error(w, gptq, h) > error(w, rtn, h)
    gptq[worse] = rtn[worse]

    val, vec = np.linalg.eigh(damped)
    root = vec @ np.diag(np.sqrt(val)) @ vec.T
    u, s, vt = np.linalg.svd((w - rtn) @ root, full_matrices=False)
    rank = 2
    lowrank = (u[:, :rank] * s[:rank]) @ vt[:rank] @ np.linalg.inv(root)

    scales = []
    for r in range(rows):
        code = rtn[r] / grids[r][-1]
        scan = grids[r][-1] * np.linspace(.5, 1.5, 200001)
        # (w − s·c) H (w − s·c)ᵀ is a parabola in s.
        a, b = code @ h @ code, w[r] @ h @ code
        scales.append(float(scan[np.argmin(a * scan**2 - 2 * b * scan)]))
    return {
        "rows": rows, "cols": cols, "bits": bits,
        "w": w.ravel().tolist(), "h": h.ravel().tolist(),
        "rtn": rtn.ravel().tolist(), "gptq": gptq.ravel().tolist(),
        "lowrank": lowrank.ravel().tolist(), "scales": scales,
        "errors": {"rtn": float(error(w, rtn, h).sum()), "gptq": float(error(w, gptq, h).sum())},
    }


def main():
    rng = np.random.default_rng(20160421)
    print(json.dumps([case(rng, *shape) for shape in [(3, 5, 2), (4, 8, 3), (6, 12, 4), (2, 16, 1)]]))


if __name__ == "__main__":
    main()
