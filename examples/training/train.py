"""Trains a small autoencoder and logs each epoch how well text survives it: train.py [EPOCHS] [FOLDER]"""
import sys

import torch
from torch import nn

import vtbench


def batch(n=16, side=64, strokes=24):
    """Images of random strokes and boxes, [n, 3, side, side] in -1..1: sharp edges, as text has."""
    x = torch.rand(n, 3, 1, 1).expand(n, 3, side, side).clone()
    for i in range(n):
        for _ in range(strokes):
            (top, left), (h, w) = torch.randint(0, side, (2,)).tolist(), torch.randint(1, 14, (2,)).tolist()
            x[i, :, top : top + h, left : left + w] = torch.rand(3, 1, 1)
    return 2 * x - 1


torch.manual_seed(0)
encoder = [nn.PixelUnshuffle(4), nn.Conv2d(48, 64, 3, padding=1), nn.GELU(), nn.Conv2d(64, 16, 1)]  # 4×4 pixels become 16 numbers
decoder = [nn.Conv2d(16, 64, 3, padding=1), nn.GELU(), nn.Conv2d(64, 48, 3, padding=1), nn.PixelShuffle(4)]
model = nn.Sequential(*encoder, *decoder)
optimizer = torch.optim.Adam(model.parameters(), 2e-3)
epochs, folder = int(sys.argv[1]) if sys.argv[1:] else 5, sys.argv[2] if sys.argv[2:] else "runs/training"
monitor = vtbench.Monitor(model, suite="text", limit=8, resolutions=[256], range=(-1, 1), multiple_of=4, output=folder + "/epoch-{step}")
for epoch in range(1, epochs + 1):
    for _ in range(60):
        x = batch()
        loss = nn.functional.l1_loss(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    score = monitor(epoch)
    ned, psnr = score.value("t-ned"), score.value("psnr")
    print(f"epoch {epoch}: loss {loss:.3f}, T-NED {100 * ned.mean:.1f} % [{100 * ned.lo:.1f}, {100 * ned.hi:.1f}], PSNR {psnr.mean:.2f} dB, evaluated in {score.seconds:.1f} s", flush=True)
print(score.compare(monitor.history[0][1]).table())
