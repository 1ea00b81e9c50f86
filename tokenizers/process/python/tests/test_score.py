"""Tests of score; they need the program, which VTBENCH_BIN names."""

import math
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
SDK = os.path.dirname(HERE)
sys.path.insert(0, SDK)

import numpy as np  # noqa: E402

import vtbench  # noqa: E402
from vtbench import _score, image  # noqa: E402

try:
    import torch
except ImportError:
    torch = None


def pair(n=0, w=48, h=32, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 256, (n or 1, h, w, 3), dtype=np.uint8)
    b = np.clip(a.astype(int) + rng.integers(-9, 10, a.shape), 0, 255).astype(np.uint8)
    return (a, b) if n else (a[0], b[0])


def psnr(a, b):
    return 10 * math.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


@unittest.skipUnless(os.environ.get("VTBENCH_BIN"), "VTBENCH_BIN is not set")
class Score(unittest.TestCase):
    def test_arrays(self):
        a, b = pair(5)
        want = [psnr(x, y) for x, y in zip(a, b)]
        got = vtbench.score(a, b, ["psnr", "ssim"])
        np.testing.assert_allclose(got["psnr"], want, rtol=1e-9)
        self.assertAlmostEqual(got.mean("psnr"), sum(want) / 5)
        self.assertEqual(list(got), ["psnr", "ssim"])
        self.assertEqual((len(got), got.errors), (5, {}))
        for ref, dist in [
            (a.transpose(0, 3, 1, 2), b),  # channels first
            (list(a), list(b)),
            (a.astype(np.float32) / 255, b.astype(np.float64) / 255),
        ]:
            np.testing.assert_array_equal(vtbench.score(ref, dist, ["psnr"], range=(0, 1))["psnr"], got["psnr"])
        one = vtbench.score(a[0], b[0], "psnr")
        self.assertEqual(one["psnr"], got["psnr"][0])
        self.assertIn("psnr", repr(one))
        self.assertEqual(vtbench.score(a[0], a[0], "psnr")["psnr"], math.inf)
        grey = vtbench.score(a[0, ..., 0], a[0, ..., :1].repeat(3, 2), "psnr")
        self.assertEqual(grey["psnr"], math.inf)
        self.assertIn("ssim", list(vtbench.score(a[0], b[0])))  # the usual ones

    @unittest.skipUnless(torch, "torch is not installed")
    def test_tensors(self):
        a, b = pair(2)
        x, y = (torch.tensor(m).permute(0, 3, 1, 2).float() / 127.5 - 1 for m in (a, b))
        want = vtbench.score(a, b, "psnr")["psnr"]
        np.testing.assert_array_equal(vtbench.score(x.requires_grad_(), y, "psnr", range=(-1, 1))["psnr"], want)
        self.assertEqual(vtbench.score(x[0], y[0], "psnr", range=(-1, 1))["psnr"], want[0])

    def test_files_and_sizes(self):
        with tempfile.TemporaryDirectory() as d:
            sizes = [(20, 30), (48, 32), (33, 17)]
            pairs = [pair(0, w, h, i) for i, (w, h) in enumerate(sizes)]
            names = [[os.path.join(d, f"{side}{i}.png") for i in range(3)] for side in "ab"]
            for i, p in enumerate(pairs):
                for side in (0, 1):
                    image.write(names[side][i], p[side])
            want = vtbench.score([p[0] for p in pairs], [p[1] for p in pairs])
            for ref, dist in [names, (names[0], [p[1] for p in pairs])]:
                got = vtbench.score(ref, dist)
                for m in want:
                    np.testing.assert_array_equal(got[m], want[m])
            self.assertEqual(vtbench.score(names[0][0], names[1][0], "psnr")["psnr"], want["psnr"][0])
            with self.assertRaisesRegex(ValueError, "is the folder"):
                vtbench.score(d, d)
            with self.assertRaisesRegex(vtbench.VtbenchError, "no such file"):
                vtbench.score(names[0][0], d + "/missing.png")

    def test_large_batches_are_cut(self):
        a, b = pair(7)
        want = vtbench.score(a, b, "psnr")["psnr"]
        whole, part = _score.WHOLE, _score.PART
        self.addCleanup(lambda: (setattr(_score, "WHOLE", whole), setattr(_score, "PART", part)))
        _score.WHOLE, _score.PART = 100, 5 * a[0].nbytes
        np.testing.assert_array_equal(vtbench.score(a, b, "psnr")["psnr"], want)

    def test_what_cannot_be_scored(self):
        a, b = pair(3)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = vtbench.score(list(a), [b[0], b[1, :9], b[2]], "psnr")
        self.assertTrue(math.isnan(got["psnr"][1]) and got["psnr"][2] > 0)
        self.assertIn("48×9", got.errors[1])
        self.assertIn("1 of 3 pairs", str(caught[0].message))
        for call, kind, want in [
            (lambda: vtbench.score(a[0], b[0, :9]), vtbench.VtbenchError, "48×32.*48×9"),
            (lambda: vtbench.score(a, b[:2]), vtbench.VtbenchError, "3 references and 2 distorted"),
            (lambda: vtbench.score(a, b, "psn"), vtbench.VtbenchError, 'did you mean "psnr"'),
            (lambda: vtbench.score(a, b, "t-acc"), vtbench.VtbenchError, "does not compare two images"),
            (lambda: vtbench.score(a, b, "fid"), vtbench.VtbenchError, "feature.model"),
            (lambda: vtbench.score(a / 255, b), ValueError, "ref holds floats: say their range"),
            (lambda: vtbench.score(a, a * np.nan, range=(0, 1)), ValueError, "dist: .*NaN"),
            (lambda: vtbench.score(a.astype(float), b, range=(0, 1)), ValueError, "declare the range it really has"),
            (lambda: vtbench.score(a[..., :2], b), ValueError, r"ref has shape \(3, 32, 48, 2\)"),
            (lambda: vtbench.score(a[:, :3], b), ValueError, "channels could be first or last"),
            (lambda: vtbench.score(a, b, layout="WHC"), ValueError, "layout is 'WHC'"),
            (lambda: vtbench.score([], []), ValueError, "ref is empty"),
            (lambda: vtbench.score(a[:0], b), ValueError, "ref is empty"),
            (lambda: vtbench.score(3, b), ValueError, r"ref has shape \(\)"),
        ]:
            with self.assertRaisesRegex(kind, want):
                call()
        with self.assertRaises(KeyError):
            vtbench.score(a, b, "psnr")["ssim"]

    def test_warm_and_restarted(self):
        a, b = pair(2)
        with vtbench.Scorer(jobs=1) as s:
            s.score(a, b, "psnr")
            pid = s._program.pid
            s.score(a, b, "ssim")
            self.assertEqual(s._program.pid, pid)
            got = []
            threads = [threading.Thread(target=lambda: got.append(s.score(a, b, "psnr")["psnr"][0])) for _ in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual(len(set(got)), 1)
            self.assertEqual(len(got), 8)
            # One that was killed is started again by the next call but one that finds it.
            os.kill(pid, 9)
            s._program.wait()
            self.assertEqual(s.score(a, b, "psnr")["psnr"][0], got[0])
            second = s._program.pid
            self.assertNotEqual(second, pid)
        self.assertFalse(os.path.exists(f"/proc/{second}"))

    def test_processes_end(self):
        """With its caller, whether that ends, is killed, or had forked."""
        for ending in ("pass", "os.kill(os.getpid(), 9)", "os.fork() or time.sleep(15)\nos.kill(os.getpid(), 9)"):
            script = f"""
                import os, sys, time
                sys.path.insert(0, {SDK!r})
                import numpy as np, vtbench
                from vtbench import _score
                a = np.zeros((8, 8, 3), np.uint8)
                vtbench.score(a, a, "mae")
                if os.fork() == 0:  # a forked process has a program of its own
                    first = _score._shared._program
                    vtbench.score(a, a, "mae")
                    print(first is None, flush=True)
                    _score._shared.close()
                    os._exit(0)
                os.wait()
                print(_score._shared._program.pid, flush=True)
            """
            p = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script) + ending], stdout=subprocess.PIPE, text=True)
            self.assertEqual(p.stdout.readline(), "True\n")
            pid = int(p.stdout.readline())
            p.wait()
            for _ in range(100):
                if not os.path.exists(f"/proc/{pid}/exe"):
                    break
                threading.Event().wait(0.1)
            else:
                self.fail(f"the program outlived a caller that did {ending!r}")
            p.stdout.close()


if __name__ == "__main__":
    unittest.main()
