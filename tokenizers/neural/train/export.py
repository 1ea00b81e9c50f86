"""Writes trained networks as ONNX.

    python3 export.py --run FOLDER --out FOLDER [--images FOLDER]

Each model becomes NAME.encoder.onnx (image to codes and latent) and NAME.decoder.onnx
(codes, or latent where the rule is continuous, to image), NAME.words (codewords, float32,
little-endian, book after book, in the space of the latent) where it has codebooks, and
an entry in models.json. Weights are stored as float16 and computed with as float32. The
same checkpoints give the same bytes.

--cases FILE also writes what PyTorch makes of a test image, for the comparison with ONNX
Runtime.
"""

import argparse
import base64
import hashlib
import json
import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from model import Tokenizer, rows
from train import BATCH, CROP, MODELS, SEED, STEPS, TRUNK_BATCH, TRUNK_STEPS

OPSET = 14


class HalfConv(nn.Module):
    """A convolution whose weights are stored in half precision."""

    def __init__(self, weight, bias, stride=1, padding=0):
        super().__init__()
        self.register_buffer("weight", weight.detach().half())
        self.register_buffer("bias", bias.detach().half())
        self.stride, self.padding = stride, padding

    def forward(self, x):
        return F.conv2d(x, self.weight.float(), self.bias.float(), self.stride, self.padding)


def halved(module):
    """The same network in half precision. Folding pixels into channels before a 1×1
    convolution is a convolution whose steps are as long as its kernel."""
    if isinstance(module, nn.Sequential):
        out, layers = [], list(module)
        while layers:
            layer = layers.pop(0)
            if isinstance(layer, nn.PixelUnshuffle):
                k, conv = layer.downscale_factor, layers.pop(0)
                weight = conv.weight.reshape(conv.out_channels, -1, k, k)
                out.append(HalfConv(weight, conv.bias, stride=k))
            else:
                out.append(halved(layer))
        return nn.Sequential(*out)
    if isinstance(module, nn.Conv2d):
        return HalfConv(module.weight, module.bias, module.stride, module.padding)
    for name, child in module.named_children():
        setattr(module, name, halved(child))
    return module


def codewords(model):
    """The codewords of every book, [k, channels] in the space of the latent."""
    bottleneck = model.bottleneck
    if not bottleneck.books:
        return []
    with torch.no_grad():
        if model.rule in ("vq", "rvq"):
            return [b.words.clone() for b in bottleneck.codebooks]
        ids = torch.arange(bottleneck.books[0])[None, :, None]  # an image of k by 1 tokens
        return [bottleneck.lookup(ids)[0, :, :, 0].t().contiguous()]


class Search(nn.Module):
    """Ids of the nearest codewords, the first of equals: largest 2 r·c - |c|². The norms
    are a row of the product, and the largest score is looked for among those of blocks
    first: ReduceMax runs over vectors where ArgMax takes one number after the other."""

    def __init__(self, words):
        super().__init__()
        self.register_buffer("table", torch.cat([2 * words.t(), -(words**2).sum(1)[None]]))
        self.k, self.block = len(words), 1
        while self.block**2 < self.k and self.k % (2 * self.block) == 0:
            self.block *= 2

    def forward(self, r):
        """Ids [n] of latents r [n, channels]."""
        score = F.pad(r, (0, 1), value=1.0).matmul(self.table).reshape(-1, self.k // self.block, self.block)
        block = score.amax(2).argmax(1, keepdim=True)
        inside = score.gather(1, block[:, :, None].expand(-1, 1, self.block))[:, 0].argmax(1, keepdim=True)
        return (block * self.block + inside)[:, 0]


class Encoder(nn.Module):
    """Image to (codes, latent), or to the latent alone."""

    def __init__(self, model):
        super().__init__()
        layers = list(model.encoder)
        last, c = layers[-1], model.channels
        mean = nn.Conv2d(last.in_channels, c, 1)
        mean.weight.data, mean.bias.data = last.weight.data[:c], last.bias.data[:c]
        self.body = halved(nn.Sequential(*layers[:-1], mean))
        self.model, self.words = model, codewords(model)
        self.searches = nn.ModuleList(Search(words) for words in self.words)

    def forward(self, x):
        z = self.body(x)
        rule, bottleneck = self.model.rule, self.model.bottleneck
        if rule == "kl":
            return z
        if rule in ("fsq", "lfq"):
            return bottleneck.ids(z), z
        left, ids = rows(z), []
        for words, search in zip(self.words, self.searches):
            ids.append(search(left))
            if len(ids) < len(self.words):
                left = left - words[ids[-1]]
        ids = [i.reshape(z.shape[0], z.shape[2], z.shape[3]) for i in ids]
        return (ids[0] if len(ids) == 1 else torch.stack(ids, 1)), z


class Decoder(nn.Module):
    """Codes or latent to image."""

    def __init__(self, model):
        super().__init__()
        self.body, self.words = halved(model.decoder), codewords(model)

    def forward(self, code):
        if self.words:
            books = [code] if len(self.words) == 1 else [code[:, i] for i in range(len(self.words))]
            code = sum(w[c] for w, c in zip(self.words, books)).permute(0, 3, 1, 2)
        return self.body(code).clamp(-1, 1)


def load(run, name):
    rule, stride = name.split("-f")
    model = Tokenizer(rule, int(stride))
    state = torch.load(os.path.join(run, name + ".pt"))
    model.load_state_dict(state["model"])
    return model.eval(), state


def export(graph, example, file, inputs, outputs):
    axes = {}
    for name, value in zip(inputs + outputs, example):
        axes[name] = {0: "n", **{i: f"{name}{i}" for i in range(1, value.dim()) if i >= value.dim() - 2}}
    torch.onnx.export(graph, example[0], file, input_names=inputs, output_names=outputs, dynamic_axes=axes,
                      opset_version=OPSET, do_constant_folding=False, training=torch.onnx.TrainingMode.EVAL)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def write(run, out, name):
    """Exports one model; returns its entry."""
    model, state = load(run, name)
    size = sum(p.numel() for p in model.parameters())
    encoder, decoder = Encoder(model), Decoder(load(run, name)[0])
    stem = os.path.join(out, name)
    x = torch.zeros(1, 3, 4 * model.stride, 4 * model.stride)
    with torch.no_grad():
        got = encoder(x)
        codes, latent = got if isinstance(got, tuple) else (None, got)
        code = latent if codes is None else codes
        outputs = ["latent"] if codes is None else ["codes", "latent"]
        export(encoder, (x,) + ((latent,) if codes is None else (codes, latent)), stem + ".encoder.onnx", ["image"], outputs)
        export(decoder, (code, decoder(code)), stem + ".decoder.onnx", outputs[:1], ["reconstruction"])
    entry = {"name": name, "rule": model.rule, "stride": model.stride, "channels": model.channels,
             "codebooks": list(model.bottleneck.books), "parameters": size,
             "steps": state["step"], "curve": state["curve"],
             "files": {f"{name}.{part}.onnx": digest(f"{stem}.{part}.onnx") for part in ("encoder", "decoder")}}
    if model.bottleneck.books:
        with open(stem + ".words", "wb") as f:
            for words in codewords(model):
                f.write(words.numpy().astype("<f4").tobytes())
        entry["files"][name + ".words"] = digest(stem + ".words")
    return entry


def test_image(w, h):
    """A picture made of integers, the same everywhere: waves, blocks and strokes."""
    y, x = np.mgrid[0:h, 0:w].astype(np.int64)
    r = (x * x // 37 + y * 3) % 256
    g = np.where((x // 9 + y // 7) % 2 == 0, (x * 5 + y * y // 29) % 256, 240 - y % 200)
    b = np.where((x + 2 * y) % 31 < 4, 15, (x * 2 + y * 2) % 256)
    return np.stack([r, g, b], -1).astype(np.uint8)


def case(run, name, w=192, h=128):
    """What PyTorch makes of test_image with the weights that ship: all codes, and every
    seventh sample of the 8-bit reconstruction, base64."""
    model, _ = load(run, name)
    encoder, decoder = Encoder(model), Decoder(load(run, name)[0])
    with torch.no_grad():
        x = torch.from_numpy(test_image(w, h)).permute(2, 0, 1)[None].float().div(127.5).sub(1)
        got = encoder(x)
        codes, latent = got if isinstance(got, tuple) else (None, got)
        y = decoder(latent if codes is None else codes)
        levels = y.add(1).mul(127.5).add(0.5).floor().clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0)
    samples = levels.reshape(-1)[::7].contiguous().numpy().tobytes()
    return {"name": name, "w": w, "h": h, "torch": torch.__version__,
            "samples": base64.b64encode(samples).decode(),
            "codes": [] if codes is None else codes[0].reshape(-1).tolist()}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", default=list(MODELS), metavar="RULE-fSTRIDE")
    p.add_argument("--run", required=True, help="folder that train.py wrote")
    p.add_argument("--images", required=True, help="folder that the images program wrote")
    p.add_argument("--out", required=True, help="folder of the package")
    p.add_argument("--cases", help="file for what PyTorch makes of a test image")
    a = p.parse_args()
    torch.set_num_threads(1)
    os.makedirs(a.out, exist_ok=True)
    with open(os.path.join(a.images, "train.json")) as f:
        index = json.load(f)
    entries = [write(a.run, a.out, name) for name in a.names]
    manifest = {
        "recipe": {"seed": SEED, "trunk_steps": TRUNK_STEPS, "steps": STEPS, "crop": CROP, "trunk_batch": TRUNK_BATCH, "batch": BATCH},
        "images": {"sha256": index["sha256"], "text_seed": index["seed"],
                   "photographs": sorted({e["source"] for e in index["images"] if e.get("source")})},
        "models": entries,
    }
    with open(os.path.join(a.out, "models.json"), "w") as f:
        json.dump(manifest, f, indent=1)
        f.write("\n")
    if a.cases:
        with open(a.cases, "w") as f:
            json.dump([case(a.run, name) for name in a.names], f, separators=(",", ":"))
            f.write("\n")


if __name__ == "__main__":
    main()
