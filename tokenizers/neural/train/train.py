"""Trains the networks of package neural.

    python3 train.py --images FOLDER --out FOLDER            # all of them
    python3 train.py --images FOLDER --out FOLDER vq-f8 kl-f4

One trunk, an encoder and a decoder with a KL bottleneck, is trained for each stride;
every model starts from the trunk of its stride and is trained whole, with its own
bottleneck, for the same number of steps. A run that was stopped goes on from its last
checkpoint and ends with the same weights.
"""

import argparse
import json
import math
import os
import time

import torch
from torch import nn
from torch.nn import functional as F

from data import Crops, validation
from model import Tokenizer

MODELS = ("kl-f8", "vq-f8", "fsq-f8", "lfq-f8", "rvq-f8", "simvq-f8", "kl-f4", "vq-f4", "kl-f16", "vq-f16")
TRUNK_STEPS = {4: 1500, 8: 4500, 16: 1200}  # by stride
STEPS = {4: 600, 8: 2700, 16: 600}  # of every model of the stride
CROP = {4: 32, 8: 64, 16: 96}  # side of a crop, by stride
TRUNK_BATCH = {4: 16, 8: 16, 16: 8}  # crops in a batch, by stride
BATCH = 8
SEED = 20240229
TRUNK_RATE, RATE = 2e-3, 1e-3
WARM, EVERY = 100, 300  # steps of warm-up; steps between checkpoints and points of a curve


def ssim(x, y, size=7, step=3):
    """Structural similarity and its contrast part, means over windows of size², step
    pixels apart."""
    def mean(v):
        return F.avg_pool2d(F.avg_pool2d(v, (size, 1), (step, 1)), (1, size), (1, step))

    c1, c2 = 0.02**2, 0.06**2  # (K L)² with L = 2
    mx, my, square, product = mean(torch.cat([x, y, x * x + y * y, x * y])).chunk(4)
    means = mx * mx + my * my
    contrast = (2 * (product - mx * my) + c2) / (square - means + c2)
    return (contrast * (2 * mx * my + c1) / (means + c1)).mean(), contrast.mean()


def ms_ssim_loss(x, y, scales=2):
    """1 - mean over scales of SSIM at the coarsest and of its contrast part at the
    others, on the mean of the colours."""
    x, y = x.mean(1, keepdim=True), y.mean(1, keepdim=True)
    parts = []
    for i in range(scales):
        whole, contrast = ssim(x, y)
        parts.append(whole if i == scales - 1 else contrast)
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return 1 - sum(parts) / scales


def loss_of(x, y):
    return F.l1_loss(y, x) + 2 * F.mse_loss(y, x) + 0.1 * ms_ssim_loss(y, x)


def rate_at(step, steps, top):
    """Warm-up, then a cosine down to a hundredth."""
    if step < WARM:
        return top * (step + 1) / WARM
    return top * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - WARM) / max(1, steps - WARM))))


def psnr(model, images):
    """Mean PSNR in dB of 8-bit reconstructions, by kind of image."""
    model.eval()
    out = {}
    with torch.no_grad():
        for kind, x in images:
            ids, z = model.encode(x)
            y = model.decode(z if ids is None else ids)
            levels = ((y - x).abs() * 127.5).round()
            out.setdefault(kind, []).append(10 * math.log10(255**2 / max(1e-9, float((levels**2).mean()))))
    model.train()
    return {k: round(sum(v) / len(v), 3) for k, v in out.items()}


def save(path, state):
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def train(name, model, crops, images, steps, top, out, log):
    """Trains to out/name.pt, with checkpoints there, and writes out/name.curve.jsonl."""
    path = os.path.join(out, name + ".pt")
    state = torch.load(path) if os.path.exists(path) else {"step": 0}
    if state["step"] >= steps:
        model.load_state_dict(state["model"])
        return
    optimizer = torch.optim.AdamW(model.parameters(), lr=top, betas=(0.9, 0.99), weight_decay=1e-4)
    curve = []
    if state["step"]:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["torch"])
        crops.restore(state["crops"])
        curve = state["curve"]
    began, cpu, mean = time.time(), time.process_time(), 0.0
    for step in range(state["step"], steps):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, steps, top)
        x = crops.batch()
        y, extra = model(x)
        distortion = loss_of(x, y)
        optimizer.zero_grad()
        (distortion + extra).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        mean += float(distortion)
        if (step + 1) % EVERY == 0 or step + 1 == steps:
            n = step + 1 - (curve[-1]["step"] if curve else 0)
            curve.append({"step": step + 1, "loss": round(mean / n, 5), **psnr(model, images)})
            mean = 0.0
            save(path, {"step": step + 1, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                        "torch": torch.get_rng_state(), "crops": crops.state(), "curve": curve})
            done = step + 1 - state["step"]
            log(f"{name} {curve[-1]} {(time.time() - began) / done:.3f} s a step, {(time.process_time() - cpu) / done:.3f} s CPU")
    with open(os.path.join(out, name + ".curve.jsonl"), "w") as f:
        for point in curve:
            f.write(json.dumps(point) + "\n")


def run(images, out, names=MODELS, trunk_steps=0, steps=0, threads=1, batch=0, log=print):
    torch.set_num_threads(threads)
    os.makedirs(out, exist_ok=True)
    for name in names:
        rule, stride = name.split("-f")
        stride = int(stride)
        side = CROP[stride]
        held_out = validation(images, stride)

        torch.manual_seed(SEED + stride)
        trunk = Tokenizer("kl", stride)
        train(f"trunk-f{stride}", trunk, Crops(images, side, batch or TRUNK_BATCH[stride], SEED + stride), held_out,
              trunk_steps or TRUNK_STEPS[stride], TRUNK_RATE, out, log)

        torch.manual_seed(SEED + stride + 1)
        model = Tokenizer(rule, stride)
        model.encoder.load_state_dict(trunk.encoder.state_dict())
        model.decoder.load_state_dict(trunk.decoder.state_dict())
        first = Crops(images, side, batch or BATCH, SEED + stride + 2)
        with torch.no_grad():
            model.bottleneck.start(torch.cat([r for r in (model.latent(first.batch()) for _ in range(16))]))
        train(name, model, Crops(images, side, batch or BATCH, SEED + stride + 3), held_out, steps or STEPS[stride],
              RATE, out, log)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", default=list(MODELS), metavar="RULE-fSTRIDE")
    p.add_argument("--images", required=True, help="folder that the images program wrote")
    p.add_argument("--out", required=True, help="folder for checkpoints and curves")
    p.add_argument("--trunk-steps", type=int, default=0, help="in place of the recipe's")
    p.add_argument("--steps", type=int, default=0, help="in place of the recipe's")
    p.add_argument("--batch", type=int, default=0, help="in place of the recipe's")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--smoke", action="store_true", help="a few steps of everything: proves that it runs")
    a = p.parse_args()
    if a.smoke:
        a.trunk_steps, a.steps, a.batch = 3, 2, 2
    run(a.images, a.out, a.names, a.trunk_steps, a.steps, a.threads, a.batch,
        log=lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
