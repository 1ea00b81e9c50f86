"""Tests of the recipe: python3 -m unittest, in this folder. --smoke makes every model
in a few steps; with PyTorch 1.13 on one core all of it takes half a minute."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import torch

import data
import export
import model
import train

HERE = os.path.dirname(os.path.abspath(__file__))


def images(folder):
    """A small folder as the images program writes it."""
    import hashlib
    rng = np.random.Generator(np.random.PCG64(1))
    for part in ("train", "validate"):
        pixels, entries = [], []
        for i in range(8):
            kind = ("photograph", "text")[i % 2]
            m = rng.integers(0, 256, (17, 17, 3)).repeat(12, 0).repeat(12, 1)[:200, :200].astype(np.uint8)
            pixels.append(m.tobytes())
            entries.append({"kind": kind, "w": 200, "h": 200, **({"source": "0" * 64} if kind == "photograph" else {})})
        raw = b"".join(pixels)
        with open(os.path.join(folder, part + ".rgb"), "wb") as f:
            f.write(raw)
        with open(os.path.join(folder, part + ".json"), "w") as f:
            json.dump({"sha256": hashlib.sha256(raw).hexdigest(), "seed": 1, "images": entries}, f)


class Recipe(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.tmp = tempfile.TemporaryDirectory()
        cls.images = os.path.join(cls.tmp.name, "images")
        os.mkdir(cls.images)
        images(cls.images)

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def folder(self, name):
        return os.path.join(self.tmp.name, name)

    def test_models_are_alike(self):
        for stride in model.CHANNELS:
            sizes = [sum(p.numel() for p in model.Tokenizer(rule, stride).parameters()) for rule in model.RULES]
            self.assertLess(max(sizes), 800_000)
            self.assertLess(max(sizes) - min(sizes), 0.001 * min(sizes), f"f{stride}: {sizes}")

    def test_codes_are_what_the_decoder_was_trained_on(self):
        """In training the decoder gets what lookup makes of ids."""
        for rule in model.RULES[1:]:
            torch.manual_seed(3)
            m = model.Tokenizer(rule, 8).eval()
            z = torch.randn(4, 8, 16, 16)
            m.bottleneck.start(z)
            for book in getattr(m.bottleneck, "codebooks", []):
                book.update = lambda r, ids: None
            with torch.no_grad():
                trained, _ = m.bottleneck.train_step(z, torch.zeros_like(z))
                looked_up = m.bottleneck.lookup(m.bottleneck.ids(z))
            self.assertLess(float((trained - looked_up).abs().max()), 1e-4, rule)

    def test_search_finds_the_first_of_the_nearest(self):
        for k in (2, 14, 256, 1000, 1024):
            torch.manual_seed(k)
            words = torch.randn(k // 2, 8).repeat(2, 1)
            r = torch.randn(500, 8)
            got = export.Search(words)(r)
            distance = torch.cdist(r.double(), words.double())
            self.assertLess(float((distance.gather(1, got[:, None])[:, 0] - distance.amin(1)).max()), 1e-5, k)
            self.assertLess(int(got.max()), k // 2, k)

    def test_gradient_reaches_the_encoder(self):
        for rule in model.RULES:
            torch.manual_seed(4)
            m = model.Tokenizer(rule, 8)
            x = torch.rand(4, 3, 64, 64) * 2 - 1
            with torch.no_grad():
                m.bottleneck.start(torch.cat([m.latent(x)] * 8) + 0.01 * torch.randn(32, 8, 8, 8))
            y, extra = m(x)
            (train.loss_of(x, y) + extra).backward()
            self.assertGreater(float(m.encoder[1].weight.grad.abs().sum()), 0, rule)

    def test_damaged_images_are_refused(self):
        folder = self.folder("damaged")
        os.mkdir(folder)
        images(folder)
        with open(os.path.join(folder, "train.rgb"), "r+b") as f:
            f.write(b"xyz")
        with self.assertRaisesRegex(ValueError, "train.rgb"):
            data.Pool(folder, "train")

    def test_a_stopped_run_ends_with_the_same_weights(self):
        every, train.EVERY = train.EVERY, 2
        self.addCleanup(setattr, train, "EVERY", every)
        train.run(self.images, self.folder("whole"), ["vq-f8"], trunk_steps=3, steps=5, batch=4, log=lambda line: None)

        class Stopped(Exception):
            pass

        def stop(line):
            if line.startswith("vq-f8") and "'step': 4" in line:
                raise Stopped
        with self.assertRaises(Stopped):
            train.run(self.images, self.folder("stopped"), ["vq-f8"], trunk_steps=3, steps=5, batch=4, log=stop)
        train.run(self.images, self.folder("stopped"), ["vq-f8"], trunk_steps=3, steps=5, batch=4, log=lambda line: None)
        a, b = (torch.load(os.path.join(self.folder(f), "vq-f8.pt"))["model"] for f in ("whole", "stopped"))
        for name, value in a.items():
            self.assertTrue(torch.equal(value, b[name]), name)

    def test_smoke(self):
        """The commands that make what ships, in a few steps; exports are equal."""
        def run(*args):
            done = subprocess.run([sys.executable, *args], cwd=HERE, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr[-2000:])

        out = self.folder("smoke")
        run("train.py", "--images", self.images, "--out", out, "--smoke")
        for copy in ("one", "two"):
            run("export.py", "--run", out, "--images", self.images, "--out", self.folder(copy),
                "--cases", self.folder(copy + ".cases"))
        names = sorted(os.listdir(self.folder("one")))
        self.assertEqual(len(names), 1 + 2 * len(train.MODELS) + 7, names)
        for name in names:
            with open(os.path.join(self.folder("one"), name), "rb") as f, open(os.path.join(self.folder("two"), name), "rb") as g:
                self.assertEqual(f.read(), g.read(), name)


if __name__ == "__main__":
    unittest.main()
