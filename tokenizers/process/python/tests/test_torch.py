"""Tests of the PyTorch and diffusers helpers; skipped where these are missing."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import vtbench  # noqa: E402

import numpy as np  # noqa: E402

try:
    import torch
    from torch import nn
except ImportError:
    raise unittest.SkipTest("torch is not installed") from None

from vtbench import torch_module  # noqa: E402

try:
    import diffusers
    import safetensors.torch  # diffusers forgets to
    from diffusers import AutoencoderKL, VQModel
except Exception:  # a version that does not go with this torch fails in many ways
    diffusers = None


def batch(n, w, h, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, h, w, 3), dtype=np.uint8)


def ask(tok, images, kind="reconstruct"):
    """Answer header and the raw bytes of every item's image."""
    items = [{"w": m.shape[1], "h": m.shape[0]} for m in images]
    answer, parts = vtbench.Server(tok).answer({"type": kind, "id": 1, "items": items}, images.tobytes())
    return answer, parts


class Double(nn.Module):
    """encode and decode that undo each other, with a parameter, a dropout and a
    batch norm that would show if the module were in training mode."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.drop = nn.Dropout(0.9)
        self.norm = nn.BatchNorm2d(3, affine=False)

    def encode(self, x):
        assert x.dtype == torch.float32 and x.min() >= -1 and x.max() <= 1
        return self.drop(x * self.scale)

    def decode(self, z):
        return z / self.scale + 0 * self.norm(z)


class FromTorch(unittest.TestCase):
    def test_every_byte_survives(self):
        images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
        for r in ((-1, 1), (0, 1), (0, 255)):

            class Same(nn.Module):
                def forward(self, x):
                    return x

            answer, parts = ask(vtbench.from_torch(Same(), range=r, device="cpu"), images)
            self.assertNotIn("error", json.dumps(answer))
            np.testing.assert_array_equal(parts[0], images[0], err_msg=str(r))

    def test_another_range_is_tried_on_demand(self):
        with unittest.mock.patch.dict(os.environ, {"VTBENCH_RANGE": "0..255"}):
            tok = vtbench.from_torch(Double(), range=(-1, 1), device="cpu")
        self.assertEqual(tok.range, (0.0, 255.0))
        self.assertEqual(tok.params["range"], "0..255")
        self.assertTrue(tok.batch_invariant)
        self.assertFalse(vtbench.from_torch(Double(), device="cpu", batch_size=4).batch_invariant)

    def test_eval_mode_and_times(self):
        tok = vtbench.from_torch(Double(), device="cpu", multiple_of=2)
        images = batch(3, 6, 4)
        answer, parts = ask(tok, images)
        for i in range(3):
            np.testing.assert_array_equal(parts[i], images[i])
            self.assertGreater(answer["items"][i]["encode_ns"], 0)
        self.assertFalse(any(p.requires_grad for p in tok.module.parameters()))
        info = vtbench.Server(tok).info
        self.assertEqual((info["name"], info["multiple_of"], info["deterministic"], len(info["weights"])), ("Double", 2, True, 64))

    def test_the_digest_is_that_of_the_weights(self):
        a, b = Double(), Double()
        digest = lambda m: vtbench.from_torch(m, device="cpu").weights  # noqa: E731
        self.assertEqual(digest(a), digest(b))
        with torch.no_grad():
            b.scale += 1e-6
        self.assertNotEqual(digest(a), digest(b))

    def test_a_nan_costs_its_image(self):
        class Sick(nn.Module):
            def forward(self, x):
                y = x.clone()
                y[1, 0, 0, 0] = float("nan")
                y[2] = y[2] * 1000
                return {"sample": y}

        images = batch(4, 4, 4)
        answer, parts = ask(vtbench.from_torch(Sick(), device="cpu"), images)
        self.assertEqual(answer["items"][1]["error"], "the reconstruction holds NaN or infinities")
        self.assertIn("declare the range it really has", answer["items"][2]["error"])
        np.testing.assert_array_equal(parts[0], images[0])
        np.testing.assert_array_equal(parts[1], images[3])

    def test_codes(self):
        class Ids(nn.Module):
            def encode(self, x):
                return ((x[:, 0] + 1) * 127.5 / 64).long().clamp(0, 3)

            def decode(self, ids):
                return (ids * 64 / 127.5 - 1)[:, None].repeat(1, 3, 1, 1)

        tok = vtbench.from_torch(
            Ids(), device="cpu", codebooks=[4], codes=lambda t: t, from_codes=lambda m, ids, size: m.decode(ids),
            latents=lambda t: t[:, None].float(), codebook=lambda m, i: torch.arange(4.0)[:, None],
        )
        server = vtbench.Server(tok)
        hello, _ = server.answer({"type": "hello", "id": 1, "protocol": {"min": 1, "max": 1}}, b"")
        self.assertEqual(hello["can"], ["decode", "latents", "codebook"])
        images = batch(2, 4, 2)
        answer, parts = ask(tok, images)
        self.assertEqual(answer["items"][0]["books"], [{"size": 4, "shape": [2, 4]}])
        np.testing.assert_array_equal(parts[1], images[0][..., 0] // 64)
        back, out = server.answer({"type": "decode", "id": 2, "items": [{"w": 4, "h": 2, "blank": True, "books": [{"size": 4, "shape": [2, 4]}]}]}, parts[1].tobytes())
        self.assertNotIn("error", json.dumps(back))
        np.testing.assert_array_equal(out[0], parts[0])
        z, _ = ask(tok, images, "latents")
        self.assertEqual(z["items"][0]["floats"], [1, 2, 4])

    def test_autocast(self):
        tok = vtbench.from_torch(nn.Conv2d(3, 3, 1), device="cpu", autocast="bfloat16")
        answer, _ = ask(tok, batch(1, 4, 4))
        self.assertNotIn("error", json.dumps(answer))
        self.assertEqual(tok.params["autocast"], "bfloat16")

    def test_refusals(self):
        with self.assertRaisesRegex(ValueError, "range is"):
            vtbench.from_torch(Double(), range=(1, -1))
        with self.assertRaisesRegex(ValueError, "autocast is"):
            vtbench.from_torch(Double(), autocast="int8")
        with self.assertRaisesRegex(ValueError, "codes=… is missing"):
            vtbench.from_torch(Double(), codebooks=[4])
        answer, _ = ask(vtbench.from_torch(nn.Conv2d(3, 4, 1), device="cpu"), batch(1, 4, 4))
        self.assertIn("want (n, 3, height, width)", answer["items"][0]["error"])
        # An option that is misspelt, or belongs to another function, would have no effect.
        with self.assertRaisesRegex(TypeError, "unknown option 'value_range', did you mean 'range'"):
            vtbench.from_torch(Double(), value_range=(0, 1))
        with self.assertRaisesRegex(TypeError, "unknown option 'mutliple_of', did you mean 'multiple_of'"):
            vtbench.from_torch(Double(), mutliple_of=8)
        for half, other in (("encode", "decode"), ("decode", "encode")):
            with self.assertRaisesRegex(ValueError, f"{half}=… is given and Conv2d has no {other}: pass {other}=…, too"):
                vtbench.from_torch(nn.Conv2d(3, 3, 1), **{half: lambda m, x: m(x)})

    def test_objects_that_return_tensors(self):
        class Tensors:
            name, value_range, codebooks = "tensors", (0, 1), [256]

            def encode(self, images):
                return torch.from_numpy(np.array(images[:, :1, :1, 0])).long()

            def decode(self, ids):
                grey = (ids / 255.0).requires_grad_().to(torch.bfloat16)
                return grey[..., None].expand(-1, 4, 4, 3)

        answer, parts = ask(Tensors(), np.full((1, 4, 4, 3), 255, np.uint8))
        self.assertEqual((answer["items"][0]["books"], parts[0].min(), parts[1].item()), ([{"size": 256, "shape": [1, 1]}], 255, 255))

    def test_a_module_that_is_not_wrapped(self):
        with self.assertRaisesRegex(TypeError, r"Conv2d has neither .*vtbench.from_torch\(module, range=\(-1, 1\)\)"):
            vtbench.Server(nn.Conv2d(3, 3, 1))

        class Pair(nn.Conv2d):
            encode, decode = nn.Conv2d.forward, nn.Conv2d.forward

        server = vtbench.Server(Pair(3, 3, 1), stride=1)
        server.silent = True
        answer, _ = server.answer({"type": "reconstruct", "id": 1, "items": [{"w": 4, "h": 4}]}, bytes(48))
        self.assertIn("vtbench.from_torch(module", answer["items"][0]["error"])

    def test_a_dictionary(self):
        class Losses(nn.Module):
            def forward(self, x):
                return {"loss": 0, "out": x}

        answer, _ = ask(vtbench.from_torch(Losses(), device="cpu"), batch(1, 4, 4))
        self.assertIn("a dict of 'loss', 'out': want a tensor", answer["items"][0]["error"])
        tok = vtbench.from_torch(Losses(), device="cpu", encode=lambda m, x: x, decode=lambda m, x: m(x)["out"])
        self.assertNotIn("error", ask(tok, batch(1, 4, 4))[0]["items"][0])

    def test_modules_of_one_type(self):
        """A module gets floats of its parameters' type, where that is one."""

        class Mixed(nn.Module):
            def __init__(self, one, other):
                super().__init__()
                self.a, self.b = nn.Parameter(torch.ones(1, dtype=one)), nn.Parameter(torch.ones(1, dtype=other))

            def forward(self, x):
                self.got = x.dtype
                return x

        half, single, double = torch.bfloat16, torch.float32, torch.float64
        for one, other, want in ((half, half, half), (double, double, double), (single, single, single), (half, single, single)):
            module = Mixed(one, other)
            images = batch(1, 4, 4)
            answer, parts = ask(vtbench.from_torch(module, device="cpu"), images)
            self.assertNotIn("error", json.dumps(answer))
            self.assertEqual(module.got, want)
            self.assertLessEqual(np.abs(parts[0].reshape(images[0].shape).astype(int) - images[0]).max(), 0 if want != half else 1)


class Fours(nn.Module):
    """Takes 1 + 4k frames: the first alone, then means of four, as ids of 256 levels in cells
    of 2x2 pixels."""

    def encode(self, x):
        assert x.dim() == 5 and x.shape[1] == 3 and (x.shape[2] - 1) % 4 == 0
        x = nn.functional.avg_pool3d(x, (1, 2, 2))
        later = nn.functional.avg_pool3d(x[:, :, 1:], (4, 1, 1)) if x.shape[2] > 1 else x[:, :, 1:]
        z = torch.cat([x[:, :, :1], later], 2)
        return z, ((z[:, 0] + 1) * 127.5 + 0.5).floor().long().clamp(0, 255)

    def decode(self, ids):
        y = (ids / 127.5 - 1)[:, None].repeat(1, 3, 1, 1, 1)
        y = torch.cat([y[:, :, :1], y[:, :, 1:].repeat_interleave(4, 2)], 2)
        return nn.functional.interpolate(y, scale_factor=(1, 2, 2))


class FromTorchVideo(unittest.TestCase):
    def tok(self, **options):
        return vtbench.from_torch(
            Fours(), video=True, device="cpu", multiple_of=2, codebooks=[256], decode=lambda m, t: m.decode(t[1]),
            codes=lambda t: t[1], from_codes=lambda m, ids, size: m.decode(ids), latents=lambda t: t[0], **options,
        )

    def window(self, tok, frames):
        items = [{"w": frames.shape[2], "h": frames.shape[1], "frames": len(frames)}]
        answer, parts = vtbench.Server(tok).answer({"type": "reconstruct_clip", "id": 1, "items": items}, frames.tobytes())
        return answer["items"][0], parts

    def grey(self, n, seed=0):
        return batch(n, 8, 4, seed)[..., :1].repeat(3, 3)

    def test_windows(self):
        tok = self.tok(clips={"multiple": 4, "causal": True})
        frames = self.grey(5)
        item, parts = self.window(tok, frames)
        self.assertNotIn("error", item)
        self.assertEqual((item["frames"], item["books"]), (5, [{"size": 256, "shape": [2, 2, 4]}]))
        self.assertGreater(min(item["encode_ns"], item["decode_ns"]), 0)
        means = frames[..., 0].reshape(5, 2, 2, 4, 2).mean((2, 4))
        np.testing.assert_allclose(parts[0][0, ::2, ::2, 0], means[0], atol=1)
        np.testing.assert_allclose(parts[0][3, ::2, ::2, 0], means[1:].mean(0), atol=1)
        np.testing.assert_array_equal(parts[1][0], parts[0][0, ::2, ::2, 0])
        item, _ = self.window(tok, self.grey(4))
        self.assertIn("error", item)

    def test_images(self):
        tok = self.tok(clips={"multiple": 4, "causal": True})
        images = self.grey(2)
        answer, parts = ask(tok, images)
        self.assertNotIn("error", json.dumps(answer))
        self.assertEqual(answer["items"][0]["books"][0]["shape"], [1, 2, 4])
        _, window = self.window(tok, images[:1])
        np.testing.assert_array_equal(window[0][0], parts[0])
        back, out = vtbench.Server(tok).answer({"type": "decode", "id": 2, "items": [{"w": 8, "h": 4, "blank": True, "books": answer["items"][0]["books"]}]}, parts[1].tobytes())
        self.assertNotIn("error", json.dumps(back))
        np.testing.assert_array_equal(out[0], parts[0])
        z, _ = ask(tok, images, "latents")
        self.assertEqual(z["items"][0]["floats"], [3, 2, 4])

    def test_windows_are_found_by_trying(self):
        self.assertEqual(self.tok().clips, {"multiple": 4, "causal": True})
        for takes, want in (
            (lambda n: True, {}),
            (lambda n: n % 4 == 0, {"multiple": 4}),
            (lambda n: n % 8 == 0, {"multiple": 8}),
            (lambda n: n % 8 == 1, {"multiple": 8, "causal": True}),
            (lambda n: n % 4 in (0, 1), {"multiple": 4, "causal": True}),
            (lambda n: n % 6 == 1, {"multiple": 6, "causal": True}),
            (lambda n: n == 16, {"fixed": 16}),
            (lambda n: n == 1, {"fixed": 1}),
        ):
            self.assertEqual(torch_module.found_clips(takes), want)
        for takes, why in ((lambda n: False, "no window of 1 to 9, 16 or 17"), (lambda n: n in (2, 5), "only windows of 2, 5 frames come back whole: say which")):
            with self.assertRaisesRegex(ValueError, why):
                torch_module.found_clips(takes)
        with self.assertRaisesRegex(ValueError, "clips are declared and video is not"):
            vtbench.from_torch(Fours(), device="cpu", clips={"multiple": 4})

    def test_forward_alone_and_bad_values(self):
        class Sick(nn.Module):
            def forward(self, x):
                y = x.clone()
                if x.shape[2] > 2:
                    y[0, 0, 2, 0, 0] = float("nan")
                return y

        tok = vtbench.from_torch(Sick(), video=True, clips={}, device="cpu", range=(0, 1))
        frames = batch(2, 8, 4)
        item, parts = self.window(tok, frames)
        np.testing.assert_array_equal(parts[0], frames)
        self.assertEqual((item["encode_ns"], item["decode_ns"]), (0, 0))  # of no half the time is known
        item, _ = self.window(tok, batch(3, 8, 4))
        self.assertEqual(item["error"], "frame 2 of the window: the reconstruction holds NaN or infinities")
        flat = vtbench.from_torch(nn.Conv3d(3, 3, 1), encode=lambda m, x: x, decode=lambda m, x: m(x), device="cpu")
        answer, _ = ask(flat, batch(1, 4, 4))
        self.assertIn("error", answer["items"][0])


@unittest.skipIf(diffusers is None, "diffusers is not installed, or not with this torch")
class FromDiffusers(unittest.TestCase):
    BLOCKS = dict(
        block_out_channels=(16, 32), layers_per_block=1, latent_channels=4, norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )

    def saved(self, model):
        d = tempfile.TemporaryDirectory()
        self.addCleanup(d.cleanup)
        torch.manual_seed(0)
        model.save_pretrained(os.path.join(d.name, "vae"))
        return d.name

    def check(self, tok, wanted):
        images = batch(3, 16, 8)
        answer, parts = ask(tok, images)
        self.assertNotIn("error", json.dumps(answer))
        again, same = ask(tok, images)
        for a, b in zip(parts, same):
            np.testing.assert_array_equal(a, b)
        # What the helper does, by hand.
        with torch.no_grad():
            x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
            y = wanted(x)
            want = ((y + 1) * 127.5 + 0.5).floor().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
        step = 2 if tok.info_has_codes else 1
        for i in range(3):
            self.assertLessEqual(int(np.abs(parts[step * i].astype(int) - want[i]).max()), 1)
        return answer, parts

    def test_a_model_of_diffusers_is_not_from_torch(self):
        model = AutoencoderKL(**self.BLOCKS)
        with self.assertRaisesRegex(ValueError, r"AutoencoderKL is of diffusers, .*vtbench.from_diffusers\(module\)"):
            vtbench.from_torch(model, device="cpu")
        vtbench.from_torch(model, device="cpu", encode=lambda m, x: m.encode(x).latent_dist.mode(), decode=lambda m, z: m.decode(z))

    def test_autoencoder_kl(self):
        model = AutoencoderKL(**self.BLOCKS).eval()
        folder = self.saved(model)
        tok = vtbench.from_diffusers(folder, subfolder="vae", device="cpu")
        tok.info_has_codes = False
        self.assertEqual((tok.multiple_of, tok.stride, tok.channels, tok.params["class"], tok.params["latent"]), (2, 2, 4, "AutoencoderKL", "mode"))
        self.check(tok, lambda x: model.decode(model.encode(x).latent_dist.mode()).sample)
        z, _ = ask(tok, batch(1, 16, 8), "latents")
        self.assertEqual(z["items"][0]["floats"], [4, 4, 8])
        drawn = vtbench.from_diffusers(os.path.join(folder, "vae"), device="cpu", sample=True)
        self.assertFalse(drawn.deterministic)

    def test_vq_model(self):
        model = VQModel(num_vq_embeddings=32, **self.BLOCKS).eval()
        tok = vtbench.from_diffusers(model, device="cpu", name="tiny-vq")
        tok.info_has_codes = True
        answer, parts = self.check(tok, lambda x: model.decode(model.encode(x).latents).sample)
        self.assertEqual(answer["items"][0]["books"], [{"size": 32, "shape": [4, 8]}])
        server = vtbench.Server(tok)
        back, out = server.answer({"type": "decode", "id": 2, "items": [{"w": 16, "h": 8, "blank": True, "books": [{"size": 32, "shape": [4, 8]}]}]}, parts[1].tobytes())
        self.assertNotIn("error", json.dumps(back))
        self.assertLessEqual(int(np.abs(out[0].astype(int) - parts[0]).max()), 1)
        book, vectors = server.answer({"type": "codebook", "id": 3, "book": 0}, b"")
        self.assertEqual(book["items"], [{"floats": [32, 4]}])

    @unittest.skipUnless(diffusers and hasattr(diffusers, "AutoencoderDC"), "this diffusers has no AutoencoderDC")
    def test_autoencoder_dc(self):
        model = diffusers.AutoencoderDC(
            latent_channels=8, attention_head_dim=8, encoder_block_types="ResBlock", decoder_block_types="ResBlock",
            encoder_block_out_channels=(16, 32), decoder_block_out_channels=(16, 32), encoder_layers_per_block=(1, 1), decoder_layers_per_block=(1, 1),
            encoder_qkv_multiscales=((), ()), decoder_qkv_multiscales=((), ()),
        ).eval()
        tok = vtbench.from_diffusers(self.saved(model), subfolder="vae", device="cpu")
        tok.info_has_codes = False
        self.assertEqual(tok.params["class"], "AutoencoderDC")
        self.check(tok, lambda x: model.decode(model.encode(x).latent).sample)

    def windows(self, tok, wanted, numbers, wrong=()):
        """Windows against the module by hand; numbers of frames that do not come back whole."""
        for n in numbers:
            frames = batch(n, 64, 64, seed=n)
            head = {"type": "reconstruct_clip", "id": 1, "items": [{"w": 64, "h": 64, "frames": n}]}
            answer, parts = vtbench.Server(tok).answer(head, frames.tobytes())
            self.assertNotIn("error", json.dumps(answer))
            with torch.no_grad():
                y = wanted(torch.from_numpy(frames).permute(3, 0, 1, 2)[None].float() / 127.5 - 1)
            want = ((y[0] + 1) * 127.5 + 0.5).floor().clamp(0, 255).permute(1, 2, 3, 0).numpy()
            self.assertLessEqual(int(np.abs(parts[0].astype(int) - want).max()), 1)
        for n in wrong:
            self.assertFalse(tok._takes(n), n)

    def test_temporal_decoder(self):
        torch.manual_seed(0)
        model = diffusers.AutoencoderKLTemporalDecoder(block_out_channels=(32, 32), down_block_types=("DownEncoderBlock2D",) * 2, latent_channels=4).eval()
        tok = vtbench.from_diffusers(model, device="cpu")
        self.assertEqual((tok.clips, tok.stride), ({}, 2))

        def wanted(x):
            z = model.encode(x[0].transpose(0, 1)).latent_dist.mode()
            return model.decode(z, num_frames=x.shape[2]).sample.transpose(0, 1)[None]

        self.windows(tok, wanted, (1, 3))

    def test_newer_autoencoders_for_video(self):
        """Those that the zoo has no preset of, as far as they are there."""
        for name, config, numbers, wrong in (
            ("AutoencoderKLHunyuanVideo15", dict(block_out_channels=(32,) * 5, layers_per_block=1, latent_channels=8), (1, 5), (2, 4)),
            ("AutoencoderKLKVAEVideo", dict(ch=32, ch_mult=(1, 1, 1, 1), num_res_blocks=1), (1, 5), (2, 4)),
            (
                "AutoencoderKLLTX2Video",
                dict(
                    block_out_channels=(16, 32, 64, 128), decoder_block_out_channels=(16, 32, 64), layers_per_block=(1,) * 5, decoder_layers_per_block=(1,) * 4,
                    latent_channels=16, temporal_compression_ratio=8, spatial_compression_ratio=32,
                ),
                (1, 9), (4, 5),
            ),
        ):
            if not hasattr(diffusers, name):
                continue
            with self.subTest(name):
                torch.manual_seed(0)
                model = getattr(diffusers, name)(**config).eval()
                tok = vtbench.from_diffusers(model, device="cpu")
                self.assertEqual(tok.clips["causal"], True)
                self.windows(tok, lambda x: model.decode(model.encode(x).latent_dist.mode()).sample, numbers, wrong)

    def test_hub_id(self):
        """From the hub's cache, which looks the same to diffusers as the hub."""
        revision = "0" * 40
        with tempfile.TemporaryDirectory() as cache:
            repo = os.path.join(cache, "models--someone--tiny")
            os.makedirs(os.path.join(repo, "refs"))
            with open(os.path.join(repo, "refs", "main"), "w") as f:
                f.write(revision)
            VQModel(num_vq_embeddings=32, **self.BLOCKS).save_pretrained(os.path.join(repo, "snapshots", revision, "vae"))
            script = "import vtbench; t = vtbench.from_diffusers('someone/tiny', subfolder='vae', device='cpu'); print(t.name, t.params['class'], t.codebooks, flush=True)"
            sdk = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
            env = dict(os.environ, HF_HUB_CACHE=cache, HF_HUB_OFFLINE="1", PYTHONPATH=sdk)
            done = subprocess.run([sys.executable, "-c", script], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(done.stdout.decode().strip(), "tiny VQModel [32]", done.stderr.decode())

    def test_no_such_folder(self):
        with self.assertRaisesRegex(FileNotFoundError, "./nowhere: no such folder"):
            vtbench.from_diffusers("./nowhere")

    def test_unknown_class(self):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, "config.json"), "w") as f:
                json.dump({"_class_name": "AutoencoderXYZ"}, f)
            with self.assertRaisesRegex(ValueError, "has no class 'AutoencoderXYZ'"):
                vtbench.from_diffusers(d)
            with open(os.path.join(d, "config.json"), "w") as f:
                json.dump({}, f)
            with self.assertRaisesRegex(ValueError, "no class named in its config.json"):
                vtbench.from_diffusers(d)


if __name__ == "__main__":
    unittest.main()
