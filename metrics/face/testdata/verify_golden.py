"""Writes verify.json: LFW's protocol and TAR at FAR by numpy and scikit-learn.

    pip install numpy scikit-learn
    python verify_golden.py > verify.json
"""

import json
import sys

import numpy as np
from sklearn.metrics import roc_curve
from sklearn.model_selection import KFold


def lfw(squared, same, folds):
    """evaluate() of facenet and insightface, on given distances."""
    thresholds = np.arange(0, 4, 0.01)
    accuracies, chosen = [], []
    for train, test in KFold(n_splits=folds, shuffle=False).split(np.arange(len(squared))):
        acc = [np.mean((squared[train] < t) == same[train]) for t in thresholds]
        best = thresholds[int(np.argmax(acc))]
        chosen.append(best)
        accuracies.append(np.mean((squared[test] < best) == same[test]))
    return {"accuracy": float(np.mean(accuracies)), "std": float(np.std(accuracies)), "threshold": float(np.mean(chosen))}


def tar(distance, same, far):
    fpr, tpr, _ = roc_curve(same, -distance, drop_intermediate=False)
    return float(tpr[fpr <= far + 1e-12].max())


def main():
    out = []
    for seed, spread, n in [(1, 0.2, 600), (2, 0.45, 600), (3, 0.8, 1000)]:
        rng = np.random.default_rng(seed)
        same = np.tile(np.repeat([True, False], n // 20), 10)
        squared = np.clip(np.where(same, rng.normal(0.6, spread, n), rng.normal(1.6, spread, n)), 0, 4).round(4)
        out.append({
            "squared": squared.tolist(), "same": same.tolist(), "folds": 10, "lfw": lfw(squared, same, 10),
            "tar": {str(f): tar(squared, same, f) for f in (0.1, 0.01)},
        })
    json.dump(out, sys.stdout)


main()
