"""The convolutional tokenizers of package neural: one encoder and one decoder a
stride, and six bottlenecks between them.

Images are [n, 3, h, w] in [-1, 1]. Latents z are [n, c, h/f, w/f], ids [n, h/f, w/f]
or, where there are several codebooks, [n, books, h/f, w/f].
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

CHANNELS = {4: 4, 8: 8, 16: 16}  # of the latent, by stride
RULES = ("kl", "vq", "fsq", "lfq", "rvq", "simvq")
WIDTH, STEM = 80, 32  # channels at the latent's resolution and at twice of it


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a = nn.Conv2d(width, width, 3, padding=1)
        self.b = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return x + self.b(F.silu(self.a(F.silu(x))))


def encoder(stride, channels):
    """Pixels are folded into channels at once, so all work is done at half and at the
    full stride; the last layer has the latent's mean and log-variance."""
    fold = stride // 2
    return nn.Sequential(
        nn.PixelUnshuffle(fold), nn.Conv2d(3 * fold**2, STEM, 1), Residual(STEM),
        nn.PixelUnshuffle(2), nn.Conv2d(4 * STEM, WIDTH, 1), Residual(WIDTH), Residual(WIDTH),
        nn.SiLU(), nn.Conv2d(WIDTH, 2 * channels, 1))


def decoder(stride, channels):
    fold = stride // 2
    return nn.Sequential(
        nn.Conv2d(channels, WIDTH, 3, padding=1), Residual(WIDTH), Residual(WIDTH), Residual(WIDTH),
        nn.SiLU(), nn.Conv2d(WIDTH, 4 * STEM, 1), nn.PixelShuffle(2), Residual(STEM),
        nn.SiLU(), nn.Conv2d(STEM, 3 * fold**2, 3, padding=1), nn.PixelShuffle(fold))


class Tokenizer(nn.Module):
    def __init__(self, rule, stride):
        super().__init__()
        self.rule, self.stride = rule, stride
        self.channels = CHANNELS[stride]
        self.encoder = encoder(stride, self.channels)
        self.decoder = decoder(stride, self.channels)
        self.bottleneck = BOTTLENECKS[rule](self.channels)

    def latent(self, x):
        """The latent before any codebook: the mean."""
        return self.encoder(x)[:, :self.channels]

    def forward(self, x):
        """Reconstruction and the bottleneck's own loss, for training."""
        mean, logvar = self.encoder(x).chunk(2, 1)
        z, loss = self.bottleneck.train_step(mean, logvar)
        return self.decoder(z), loss

    def encode(self, x):
        """(ids, latent); ids are None where the rule is continuous."""
        z = self.latent(x)
        return self.bottleneck.ids(z), z

    def decode(self, code):
        """The image of ids, or of a latent where the rule is continuous."""
        return self.decoder(self.bottleneck.lookup(code)).clamp(-1, 1)


# Bottlenecks. train_step returns what the decoder gets, with a gradient, and a loss;
# ids and lookup are what is exported. start sees latents of the trunk first.

class KL(nn.Module):
    """A Gaussian, weakly pulled to the standard normal one."""

    weight = 1e-4
    books = ()

    def __init__(self, channels):
        super().__init__()

    def start(self, z):
        pass

    def train_step(self, mean, logvar):
        logvar = logvar.clamp(-20, 10)
        kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
        return mean + (0.5 * logvar).exp() * torch.randn_like(mean), self.weight * kl

    def ids(self, z):
        return None

    def lookup(self, z):
        return z


def rows(z):
    """[n, c, h, w] as [n·h·w, c]."""
    return z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])


def grid(r, z):
    """rows back in the shape of z."""
    n, _, h, w = z.shape
    return r.reshape(n, h, w, -1).permute(0, 3, 1, 2)


def nearest(r, codebook):
    """Ids of the nearest codewords: largest 2 r·c - |c|²."""
    return (r @ (2 * codebook.t()) - (codebook**2).sum(1)).argmax(1)


def kmeans(r, k, rounds=12):
    codebook = r[torch.randperm(len(r))[:k]].clone()
    for _ in range(rounds):
        ids = nearest(r, codebook)
        count = torch.bincount(ids, minlength=k).float()[:, None]
        total = torch.zeros_like(codebook).index_add_(0, ids, r)
        lost = count[:, 0] == 0
        codebook = total / count.clamp(min=1)
        codebook[lost] = r[torch.randperm(len(r))[:int(lost.sum())]]
    return codebook


class Codebook(nn.Module):
    """A codebook that follows the mean of what it is given (van den Oord et al. 2017,
    appendix A.1); codewords that are hardly used start again at a latent."""

    decay, least = 0.99, 0.02

    def __init__(self, k, dim):
        super().__init__()
        self.register_buffer("words", torch.zeros(k, dim))
        self.register_buffer("count", torch.ones(k))
        self.register_buffer("total", torch.zeros(k, dim))

    def start(self, r):
        self.words.copy_(kmeans(r, len(self.words)))
        self.count.fill_(1)
        self.total.copy_(self.words)

    @torch.no_grad()
    def update(self, r, ids):
        k = len(self.words)
        self.count.mul_(self.decay).add_(torch.bincount(ids, minlength=k), alpha=1 - self.decay)
        self.total.mul_(self.decay).add_(torch.zeros_like(self.total).index_add_(0, ids, r), alpha=1 - self.decay)
        lost = self.count < self.least
        if n := int(lost.sum()):
            fresh = r[torch.randint(len(r), (n,))]
            self.total[lost], self.count[lost] = fresh, 1.0
        self.words.copy_(self.total / self.count[:, None])


class VQ(nn.Module):
    """Vector quantization: one codebook, commitment, straight-through gradient."""

    books = (1024,)
    commitment = 0.25

    def __init__(self, channels):
        super().__init__()
        self.codebooks = nn.ModuleList(Codebook(k, channels) for k in self.books)

    def start(self, z):
        r = rows(z)
        for book in self.codebooks:
            book.start(r)
            r = r - book.words[nearest(r, book.words)]

    def train_step(self, mean, logvar):
        r = rows(mean)
        with torch.no_grad():
            left, q = r, torch.zeros_like(r)
            for book in self.codebooks:
                ids = nearest(left, book.words)
                word = book.words[ids]
                book.update(left, ids)
                left, q = left - word, q + word
        loss = self.commitment * F.mse_loss(r, q)
        return grid(r + (q - r).detach(), mean), loss

    def ids(self, z):
        left, out = rows(z), []
        n, _, h, w = z.shape
        for book in self.codebooks:
            ids = nearest(left, book.words)
            out.append(ids.reshape(n, h, w))
            left = left - book.words[ids]
        return out[0] if len(out) == 1 else torch.stack(out, 1)

    def lookup(self, ids):
        if len(self.codebooks) == 1:
            ids = ids[:, None]
        return sum(b.words[ids[:, i]] for i, b in enumerate(self.codebooks)).permute(0, 3, 1, 2)


class RVQ(VQ):
    """Residual VQ: every codebook holds what the ones before it left over."""

    books = (256, 256, 256, 256)


class SimVQ(nn.Module):
    """A frozen random codebook seen through one learned linear map (Zhu et al. 2024)."""

    books = (1024,)
    commitment = 0.25

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("frozen", torch.zeros(self.books[0], channels))
        self.map = nn.Linear(channels, channels)

    def start(self, z):
        r = rows(z)
        mean, centred = r.mean(0), r - r.mean(0)
        cov = centred.t() @ centred / len(r)
        value, vector = torch.linalg.eigh(cov)
        self.frozen.copy_(torch.randn_like(self.frozen))
        with torch.no_grad():
            self.map.weight.copy_(vector * value.clamp(min=1e-8).sqrt())
            self.map.bias.copy_(mean)

    def words(self):
        return self.map(self.frozen)

    def train_step(self, mean, logvar):
        r, words = rows(mean), self.words()
        q = words[nearest(r.detach(), words.detach())]
        loss = F.mse_loss(q, r.detach()) + self.commitment * F.mse_loss(r, q.detach())
        return grid(r + (q - r).detach(), mean), loss

    def ids(self, z):
        n, _, h, w = z.shape
        return nearest(rows(z), self.words()).reshape(n, h, w)

    def lookup(self, ids):
        return self.words()[ids].permute(0, 3, 1, 2)


class Scalar(nn.Module):
    """What FSQ and LFQ share: a map into few dimensions, each quantized by itself, and
    a map back. values is what the second map is given."""

    def __init__(self, channels, dims):
        super().__init__()
        self.dims = dims
        self.down, self.up = nn.Conv2d(channels, dims, 1), nn.Conv2d(dims, channels, 1)

    def start(self, z):
        """The principal directions of the latents, each of unit variance, and the way
        back that errs least. Where there are more dimensions than channels, the first
        directions are taken twice and moved apart: signs then cut them into three, at
        the thresholds that are best for a normal variable."""
        r = rows(z)
        mean, centred = r.mean(0), r - r.mean(0)
        value, vector = torch.linalg.eigh(centred.t() @ centred / len(r))
        order = value.argsort(descending=True)
        twice = max(0, self.dims - len(order))
        pick = torch.cat([order, order[:twice]])[:self.dims]
        shift = torch.zeros(self.dims)
        shift[:twice], shift[self.dims - twice:] = 0.612, -0.612
        with torch.no_grad():
            down = (vector[:, pick] / value[pick].clamp(min=1e-8).sqrt()).t()
            self.down.weight.copy_(down[:, :, None, None])
            self.down.bias.copy_(shift - down @ mean)
            v = rows(self.values(z))
            back = torch.linalg.lstsq(torch.cat([v, torch.ones(len(v), 1)], 1), r).solution
            self.up.weight.copy_(back[:-1].t()[:, :, None, None])
            self.up.bias.copy_(back[-1])


class FSQ(Scalar):
    """Finite scalar quantization (Mentzer et al. 2023): rounding of bounded numbers."""

    levels = (8, 5, 5, 5)
    books = (math.prod(levels),)

    def __init__(self, channels):
        super().__init__(channels, len(self.levels))
        level = torch.tensor(self.levels, dtype=torch.float32)[:, None, None]
        half = (level - 1) * (1 + 1e-3) / 2
        offset = torch.where(level % 2 == 0, 0.5, 0.0)
        self.register_buffer("bound", half, persistent=False)
        self.register_buffer("offset", offset, persistent=False)
        self.register_buffer("shift", torch.atanh(offset / half), persistent=False)
        self.register_buffer("step", level // 2, persistent=False)
        basis = [math.prod(self.levels[:i]) for i in range(len(self.levels))]
        self.basis = basis

    def bounded(self, z):
        return torch.tanh(self.down(z) + self.shift) * self.bound - self.offset

    def values(self, z):
        return self.bounded(z).round() / self.step

    def train_step(self, mean, logvar):
        b = self.bounded(mean)
        q = b + (b.round() - b).detach()
        return self.up(q / self.step), b.new_zeros(())

    def ids(self, z):
        digits = (self.bounded(z).round() + self.step).long()
        return sum(digits[:, i] * b for i, b in enumerate(self.basis))

    def lookup(self, ids):
        digits = [torch.div(ids, b, rounding_mode="floor") % l for b, l in zip(self.basis, self.levels)]
        return self.up((torch.stack(digits, 1).float() - self.step) / self.step)


class LFQ(Scalar):
    """Lookup-free quantization (Yu et al. 2023): signs, and an entropy loss over all
    codes that wants each latent near one code and all codes in use."""

    bits = 10
    books = (2**bits,)
    commitment, entropy = 0.25, 0.03

    def __init__(self, channels):
        super().__init__(channels, self.bits)
        table = torch.arange(2**self.bits)[None, :] >> torch.arange(self.bits)[:, None] & 1
        self.register_buffer("table", table.float(), persistent=False)  # [bits, codes]

    def values(self, z):
        return torch.where(self.down(z) > 0, 1.0, -1.0)

    def train_step(self, mean, logvar):
        y = self.down(mean)
        q = torch.where(y > 0, 1.0, -1.0)
        loss = self.commitment * F.mse_loss(y, q) + self.entropy * self.disorder(rows(y))
        return self.up(y + (q - y).detach()), loss

    def disorder(self, r):
        """Mean entropy of the codes of one latent less that of the codes of all, in
        nats. A code's probability falls with its squared distance."""
        on, off = F.logsigmoid(4 * r), F.logsigmoid(-4 * r)
        single = -(on.exp() * on + off.exp() * off).sum(1).mean()
        used = (on @ self.table + off @ (1 - self.table)).exp().mean(0).clamp(min=1e-9)
        return single + (used * used.log()).sum()

    def ids(self, z):
        bits = (self.down(z) > 0).long()
        return sum(bits[:, i] * 2**i for i in range(self.bits))

    def lookup(self, ids):
        bits = [torch.div(ids, 2**i, rounding_mode="floor") % 2 for i in range(self.bits)]
        return self.up(2 * torch.stack(bits, 1).float() - 1)


BOTTLENECKS = {"kl": KL, "vq": VQ, "fsq": FSQ, "lfq": LFQ, "rvq": RVQ, "simvq": SimVQ}
