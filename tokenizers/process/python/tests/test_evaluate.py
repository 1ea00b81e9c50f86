"""Tests of evaluate and of what goes with it: they need the program, which VTBENCH_BIN
names (make test-torch sets it), and what reads text. Those of torch need that."""

import glob
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
SDK = os.path.dirname(HERE)
sys.path.insert(0, SDK)

import numpy as np  # noqa: E402

import vtbench  # noqa: E402
from vtbench import _ranks, _running  # noqa: E402

try:
    import torch
except ImportError:
    torch = None

PROGRAM = unittest.skipUnless(os.environ.get("VTBENCH_BIN"), "VTBENCH_BIN is not set")
# A suite that is done in a second: pixels only, on small images.
SUITE = """
id: quick
version: 1
title: Quick
question: does it run
datasets: [text-default]
resolutions: [64]
score_at: input
metrics: [psnr, ssim]
headline: [psnr, ssim]
tokenizers: []
"""


def blur(images):
    """A tokenizer as a function: every block of 4x4 becomes its mean."""
    n, h, w, _ = images.shape
    small = images.reshape(n, h // 4, 4, w // 4, 4, 3).mean(axis=(2, 4)).round().astype(np.uint8)
    return small.repeat(4, 1).repeat(4, 2)


def children():
    """Processes of vtbench that this one, or a child of it, has started."""
    out = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as f:
                if MARK.encode() in f.read():
                    with open(os.path.dirname(path) + "/cmdline", "rb") as g:
                        out.append(g.read().replace(b"\0", b" ").decode())
        except OSError:
            pass
    return [c for c in out if os.path.basename(c.split(" ")[0]).startswith("vtbench")]


MARK = f"VTBENCH_TEST_MARK={os.getpid()}-{random.random()}"
os.environ.update([MARK.split("=")])


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        before = os.getcwd()
        os.chdir(self.dir.name)
        self.addCleanup(os.chdir, before)
        with open("quick.yaml", "w") as f:
            f.write(SUITE)

    def tearDown(self):
        until = time.monotonic() + 10
        while children() and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(children(), [], "processes were left")

    def evaluate(self, model=blur, **options):
        options = {"suite": "quick.yaml", "limit": 2, "cache": False, **options}
        return vtbench.evaluate(model, **options)


@PROGRAM
class Evaluate(Case):
    def test_result(self):
        r = self.evaluate(baselines=["jpeg:q=20"], name="mine")
        self.assertEqual(r.status, 0)
        self.assertIn("mine", r.table())
        self.assertIn("jpeg:q=20", str(r))
        self.assertTrue(os.path.exists(r.report))
        psnr = r.value("psnr")
        self.assertTrue(10 < psnr.mean < 60 and psnr.n == 2, psnr)
        self.assertEqual(set(r.scalars()), {"quick/text-default/clean@64/psnr", "quick/text-default/clean@64/ssim"})
        self.assertEqual(r.scalars()["quick/text-default/clean@64/psnr"], psnr)
        with self.assertRaisesRegex(KeyError, "no values.*psnr"):
            r.value("t-acc")
        model = next(t for t in r.manifest["tokenizers"] if t["name"] == "mine")
        self.assertEqual(model["kind"], "fd")
        self.assertNotIn("code", model["info"])
        # The pixels are those that the function returned.
        again = vtbench.Evaluation.open(r.path, "mine")
        self.assertEqual(again.rows, r.rows)
        self.assertEqual(again.table(), r.table())
        with self.assertRaisesRegex(ValueError, "no tokenizer 'model', only original, resize, mine, jpeg:q=20"):
            vtbench.Evaluation.open(r.path)
        try:
            frame = r.to_pandas()
        except ImportError:
            return
        self.assertEqual(len(frame), len(r.summary["rows"]))

    def test_compare(self):
        a = self.evaluate(limit=8)
        b = self.evaluate(lambda x: x, limit=8)
        c = b.compare(a, margins={"psnr": 0.5})
        self.assertEqual(c.verdicts["text-default/clean@64/ssim"], "better")
        self.assertIn("SSIM", c.table())
        self.assertEqual({r["metric"] for r in c.rows}, {"psnr", "ssim"})
        self.assertEqual(b.compare(a.path).verdicts["text-default/clean@64/ssim"], "better")
        self.assertEqual(a.compare(a.path + "#resize").rows[0]["metric"], "psnr")

    def test_films(self):
        """An object that takes windows of films and nothing else; its windows are padded."""

        class Film:
            name, deterministic, clips = "film", True, {"multiple": 4, "causal": True}
            windows = []

            def reconstruct_clip(self, frames, rate, start):
                self.windows.append((len(frames), rate, start))
                return np.repeat(blur(frames[:1]), len(frames), 0)

        with open("film.yaml", "w") as f:
            f.write(SUITE.replace("text-default", "clips-default").replace("id: quick", "id: film"))
        r = self.evaluate(Film(), suite="film.yaml", limit=28)
        self.assertEqual((r.status, r.failures, r.value("psnr").n), (0, [], 28))
        self.assertLessEqual({(17, 25.0, 0), (13, 25.0, 16)}, set(Film.windows))

    def test_equals_a_plug_in(self):
        """The same numbers as the same code behind process:, to the last bit."""
        with open("tok.py", "w") as f:
            f.write(textwrap.dedent(f"""
                import sys; sys.path.insert(0, {SDK!r})
                import vtbench
                class T:
                    name = "blur"
                    def reconstruct(self, images):
                        n, h, w, _ = images.shape
                        small = images.reshape(n, h // 4, 4, w // 4, 4, 3).mean(axis=(2, 4)).round().astype("uint8")
                        return small.repeat(4, 1).repeat(4, 2)
                vtbench.serve(T())
            """))
        r = self.evaluate(baselines=[f"other=process:{sys.executable} tok.py"])
        other = vtbench.Evaluation.open(r.path, "other")
        strip = lambda rows: [{k: v for k, v in row.items() if k != "tokenizer"} for row in rows]  # noqa: E731
        self.assertTrue(r.rows)
        self.assertEqual(strip(r.rows), strip(other.rows))

    def test_random_numbers_are_put_back(self):
        def noisy(images):
            noise = np.random.randint(0, 20, images.shape)
            return np.clip(images.astype(int) + noise + random.randint(0, 3), 0, 255).astype(np.uint8)

        np.random.seed(7)
        random.seed(7)
        want = np.random.rand(), random.random()
        np.random.seed(7)
        random.seed(7)
        a = self.evaluate(noisy, jobs=1)
        self.assertEqual((np.random.rand(), random.random()), want)
        np.random.rand(10)
        self.assertEqual(self.evaluate(noisy, jobs=1).rows, a.rows)  # it draws the same again

    def test_one_bad_image(self):
        def touchy(images):
            if images[0, 0, 0, 0] % 2 == state["parity"]:
                raise RuntimeError("an odd image")
            return images

        firsts = []
        self.evaluate(lambda x: (firsts.extend(int(m[0, 0, 0]) for m in x), x)[1], limit=12)
        self.assertGreater(len({v % 2 for v in firsts}), 1, "the test needs both kinds of images")
        state = {"parity": 1}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            r = self.evaluate(touchy, limit=12)
        self.assertEqual(r.status, 4)
        self.assertEqual(len(r.failures), sum(v % 2 for v in firsts))
        self.assertIn("an odd image", r.failures[0]["error"])
        self.assertIn("items failed", str(caught[0].message))

    def test_every_image_fails(self):
        def broken(images):
            raise ZeroDivisionError("no such layer")

        with self.assertRaisesRegex(vtbench.ModelFailed, "every image.*no such layer") as caught:
            self.evaluate(broken)
        self.assertIsInstance(caught.exception.__cause__, ZeroDivisionError)

    def test_errors_of_the_program(self):
        for options, want, status in [
            ({"suite": "txet"}, 'did you mean "text"', 2),
            ({"baselines": ["jpg"]}, "unknown tokenizer", 2),
            ({"metrics": ["psn"]}, "unknown metric", 2),
            ({"options": {"ocr.lang": "eng"}, "metrics": ["lpips-alex"]}, "lpips", 5),
            ({"options": {"x.y": 1}}, "nothing has options of", 2),
        ]:
            with self.assertRaisesRegex(vtbench.VtbenchError, want) as caught:
                self.evaluate(**options)
            self.assertEqual(caught.exception.status, status)
        r = self.evaluate(output="here")
        with self.assertRaisesRegex(vtbench.VtbenchError, "here"):
            self.evaluate(output="here")
        self.assertEqual(r.path, "here")

    def test_refusals(self):
        for options, want in [
            ({"name": "a=b"}, "name is"),
            ({"name": ""}, "name is"),
            ({"limit": 0}, "limit is 0"),
            ({"distributed": True}, "which rank"),
            ({"colour": 3}, "unknown option 'colour'"),
            ({"resolution": [64]}, "unknown option 'resolution', did you mean 'resolutions'"),
        ]:
            with self.assertRaisesRegex((ValueError, TypeError), want):
                self.evaluate(**options)
        with self.assertRaisesRegex(TypeError, "is no model"):
            self.evaluate(42)

    def test_cancelled_and_late(self):
        def slow(images):
            time.sleep(0.2)
            started.set()
            return images

        started = event = threading.Event()
        with self.assertRaisesRegex(vtbench.Cancelled, "was cancelled"):
            self.evaluate(slow, limit=100, cancel=event)
        started = threading.Event()
        with self.assertRaisesRegex(vtbench.Cancelled, "longer than the 0.5 s"):
            self.evaluate(slow, limit=100, timeout=0.5)

    def test_too_slow_a_batch(self):
        with self.assertRaisesRegex(vtbench.VtbenchError, "no answer within 200ms"):
            self.evaluate(lambda x: time.sleep(3) or x, batch_timeout=0.2)

    def test_in_a_thread(self):
        got = []
        t = threading.Thread(target=lambda: got.append(self.evaluate()))
        t.start()
        t.join()
        self.assertEqual(got[0].status, 0)

    def script(self, text, *args, **env):
        return subprocess.Popen(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {SDK!r})\n" + textwrap.dedent(text), *args],
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def test_interrupted_or_killed(self):
        """Ctrl-C is KeyboardInterrupt; a caller that dies takes the program along."""
        script = """
            import signal, vtbench, time
            signal.signal(signal.SIGINT, signal.default_int_handler)  # tests may run with it ignored
            def slow(images):
                print("busy", flush=True)
                time.sleep(0.1)
                return images
            try:
                vtbench.evaluate(slow, "quick.yaml", 200, output=sys.argv[1])
            except KeyboardInterrupt:
                print("interrupted", flush=True)
        """
        for how in (signal.SIGINT, signal.SIGKILL):
            p = self.script(script, how.name)
            self.assertEqual(p.stdout.readline(), "busy\n")
            self.assertTrue(children())
            p.send_signal(how)
            out = p.communicate(timeout=60)[0]
            if how == signal.SIGINT:
                self.assertIn("interrupted", out)
            self.tearDown()

    def test_ranks(self):
        """Two plain processes: one evaluates, both have the result."""
        script = """
            import os, vtbench
            def model(images):
                assert os.environ["RANK"] == "0", "only rank 0 evaluates"
                if os.environ.get("BREAK"):
                    raise RuntimeError("broken on rank 0")
                return images
            try:
                a = vtbench.evaluate(model, "quick.yaml", 2, timeout=100)
                b = vtbench.evaluate(model, "quick.yaml", 2, timeout=100)
                assert a.path != b.path
                print(a.path, b.path, a.value("ssim").mean, len(a.table()) > 80)
            except vtbench.VtbenchError as e:
                print(type(e).__name__, e)
        """
        for more in ({}, {"BREAK": "1", "MASTER_PORT": "2"}):
            env = {"WORLD_SIZE": "2", "MASTER_ADDR": "here", "MASTER_PORT": "1", **more}
            ps = [self.script(script, RANK=r, **env) for r in ("1", "0")]
            first, second = (p.communicate(timeout=120)[0].strip() for p in ps)
            if more:
                self.assertIn("VtbenchError rank 0: the model failed on every image: RuntimeError: broken on rank 0", first)
                self.assertIn("ModelFailed", second)
            else:
                self.assertEqual(first, second)
                self.assertEqual(first, "runs/quick-here-1-0-1 runs/quick-here-1-0-2 1.0 True")

    def test_rank_0_dies(self):
        dead, beat = _ranks.DEAD, _ranks.BEAT
        _ranks.DEAD = 0.5
        self.addCleanup(lambda: (setattr(_ranks, "DEAD", dead), setattr(_ranks, "BEAT", beat)))
        os.mkdir("shared")
        _ranks._put("shared/" + _ranks.PULSE, {"beat": 1})
        with self.assertRaisesRegex(vtbench.VtbenchError, "rank 0 has not shown"):
            _ranks.share(_ranks.Rank(1, 2), "shared", "model", None, lambda: None)
        # The answer of another job, from before this process, is none.
        _ranks._put("shared/" + _ranks.ANSWER, {"error": "of yesterday"})
        os.utime("shared/" + _ranks.ANSWER, (1, 1))
        with self.assertRaisesRegex(vtbench.Cancelled, "0.5 s"):
            os.remove("shared/" + _ranks.PULSE)
            _ranks.share(_ranks.Rank(1, 2), "shared", "model", None, _running.deadline(0.5, None, "it"))
        with self.assertRaisesRegex(vtbench.VtbenchError, "another time"):
            _ranks.share(_ranks.Rank(0, 2), "shared", "model", None, lambda: None)


class Finding(unittest.TestCase):
    def test_missing(self):
        old = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(old)))
        os.environ["VTBENCH_BIN"] = "/nowhere/vtbench"
        with self.assertRaisesRegex(vtbench.ProgramMissing, "VTBENCH_BIN: /nowhere/vtbench is not a program"):
            vtbench.evaluate(blur)
        del os.environ["VTBENCH_BIN"]
        os.environ["PATH"] = ""
        with self.assertRaisesRegex(vtbench.ProgramMissing, "the program vtbench is missing.*VTBENCH_BIN") as caught:
            vtbench.evaluate(blur)
        self.assertEqual(caught.exception.status, 5)


@PROGRAM
@unittest.skipUnless(torch, "torch is not installed")
class Torch(Case):
    def test_the_model_is_left_as_it_was(self):
        class Model(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = torch.nn.Conv2d(3, 3, 3, padding=1)
                self.drop = torch.nn.Dropout(0.5)
                self.norm = torch.nn.BatchNorm2d(3)
                self.frozen = torch.nn.BatchNorm2d(3)
                self.kept = None

            def forward(self, x):
                assert not self.training and not torch.is_grad_enabled() and not torch.is_autocast_enabled()
                self.kept = self.conv(x)
                return self.norm(self.drop(self.kept))

        m = Model()
        m.frozen.eval()
        before = {k: v.clone() for k, v in m.state_dict().items()}
        torch.manual_seed(3)
        want = torch.rand(4)
        torch.manual_seed(3)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            r = self.evaluate(m, range=(-1, 1))
        self.assertTrue(torch.equal(torch.rand(4), want))
        self.assertTrue(m.training and m.norm.training and not m.frozen.training)
        self.assertTrue(all(p.requires_grad for p in m.parameters()))
        for k, v in m.state_dict().items():
            self.assertTrue(torch.equal(v, before[k]), k)
        info = next(t for t in r.manifest["tokenizers"] if t["name"] == "model")["info"]
        from vtbench.torch_module import digest

        self.assertEqual(info["weights"], digest(m))
        # What it kept can be trained with.
        (m.conv.weight.sum() * m.kept.mean()).backward()

    def test_the_same_numbers_as_eval_by_hand(self):
        torch.manual_seed(1)
        m = torch.nn.Sequential(torch.nn.AvgPool2d(2), torch.nn.Upsample(scale_factor=2))
        seen = []

        class Spy(torch.nn.Module):
            def forward(self, x):
                y = m(x)
                seen.append((x, y))
                return y

        r = self.evaluate(Spy(), range=(0, 1))
        psnr = []
        for x, y in (s for s in seen if s[0].std() > 0):  # but for the grey one that warms it up
            a, b = (x * 255).round(), (y * 255).add(0.5).floor().clamp(0, 255)
            psnr.append(float(10 * torch.log10(255**2 / ((a - b) ** 2).double().mean())))
        self.assertAlmostEqual(r.value("psnr").mean, sum(psnr) / len(psnr), places=5)

    def test_an_autoencoder_of_diffusers(self):
        """Its options are known; in training it is often in bfloat16, and stays what it is."""
        try:
            from diffusers import AutoencoderKL
        except Exception:
            raise unittest.SkipTest("diffusers is not installed, or not with this torch") from None
        model = AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=8, layers_per_block=1, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)
        for dtype in (torch.float32, torch.bfloat16):
            r = self.evaluate(model.to(dtype).train(), limit=1)
            info = next(t for t in r.manifest["tokenizers"] if t["name"] == "model")["info"]
            self.assertEqual((r.failures, info["stride"], info["multiple_of"], info["channels"]), ([], 2, 2, 4))
            self.assertEqual((info["params"]["latent"], info["params"]["dtype"]), ("mode", str(dtype)[6:]))
            self.assertTrue(model.training and model.dtype == dtype)
        r = self.evaluate(model.to(torch.float32), limit=1, encode=lambda m, x: m.encode(x).latent_dist.mode(), decode=lambda m, z: m.decode(z))
        self.assertEqual(r.failures, [])

    def test_a_wrapped_module(self):
        m = torch.nn.DataParallel(torch.nn.Identity())
        self.assertEqual(self.evaluate(m, range=(0, 1)).value("ssim").mean, 1.0)


if __name__ == "__main__":
    unittest.main()
