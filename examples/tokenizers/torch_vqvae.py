"""A VQ-VAE in PyTorch, trained by this script in a minute on a CPU.

    python examples/tokenizers/torch_vqvae.py --train 300 --ckpt vqvae.pt
    vtbench conform 'process:python examples/tokenizers/torch_vqvae.py --ckpt vqvae.pt'
    vtbench run --suite text -t 'process:python examples/tokenizers/torch_vqvae.py --ckpt vqvae.pt'

It needs torch and the SDK (pip install ./tokenizers/process/python). The training
images are drawn by the script; this is an example of the wiring, and a poor
tokenizer.
"""

import vtbench  # first: from here on nothing that prints reaches the protocol

import argparse
import sys

import torch
from torch import nn
from torch.nn import functional as F


class VQVAE(nn.Module):
    """8x8 pixels a token, one codebook."""

    def __init__(self, entries: int = 512, width: int = 32) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.SiLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.SiLU(),
            nn.Conv2d(2 * width, width, 4, 2, 1),
        )
        self.book = nn.Embedding(entries, width)
        nn.init.normal_(self.book.weight, std=0.5)
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(width, 2 * width, 4, 2, 1), nn.SiLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.SiLU(),
            nn.ConvTranspose2d(width, 3, 4, 2, 1),
        )

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Images in -1..1 to ids [n, h/8, w/8]."""
        return self.nearest(self.encoder(x))

    def decode(self, ids: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.book(ids).permute(0, 3, 1, 2))

    def nearest(self, z: torch.Tensor) -> torch.Tensor:
        flat = z.permute(0, 2, 3, 1)
        e = self.book.weight
        return (e.pow(2).sum(1) - 2 * flat @ e.t()).argmin(-1)

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        z = self.encoder(x)
        q = self.book(self.nearest(z)).permute(0, 3, 1, 2)
        y = self.decoder(z + (q - z).detach())
        return F.mse_loss(y, x) + F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())


def drawings(n: int, side: int, g: torch.Generator) -> torch.Tensor:
    """Gradients with rectangles on them, in -1..1."""
    corners = torch.rand(n, 3, 2, 2, generator=g) * 2 - 1
    x = F.interpolate(corners, (side, side), mode="bilinear", align_corners=True)
    for image in x:
        for _ in range(6):
            a = torch.randint(0, side - 2, (2,), generator=g).tolist()
            b = torch.randint(2, side // 2, (2,), generator=g).tolist()
            image[:, a[0] : a[0] + b[0], a[1] : a[1] + b[1]] = torch.rand(3, 1, 1, generator=g) * 2 - 1
    return x


def train(model: VQVAE, steps: int) -> None:
    g = torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    for step in range(1, steps + 1):
        x = drawings(16, 64, g)
        if step == 20:  # start the codebook where the latents are
            with torch.no_grad():
                z = model.encoder(x).permute(0, 2, 3, 1).reshape(-1, model.book.weight.shape[1])
                model.book.weight.copy_(z[torch.randperm(len(z), generator=g)[: len(model.book.weight)]])
        optimiser.zero_grad()
        loss = model.loss(x)
        loss.backward()
        optimiser.step()
        if step % 50 == 0 or step == steps:
            print(f"step {step}: loss {loss.item():.4f}", file=sys.stderr)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--ckpt", default="vqvae.pt", help="weights to save or load")
    p.add_argument("--train", type=int, metavar="STEPS", help="train, save and stop")
    p.add_argument("--autocast", choices=["bfloat16", "float16"])
    args = p.parse_args()
    torch.manual_seed(0)
    model = VQVAE()
    if args.train:
        train(model, args.train)
        torch.save(model.state_dict(), args.ckpt)
        sys.exit()
    try:
        model.load_state_dict(torch.load(args.ckpt, map_location="cpu"))
    except FileNotFoundError:
        sys.exit(f"{args.ckpt} is not there: make it with --train 300")
    vtbench.serve(
        vtbench.from_torch(
            model,
            range=(-1, 1),
            name="torch-vqvae",
            autocast=args.autocast,
            codes=lambda ids: ids,
            from_codes=lambda m, ids, size: m.decode(ids),
            codebook=lambda m, i: m.book.weight,
            codebooks=[512],
            multiple_of=8,
            stride=8,
        )
    )
