"""Crops of what the images program wrote."""

import hashlib
import json
import os

import numpy as np
import torch


class Pool:
    """Images by kind, mapped from one file of raw RGB."""

    def __init__(self, folder, part):
        stem = os.path.join(folder, part)
        with open(stem + ".json") as f:
            index = json.load(f)
        self.pixels = np.memmap(stem + ".rgb", dtype=np.uint8, mode="r")
        if hashlib.sha256(self.pixels).hexdigest() != index["sha256"]:
            raise ValueError(f"{stem}.rgb is not what {stem}.json describes: write both again")
        self.kinds, at = {}, 0
        for e in index["images"]:
            size = 3 * e["w"] * e["h"]
            image = self.pixels[at:at + size].reshape(e["h"], e["w"], 3)
            self.kinds.setdefault(e["kind"], []).append(image)
            at += size


def tensor(crops):
    """uint8 [n, h, w, 3] as float [n, 3, h, w] in [-1, 1]."""
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


class Crops:
    """Batches of square crops, every kind of image in turn, photographs mirrored half
    of the time."""

    def __init__(self, folder, side, number, seed):
        self.pool, self.side, self.number = Pool(folder, "train"), side, number
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def state(self):
        return self.rng.bit_generator.state

    def restore(self, state):
        self.rng.bit_generator.state = state

    def batch(self):
        kinds, out = sorted(self.pool.kinds), []
        for i in range(self.number):
            kind = kinds[i % len(kinds)]
            images = self.pool.kinds[kind]
            m = images[self.rng.integers(len(images))]
            y, x = self.rng.integers(m.shape[0] - self.side + 1), self.rng.integers(m.shape[1] - self.side + 1)
            crop = m[y:y + self.side, x:x + self.side]
            if kind == "photograph" and self.rng.integers(2):
                crop = crop[:, ::-1]
            out.append(np.ascontiguousarray(crop))
        return tensor(out)


def validation(folder, stride, side=192):
    """(kind, image) of the middles of the images to validate on."""
    out = []
    for kind, images in sorted(Pool(folder, "validate").kinds.items()):
        for m in images:
            h, w = min(side, m.shape[0]) // stride * stride, min(side, m.shape[1]) // stride * stride
            y, x = (m.shape[0] - h) // 2, (m.shape[1] - w) // 2
            out.append((kind, tensor([np.ascontiguousarray(m[y:y + h, x:x + w])])))
    return out
