"""A tokenizer of clips in numpy: the first frame alone, then four frames at a time, as means
of 8x8 pixels and of the time in between, in 4096 colours.

    vtbench conform 'process:python examples/tokenizers/numpy_clips.py'
    vtbench run --suite video -t 'process:python examples/tokenizers/numpy_clips.py'
"""

import vtbench  # first: nothing that prints can reach the protocol from here on

import numpy as np

CELL, TIME = 8, 4


class Clips:
    name = "numpy-clips"
    version = "1"
    codebooks = [4096]
    multiple_of = stride = CELL
    clips = {"multiple": TIME, "causal": True}  # windows of 1, 5, 9, 13 … frames
    deterministic = True

    def reconstruct_clip(self, frames):  # uint8 [t, h, w, 3]
        t, h, w, _ = frames.shape
        cells = frames.reshape(t, h // CELL, CELL, w // CELL, CELL, 3).mean((2, 4))
        later = cells[1:].reshape((t - 1) // TIME, TIME, *cells.shape[1:]).mean(1)
        means = np.concatenate([cells[:1], later])  # [1 + (t-1)/4, h/8, w/8, 3]
        levels = (means / 16).astype(int)
        ids = levels @ [256, 16, 1]
        colours = (levels * 16 + 8).astype(np.uint8)
        times = np.concatenate([colours[:1], colours[1:].repeat(TIME, 0)])
        return vtbench.Result(times.repeat(CELL, 1).repeat(CELL, 2), codes=[ids])


if __name__ == "__main__":
    vtbench.serve(Clips())
