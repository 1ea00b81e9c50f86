"""Writes prdc.json: by prdc (Naeem et al., clovaai), precision and recall with k = 3, density
and coverage with k = 5, its default.

Needs numpy and prdc (written with numpy 2.4, prdc 0.2). Run in this folder:
python prdc_goldens.py
"""

import contextlib
import io
import json

import numpy as np
from prdc import compute_prdc

rng = np.random.default_rng(33)
cases = []
for name, n, m, dim, shift in (
    ("alike", 60, 40, 8, 0.0),
    ("apart", 50, 70, 6, 1.5),
    ("far apart", 20, 30, 4, 9.0),
    ("more features than images", 12, 15, 40, 0.3),
    ("the fewest of prdc", 5, 5, 2, 0.2),
):
    ref = rng.normal(size=(n, dim)).astype(np.float32)
    got = (rng.normal(size=(m, dim)) * 0.8 + shift).astype(np.float32)
    with contextlib.redirect_stdout(io.StringIO()):
        r = compute_prdc(ref.astype(float), got.astype(float), nearest_k=3)
        five = compute_prdc(ref.astype(float), got.astype(float), nearest_k=5) if min(n, m) > 6 else None
    c = {"name": name, "ref": ref.tolist(), "got": got.tolist(), "precision": float(r["precision"]), "recall": float(r["recall"])}
    if five:
        c |= {"density": float(five["density"]), "coverage": float(five["coverage"])}
    cases.append(c)

with open("prdc.json", "w") as f:
    json.dump(cases, f)
