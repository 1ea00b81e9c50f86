"""A tokenizer in plain numpy: the mean colour of every 8x8 block, with each channel
in 6 levels, is its token: 216 codes.

    vtbench conform 'process:python examples/tokenizers/numpy_blocks.py'
    vtbench run --suite text -t 'process:python examples/tokenizers/numpy_blocks.py'

Options: --block N (pixels of a block's side), --levels N (of a channel).
"""

import vtbench  # first: from here on nothing that prints reaches the protocol

import argparse

import numpy as np


class Blocks:
    name = "numpy-blocks"
    version = "1"
    deterministic = True

    def __init__(self, block: int, levels: int) -> None:
        self.block, self.levels = block, levels
        self.multiple_of = self.stride = block
        self.channels = 3
        self.batch_size = 8
        self.codebooks = [levels**3]
        self.params = {"block": block, "levels": levels}
        # The colour of code r*L*L + g*L + b.
        steps = np.arange(levels) * (255.0 / (levels - 1))
        self.colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)

    def latents(self, images: np.ndarray) -> np.ndarray:
        n, h, w, c = images.shape
        b = self.block
        means = images.reshape(n, h // b, b, w // b, b, c).mean((2, 4))
        return means.transpose(0, 3, 1, 2)

    def encode(self, images: np.ndarray) -> np.ndarray:
        means = self.latents(images)
        q = np.rint(means * ((self.levels - 1) / 255.0)).astype(np.int32)
        return (q[:, 0] * self.levels + q[:, 1]) * self.levels + q[:, 2]

    def decode(self, ids: np.ndarray) -> np.ndarray:
        small = np.rint(self.colours[ids]).astype(np.uint8)
        return small.repeat(self.block, 1).repeat(self.block, 2)

    def codebook(self, _i: int) -> np.ndarray:
        return self.colours


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--block", type=int, default=8)
    p.add_argument("--levels", type=int, default=6)
    args = p.parse_args()
    vtbench.serve(Blocks(args.block, args.levels))
