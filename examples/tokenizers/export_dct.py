"""Exports a small tokenizer as ONNX, as a user would: an encoder and a decoder from
PyTorch, and the sidecar that says what their numbers mean.

    python3 export_dct.py FOLDER

It needs no training: the encoder is a strided convolution with the cosines of JPEG's
transform, 12 a channel for 8×8 pixels, and a linear layer that mixes them; the decoder
undoes the layer and ends in a transposed convolution. So the graphs have a Conv, a
ConvTranspose, and a MatMul each way, in float32.
"""

import math
import os
import sys

import torch
from torch import nn

SIDE, KEPT, CHANNELS = 8, 12, 3


def cosines():
    """The KEPT lowest two-dimensional cosines, [KEPT, 1, SIDE, SIDE], orthonormal."""
    def one(k):
        x = torch.arange(SIDE, dtype=torch.float64)
        return math.sqrt((1 if k == 0 else 2) / SIDE) * torch.cos(math.pi * (x + .5) * k / SIDE)

    order = sorted(((i, j) for i in range(SIDE) for j in range(SIDE)), key=lambda p: (sum(p), p))
    return torch.stack([torch.outer(one(i), one(j)) for i, j in order[:KEPT]])[:, None].float()


def mixing():
    """A rotation of all coefficients of a cell, the same in every run."""
    torch.manual_seed(1)
    q, _ = torch.linalg.qr(torch.randn(KEPT * CHANNELS, KEPT * CHANNELS, dtype=torch.float64))
    return q.float()


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        n = KEPT * CHANNELS
        self.cells = nn.Conv2d(CHANNELS, n, SIDE, stride=SIDE, bias=False)
        weight = torch.zeros(n, CHANNELS, SIDE, SIDE)
        for c in range(CHANNELS):
            weight[c * KEPT:(c + 1) * KEPT, c:c + 1] = cosines()
        self.cells.weight.data = weight
        self.mix = nn.Linear(n, n, bias=False)
        self.mix.weight.data = mixing()

    def forward(self, image):
        return self.mix(self.cells(image).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        n = KEPT * CHANNELS
        self.mix = nn.Linear(n, n, bias=False)
        self.mix.weight.data = mixing().t().contiguous()
        self.pixels = nn.ConvTranspose2d(n, CHANNELS, SIDE, stride=SIDE, bias=False)
        self.pixels.weight.data = Encoder().cells.weight.data

    def forward(self, latent):
        return self.pixels(self.mix(latent.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)).clamp(-1, 1)


SIDECAR = """\
name: dct
range: [-1, 1]
latent: latent
multiple_of: 8
min_side: 8
stride: 8
batch: 1
"""


def main(folder):
    os.makedirs(folder, exist_ok=True)
    axes = {2: "height", 3: "width"}
    with torch.no_grad():
        image = torch.zeros(1, CHANNELS, 64, 64)
        encoder, decoder = Encoder().eval(), Decoder().eval()
        torch.onnx.export(encoder, image, os.path.join(folder, "encoder.onnx"), input_names=["image"],
                          output_names=["latent"], dynamic_axes={"image": axes, "latent": axes}, opset_version=13)
        torch.onnx.export(decoder, encoder(image), os.path.join(folder, "decoder.onnx"), input_names=["latent"],
                          output_names=["reconstruction"], dynamic_axes={"latent": axes, "reconstruction": axes}, opset_version=13)
    with open(os.path.join(folder, "encoder.yaml"), "w") as f:
        f.write(SIDECAR)


if __name__ == "__main__":
    main(sys.argv[1])
