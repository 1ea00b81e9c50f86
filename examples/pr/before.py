"""A tokenizer in plain numpy: the DCT of every 8x8 block, in YCbCr, each coefficient
rounded to a step that grows with its frequency. Its tokens are the rounded
coefficients; the rate is that of the tokens packed by zlib.

    vtbench run --suite text -t 'dct=process:python3 examples/pr/before.py'
"""

import vtbench  # first: from here on nothing that prints reaches the protocol

import zlib

import numpy as np

BLOCK = 8
LEVELS = 127  # of a coefficient, to either side of 0


def steps() -> np.ndarray:
    """Quantizer steps by vertical and horizontal frequency."""
    u = np.arange(BLOCK)
    return 6.0 + 3.0 * (u[:, None] + u[None, :])


# The orthonormal DCT-II as a matrix, and JPEG's YCbCr.
_n = np.arange(BLOCK)
DCT = np.sqrt(2 / BLOCK) * np.cos(np.pi * (2 * _n[None, :] + 1) * _n[:, None] / (2 * BLOCK))
DCT[0] /= np.sqrt(2)
YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


class BlockDCT:
    name = "block-dct"
    version = "1"
    deterministic = True
    multiple_of = stride = BLOCK
    channels = 3
    codebooks = [2 * LEVELS + 1]
    batch_size = 4

    def __init__(self) -> None:
        # Colour needs less than brightness, as in every codec.
        self.steps = np.stack([steps(), 2 * steps(), 2 * steps()])
        self.params = {"steps": zlib.crc32(self.steps.tobytes())}

    def encode(self, images: np.ndarray) -> np.ndarray:
        n, h, w, _ = images.shape
        ycc = (images - 128.0) @ YCC.T
        blocks = ycc.reshape(n, h // BLOCK, BLOCK, w // BLOCK, BLOCK, 3).transpose(0, 1, 3, 5, 2, 4)
        levels = np.rint(DCT @ blocks @ DCT.T / self.steps)
        return (np.clip(levels, -LEVELS, LEVELS) + LEVELS).astype(np.int32)

    def decode(self, ids: np.ndarray) -> np.ndarray:
        blocks = DCT.T @ ((ids - LEVELS) * self.steps) @ DCT
        n, rows, cols = blocks.shape[:3]
        ycc = blocks.transpose(0, 1, 4, 2, 5, 3).reshape(n, rows * BLOCK, cols * BLOCK, 3)
        return np.clip(np.rint(ycc @ np.linalg.inv(YCC).T + 128), 0, 255).astype(np.uint8)

    def bits(self, ids: np.ndarray) -> list:
        # Coefficients of one frequency lie side by side: that packs best.
        planes = ids.transpose(0, 3, 4, 5, 1, 2).astype(np.uint8)
        return [8 * len(zlib.compress(p.tobytes(), 9)) for p in planes]


if __name__ == "__main__":
    vtbench.serve(BlockDCT())
