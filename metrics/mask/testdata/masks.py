#!/usr/bin/env python3
"""Writes masks.json: overlaps, boundaries and lost objects of small label maps by others.

    python3 metrics/mask/testdata/masks.py

Needs numpy, scipy and scikit-learn (1.17 and 1.9 made the checked-in table). IoU and
accuracy are scikit-learn's jaccard_score and accuracy_score over the pixels of all maps
whose label is not void, as cityscapesScripts' evaluation adds them up; boundaries are found
with scipy's exact Euclidean distance transform, as Csurka, Larlus and Perronnin (BMVC 2013)
define the BF score; connected regions are scipy.ndimage.label's. The maps are drawn from
integers, as mask_test.go draws them.
"""

import json
import os

import numpy as np
from scipy import ndimage
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score

W, H, CLASSES, VOID, MAPS = 251, 187, 6, 255, 4
OBJECTS = [2, 4, 5]
LIMIT = W * H / 300


def maps(k):
    """Labels and what was decoded of them: blocks, some of which moved or changed."""
    state = 17 + k

    def draw(n):
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return (state >> 16) % n

    labels = np.zeros((H, W), np.uint8)
    for _ in range(60):
        x, y, w, h, c = draw(W), draw(H), 1 + draw(40), 1 + draw(30), draw(CLASSES + 1)
        labels[y : y + h, x : x + w] = VOID if c == CLASSES else c
    got = np.where(labels == VOID, 0, labels).astype(np.uint8)
    for _ in range(200):
        x, y, w, h, c = draw(W), draw(H), 1 + draw(16), 1 + draw(12), draw(CLASSES + 1)
        got[y : y + h, x : x + w] = VOID if c == CLASSES else c
    if k == 3:  # a class that is there in one map only, and nowhere right
        labels[labels == 1], got[got == 1] = 0, 0
    return labels, got


def boundary(index, labels, c):
    """Pixels of class c with a neighbour, of four, that is another class and not void."""
    own = (index == c) & (labels != VOID)
    other = np.pad((index != c) & (labels != VOID), 1)
    beside = other[:-2, 1:-1] | other[2:, 1:-1] | other[1:-1, :-2] | other[1:-1, 2:]
    return own, own & beside


def bf(labels, got):
    reach = 0.0075 * np.hypot(W, H)
    scores = []
    for c in range(CLASSES):
        (a, ea), (b, eb) = boundary(labels, labels, c), boundary(got, labels, c)
        if not a.any() and not b.any():
            continue
        if a.any() and b.any() and not ea.any() and not eb.any():
            scores.append(1.0)
            continue
        if not ea.any() or not eb.any():
            scores.append(0.0)
            continue
        precision = (ndimage.distance_transform_edt(~ea)[eb] <= reach).mean()
        recall = (ndimage.distance_transform_edt(~eb)[ea] <= reach).mean()
        scores.append(0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall))
    return float(np.mean(scores))


def small(labels, got):
    lost = total = 0
    for c in OBJECTS:
        regions, n = ndimage.label(labels == c)
        for r in range(1, n + 1):
            here = regions == r
            if here.sum() < LIMIT:
                total += 1
                lost += 2 * (got[here] == c).sum() < here.sum()
    return int(lost), int(total)


truth, decoded, out = [], [], {"W": W, "H": H, "Maps": []}
for k in range(MAPS):
    labels, got = maps(k)
    keep = labels != VOID
    truth.append(labels[keep])
    decoded.append(got[keep])
    lost, total = small(labels, got)
    out["Maps"].append({
        "Confusion": confusion_matrix(labels[keep], got[keep], labels=[*range(CLASSES), VOID]).tolist(),
        "Accuracy": accuracy_score(labels[keep], got[keep]),
        "Boundary": bf(labels, got),
        "Lost": lost,
        "Small": total,
    })
t, d = np.concatenate(truth), np.concatenate(decoded)
out["IoU"] = jaccard_score(t, d, labels=list(range(CLASSES)), average=None).tolist()
out["Accuracy"] = accuracy_score(t, d)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "masks.json"), "w") as f:
    json.dump(out, f)
    f.write("\n")
