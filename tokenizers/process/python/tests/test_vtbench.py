"""Tests of the SDK: python -m unittest discover -s tests, from this folder's parent."""

import io
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
SDK = os.path.dirname(HERE)
sys.path.insert(0, SDK)

import numpy as np  # noqa: E402

import vtbench  # noqa: E402
from vtbench import _channel, image  # noqa: E402
from vtbench.command import CommandTokenizer  # noqa: E402


def request(items, pixels, kind="reconstruct", **more):
    return {"type": kind, "id": 9, "items": items, **more}, b"".join(np.ascontiguousarray(p).tobytes() for p in pixels)


def batch(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    images = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for w, h in sizes]
    return [{"w": w, "h": h} for w, h in sizes], images


def pixels_of(answer, parts):
    """Images of an answer, None where the item failed."""
    raw = b"".join(p.tobytes() for p in parts)
    out, at = [], 0
    for it in answer["items"]:
        if "error" in it:
            out.append(None)
            continue
        n = 3 * it["w"] * it["h"]
        out.append(np.frombuffer(raw, np.uint8, n, at).reshape(it["h"], it["w"], 3))
        at += n + sum(4 * int(np.prod(b["shape"])) for b in it.get("books", []))
    return out


class Identity:
    name = "identity"
    version = "3"

    def reconstruct(self, images):
        return images


class Quiet(unittest.TestCase):
    """Keeps the tracebacks of expected failures out of the test's output."""

    def setUp(self):
        self._stderr, sys.stderr = sys.stderr, io.StringIO()

    def tearDown(self):
        sys.stderr = self._stderr


class Answers(Quiet):
    def test_identity_of_mixed_sizes(self):
        items, images = batch((4, 3), (5, 2), (4, 3), (1, 1))
        seen = []

        class Watch(Identity):
            def reconstruct(self, x):
                seen.append(x.shape)
                return x

        answer, parts = vtbench.Server(Watch()).answer(*request(items, images))
        self.assertEqual(answer["type"], "result")
        self.assertEqual(answer["id"], 9)
        for want, got in zip(images, pixels_of(answer, parts)):
            np.testing.assert_array_equal(want, got)
        self.assertEqual(sorted(seen), [(1, 1, 1, 3), (1, 2, 5, 3), (2, 3, 4, 3)])

    def test_neighbours_are_not_copied(self):
        items, images = batch((4, 3), (4, 3))
        header, body = request(items, images)
        base = np.frombuffer(body, np.uint8)

        class Watch(Identity):
            def reconstruct(self, x):
                assert np.shares_memory(x, base)
                assert not x.flags.writeable
                return x

        answer, _ = vtbench.Server(Watch()).answer(header, body)
        self.assertNotIn("error", json.dumps(answer))

    def test_encode_decode(self):
        class Tok:
            codebooks = [16, 4]

            def encode(self, x):
                self.seen = x.shape
                ids = x[:, ::2, ::2, 0] // 16
                return ids, ids[:, :1, 0] % 4

            def decode(self, tokens, size):
                ids, _ = tokens
                up = (ids * 16).astype(np.uint8).repeat(2, 1).repeat(2, 2)[:, : size[0], : size[1], None]
                return up.repeat(3, 3)

            def bits(self, tokens):
                return [4 * i[0].size for i in zip(tokens[0])]

        items, images = batch((4, 6), (4, 6))
        answer, parts = vtbench.Server(Tok()).answer(*request(items, images))
        first = answer["items"][0]
        self.assertEqual(first["books"], [{"size": 16, "shape": [3, 2]}, {"size": 4, "shape": [1]}])
        self.assertEqual(first["bits"], 24)
        self.assertGreaterEqual(first["encode_ns"], 0)
        np.testing.assert_array_equal(parts[1], images[0][::2, ::2, 0] // 16)
        # And back from codes alone.
        body = b"".join(p.tobytes() for p in parts[1:3])
        decoded, out = vtbench.Server(Tok()).answer({"type": "decode", "id": 1, "items": [{"w": 4, "h": 6, "blank": True, "books": first["books"]}]}, body)
        self.assertNotIn("error", json.dumps(decoded))
        np.testing.assert_array_equal(out[0], pixels_of(answer, parts)[0])

    def test_one_bad_image_costs_one_item(self):
        calls = []

        class Touchy(Identity):
            def reconstruct(self, x):
                calls.append(len(x))
                if (x[:, 0, 0, 0] == 13).any():
                    raise RuntimeError("shape mismatch")
                return x

        items, images = batch((2, 2), (2, 2), (2, 2))
        for m, v in zip(images, (1, 13, 3)):
            m[0, 0, 0] = v
        answer, parts = vtbench.Server(Touchy()).answer(*request(items, images))
        self.assertEqual(calls, [3, 1, 1, 1])
        self.assertRegex(answer["items"][1]["error"], r"RuntimeError: shape mismatch \(test_vtbench.py:\d+\)")
        got = pixels_of(answer, parts)
        np.testing.assert_array_equal(got[0], images[0])
        np.testing.assert_array_equal(got[2], images[2])

    def test_nan_names_its_place(self):
        class Floats:
            value_range = (0.0, 1.0)

            def reconstruct(self, x):
                y = x.astype(np.float32) / 255
                y[1, 1, 0, 2] = np.nan
                return y

        items, images = batch((2, 2), (2, 2))
        answer, parts = vtbench.Server(Floats()).answer(*request(items, images))
        self.assertEqual(answer["items"][1]["error"], "1 values are NaN or infinite, the first nan at row 1, column 0, channel 2")
        np.testing.assert_array_equal(pixels_of(answer, parts)[0], images[0])

    def test_refusals(self):
        def answer_of(value, **attributes):
            obj = type("T", (), {"reconstruct": lambda self, x: value(x), **attributes})()
            items, images = batch((2, 2))
            answer, _ = vtbench.Server(obj).answer(*request(items, images))
            return answer["items"][0].get("error", "")

        self.assertIn("without a declared range", answer_of(lambda x: x / 255.0))
        self.assertIn("declare the range it really has", answer_of(lambda x: x * 0.0 + 254.0, value_range=(-1.0, 1.0)))
        self.assertIn("integer pixels from", answer_of(lambda x: x.astype(int) - 300))
        self.assertIn("want (height, width, 3)", answer_of(lambda x: x[..., 0]))
        self.assertIn("returned 0 images for 1", answer_of(lambda x: x[:0]))
        self.assertIn("too dark", answer_of(lambda x: [vtbench.Failed("too dark")]))
        self.assertEqual("", answer_of(lambda x: x / 127.5 - 1.0, value_range=(-1.0, 1.0)))
        ids = dict(codebooks=[4])
        self.assertIn("ids from 4 to 4 where the declared size is 4", answer_of(lambda x: [vtbench.Result(x[0], codes=[np.array([4])])], **ids))
        self.assertIn("ids of type float64", answer_of(lambda x: [vtbench.Result(x[0], codes=[np.array([1.5])])], **ids))
        self.assertIn("ids of 2 codebooks where 1 are declared", answer_of(lambda x: [vtbench.Result(x[0], codes=[[1], [2]])], **ids))

    def test_rounding(self):
        every = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, 2)
        for r in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
            np.testing.assert_array_equal(vtbench.to_uint8(vtbench.from_uint8(every, r), r), every)
        halves = np.full((1, 1, 3), 0.4999 / 255)
        self.assertEqual(vtbench.to_uint8(halves, (0, 1))[0, 0, 0], 0)
        self.assertEqual(vtbench.to_uint8(halves * 1.001, (0, 1))[0, 0, 0], 1)
        self.assertEqual(vtbench.to_uint8(np.full((1, 1, 3), 1.7), (-1, 1))[0, 0, 0], 255)

    def test_hello(self):
        class Tok(Identity):
            codebooks = (8,)
            multiple_of = 4
            params = {"steps": 3}

            def latents(self, x):
                return x

        s = vtbench.Server(Tok(), version="9")
        hello, _ = s.answer({"type": "hello", "id": 1, "protocol": {"min": 1, "max": 3}}, b"")
        self.assertEqual(hello["protocol"], 1)
        self.assertEqual(hello["info"], {"name": "identity", "version": "9", "multiple_of": 4, "codebooks": [8], "params": {"steps": "3"}})
        self.assertEqual(hello["can"], ["latents"])
        old, _ = s.answer({"type": "hello", "id": 1, "protocol": {"min": 2, "max": 3}}, b"")
        self.assertEqual((old["type"], old["error"]), ("error", "this SDK speaks protocol version 1, the host 2 to 3"))
        odd, _ = s.answer({"type": "dance", "id": 4}, b"")
        self.assertEqual((odd["type"], odd["id"]), ("error", 4))

    def test_what_cannot_be_served(self):
        with self.assertRaisesRegex(TypeError, "neither reconstruct"):
            vtbench.Server(object())
        with self.assertRaisesRegex(TypeError, "Identity is a class: give an object of it, Identity()"):
            vtbench.Server(Identity)
        for options, why in (
            ({"verison": "1"}, "unknown option 'verison', did you mean 'version'? vtbench.serve takes "),
            ({"multiple_of": (8, 8)}, "multiple_of is (8, 8): want a whole number"),
            ({"codebooks": 1024}, "codebooks is 1024: want a list with the size of each codebook"),
            ({"value_range": (1, 0)}, "value_range is (1, 0): want (low, high), such as"),
            ({"value_range": 1.0}, "value_range is 1.0: want (low, high)"),
            ({"params": "x"}, "params is 'x': want a dictionary"),
        ):
            with self.subTest(options), self.assertRaisesRegex(TypeError, re.escape(why[:40])):
                vtbench.Server(Identity(), **options)
        with self.assertRaisesRegex(TypeError, "unknown option 'mutliple_of', did you mean 'multiple_of'"):
            CommandTokenizer("cp", mutliple_of=8)

    def test_a_class_of_static_methods(self):
        class Halves:
            name = "halves"

            @staticmethod
            def reconstruct(images):
                return images // 2

        items, images = batch((4, 4))
        answer, parts = vtbench.Server(Halves).answer(*request(items, images))
        np.testing.assert_array_equal(pixels_of(answer, parts)[0], images[0] // 2)

    def test_a_function_from_images_to_images(self):
        def darker(images):
            return images // 2

        items, images = batch((4, 4), (8, 4))
        s = vtbench.Server(darker, deterministic=True)
        self.assertEqual((s.info["name"], s.info["deterministic"]), ("darker", True))
        answer, parts = s.answer(*request(items, images))
        for got, m in zip(pixels_of(answer, parts), images):
            np.testing.assert_array_equal(got, m // 2)

    def test_what_is_no_image(self):
        items, images = batch((4, 4))
        for got, why in (
            (None, "reconstruct() returned a NoneType: want images [n, height, width, 3]"),
            ({"image": images[0]}, "reconstruct() returned a dict: want images"),
            ([{"image": images[0]}], "a dict in place of an image: want an array (height, width, 3)"),
        ):
            s = vtbench.Server(lambda images: got)
            s.silent = True
            answer, _ = s.answer(*request(items, images))
            self.assertIn(why, answer["items"][0]["error"])

    def test_bits_that_are_no_numbers(self):
        class Tok(Identity):
            def encode(self, images):
                return images

            def decode(self, images):
                return images

            def bits(self, tokens):
                return 5

            reconstruct = None

        items, images = batch((4, 4))
        s = vtbench.Server(Tok())
        answer, _ = s.answer(*request(items, images))
        self.assertEqual(answer["items"][0]["error"], "bits() returned 5: want 1 numbers of bits, one an image")

    def test_latents_and_codebook(self):
        class Tok(Identity):
            codebooks = [2]

            def latents(self, x):
                z = x.transpose(0, 3, 1, 2).astype(float)
                z[1] = np.inf
                return z

            def codebook(self, i):
                return [[0, 1], [2, 3]]

        items, images = batch((2, 1), (2, 1))
        s = vtbench.Server(Tok())
        answer, parts = s.answer(*request(items, images, "latents"))
        self.assertEqual(answer["items"][0], {"floats": [3, 1, 2]})
        self.assertIn("NaN or infinities", answer["items"][1]["error"])
        self.assertEqual(parts[0].dtype, np.dtype("<f4"))
        answer, parts = s.answer({"type": "codebook", "id": 1, "book": 0}, b"")
        self.assertEqual(answer["items"], [{"floats": [2, 2]}])


    def test_calls(self):
        class Helper:
            name = "helper"

            def __init__(self):
                self.calls = {
                    "sum": lambda args, raw: {"sum": sum(raw) + args["more"]},
                    "turn": lambda args, raw: (None, bytes(raw)[::-1]),
                    "nan": lambda args, raw: float("nan"),
                    "fail": lambda args, raw: 1 / 0,
                }

        s = vtbench.Server(Helper())
        hello, _ = s.answer({"type": "hello", "id": 1, "protocol": {"min": 1, "max": 1}}, b"")
        self.assertEqual((hello["can"], hello["ops"]), (["call"], ["fail", "nan", "sum", "turn"]))

        def call(op, raw=b"", args=None, said=None):
            head = {"type": "call", "id": 2, "op": op, "args": args, "bytes": len(raw) if said is None else said}
            answer, parts = s.answer(head, raw)
            return answer, b"".join(p.tobytes() for p in parts)

        self.assertEqual(call("sum", b"\1\2", {"more": 4}), ({"type": "result", "id": 2, "value": {"sum": 7}, "bytes": 0}, b""))
        self.assertEqual(call("turn", b"abc"), ({"type": "result", "id": 2, "value": None, "bytes": 3}, b"cba"))
        self.assertIn("ZeroDivisionError", call("fail")[0]["error"])
        self.assertIn("JSON", call("nan")[0]["error"])
        self.assertIn("want one of fail, nan, sum, turn", call("dance")[0]["error"])
        self.assertIn("describes 9 raw bytes and carries 2", call("turn", b"ab", said=9)[0]["error"])
        refused, _ = s.answer(*request(*batch((1, 1)), "reconstruct"))
        self.assertIn("this is a helper, no tokenizer", refused["error"])


class Frames(unittest.TestCase):
    def pipe(self):
        r, w = os.pipe()
        self.addCleanup(os.close, r)
        return r, w

    def test_round_trip(self):
        r, w = self.pipe()
        parts = [np.arange(300000, dtype=np.uint8), np.zeros(0, np.uint8), np.arange(5, dtype="<i4")]
        sender = threading.Thread(target=lambda: (_channel.Channel(0, w).write({"type": "x", "é": 1}, parts), os.close(w)))
        sender.start()
        channel = _channel.Channel(r, 1)
        header, body = channel.read()
        self.assertEqual(header, {"type": "x", "é": 1})
        self.assertEqual(bytes(body), b"".join(p.tobytes() for p in parts))
        self.assertIsNone(channel.read())
        sender.join()

    def test_broken(self):
        for data in (b"\x00\x01", struct.pack("<II", 2, 9), struct.pack("<II", 100, 5) + b"{}", struct.pack("<II", 6, 2) + b"xx", struct.pack("<II", 6, 2) + b"[]"):
            r, w = self.pipe()
            os.write(w, data)
            os.close(w)
            with self.assertRaises(_channel.ProtocolError, msg=repr(data)):
                _channel.Channel(r, 1).read()

    def test_nan_never_becomes_json(self):
        with self.assertRaises(ValueError):
            _channel.Channel(0, 1).write({"x": float("nan")})


class Processes(unittest.TestCase):
    """Real processes, as vtbench starts them."""

    def talk(self, script, frames, args=(), launcher=(), variable=True):
        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "tok.py")
            with open(path, "w") as f:
                f.write(textwrap.dedent(script))
            env = dict(os.environ, VTBENCH_PROTOCOL="1", PYTHONPATH=SDK, PYTHONDONTWRITEBYTECODE="1")
            if not variable:
                del env["VTBENCH_PROTOCOL"]
            p = subprocess.Popen([sys.executable, *launcher, path, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
            data = b""
            for header, body in frames:
                head = json.dumps(header).encode()
                data += struct.pack("<II", 4 + len(head) + len(body), len(head)) + head + body
            out, err = p.communicate(data, timeout=60)
        answers = []
        while out:
            length, n = struct.unpack("<II", out[:8])
            answers.append((json.loads(out[8 : 8 + n]), out[8 + n : 4 + length]))
            out = out[4 + length :]
        return answers, err.decode(), p.returncode

    HELLO = ({"type": "hello", "id": 1, "protocol": {"min": 1, "max": 1}}, b"")

    IDENTITY = """
        import vtbench
        class T:
            weights, deterministic = "ab" * 32, True
            def reconstruct(self, images):
                return images
        if {given!r}:
            T.code = {given!r}
        if {anonymous}:
            T.weights = None
        vtbench.serve(T())
    """

    def test_code_is_told(self):
        def code(given="", anonymous=False):
            script = textwrap.dedent(self.IDENTITY).format(given=given, anonymous=anonymous)
            answers, _, _ = self.talk(script, [self.HELLO, ({"type": "bye"}, b"")])
            return answers[0][0]["info"].get("code")

        from vtbench import _serve

        with tempfile.TemporaryDirectory() as d:
            path = os.path.join(d, "vtbench_test_helper.py")
            module = type(sys)("vtbench_test_helper")
            module.__file__ = path
            sys.modules[module.__name__] = module
            try:
                seen = []
                for source in ("x = 1", "x = 1", "x = 2"):
                    with open(path, "w") as f:
                        f.write(source)
                    seen.append(_serve._code())
            finally:
                del sys.modules[module.__name__]
        self.assertEqual(seen[0], seen[1])
        self.assertNotEqual(seen[1], seen[2])
        self.assertIsNone(code(anonymous=True))  # without a digest of the weights it is of no use
        self.assertEqual(code(given="c0de"), "c0de")
        self.assertEqual(len(code()), 64)

    NOISY = """
        import vtbench
        import os, subprocess, sys
        print("loading weights")
        os.system("echo from a child")
        os.write(1, b"from C\\n")

        class Tok:
            name = "noisy"
            def reconstruct(self, images):
                print("step 1/50")
                sys.stdout.buffer.write(b"raw bytes\\n")
                assert sys.stdin.read() == ""  # cannot eat the protocol
                return images

        vtbench.serve(Tok())
    """

    def test_nothing_printed_reaches_the_protocol(self):
        ask = ({"type": "reconstruct", "id": 2, "items": [{"w": 1, "h": 1}]}, b"abc")
        answers, err, code = self.talk(self.NOISY, [self.HELLO, ask, ({"type": "bye"}, b"")])
        self.assertEqual(code, 0, err)
        self.assertEqual([a[0]["type"] for a in answers], ["hello", "result"])
        self.assertEqual(answers[1][1], b"abc")
        for said in ("loading weights", "from a child", "from C", "step 1/50", "raw bytes"):
            self.assertIn(said, err)

    def test_launcher_protects_prints_before_the_import(self):
        script = """
            import os
            os.write(1, b"before any import\\n")
            import vtbench, sys
            class Tok:
                name = " ".join(sys.argv[1:])
                def reconstruct(self, images): return images
            vtbench.serve(Tok())
        """
        answers, err, code = self.talk(script, [self.HELLO], args=["--x", "1"], launcher=["-m", "vtbench"])
        self.assertEqual(code, 0, err)
        self.assertEqual(answers[0][0]["info"]["name"], "--x 1")
        self.assertIn("before any import", err)

    def test_end_of_stream_ends_it(self):
        answers, err, code = self.talk(self.NOISY, [self.HELLO])
        self.assertEqual((code, len(answers)), (0, 1), err)

    def test_started_without_the_variable(self):
        """As in a container that does not pass the environment on."""
        script = """
            import vtbench
            class T:
                name = "contained"
                def reconstruct(self, x):
                    print("not for the protocol")
                    return x
            vtbench.serve(T())
        """
        ask = ({"type": "reconstruct", "id": 2, "items": [{"w": 1, "h": 1}]}, b"abc")
        answers, err, code = self.talk(script, [self.HELLO, ask], variable=False)
        self.assertEqual((code, [a[1] for a in answers]), (0, [b"", b"abc"]), err)

    def test_started_by_hand(self):
        env = {k: v for k, v in os.environ.items() if k != "VTBENCH_PROTOCOL"}
        env["PYTHONPATH"] = SDK
        script = "import vtbench\nclass T:\n  def reconstruct(self, x): return x\nvtbench.serve(T())"
        done = subprocess.run([sys.executable, "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, timeout=60)
        self.assertIn(b"vtbench conform 'process:", done.stdout)


class Files(unittest.TestCase):
    def test_png_and_ppm(self):
        rng = np.random.default_rng(1)
        a = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
        with tempfile.TemporaryDirectory() as d:
            for name in ("a.png", "a.ppm"):
                path = os.path.join(d, name)
                image.write(path, a)
                np.testing.assert_array_equal(image.read(path), a)
            with open(os.path.join(d, "c.pgm"), "wb") as f:
                f.write(b"P5 # grey\n2 1\n255\n\x01\x02")
            np.testing.assert_array_equal(image.read(f.name), [[[1, 1, 1], [2, 2, 2]]])
            with open(os.path.join(d, "bad.ppm"), "wb") as f:
                f.write(b"P6 9 9 255\nxx")
            with self.assertRaises(ValueError):
                image.read(f.name)

    def test_png_filters(self):
        rng = np.random.default_rng(2)
        for channels, colour in ((3, 2), (4, 6), (1, 0)):
            a = rng.integers(0, 256, (6, 5, channels), dtype=np.uint8)
            rows = []
            flat = a.reshape(6, -1).astype(int)
            for y in range(6):
                kind = y % 5
                up = flat[y - 1] if y else np.zeros_like(flat[0])
                left = np.concatenate([np.zeros(channels, int), flat[y][:-channels]])
                corner = np.concatenate([np.zeros(channels, int), up[:-channels]])
                p = left + up - corner
                d = np.abs(np.stack([p - left, p - up, p - corner]))
                paeth = np.where((d[0] <= d[1]) & (d[0] <= d[2]), left, np.where(d[1] <= d[2], up, corner))
                guess = [0, left, up, (left + up) // 2, paeth][kind]
                rows.append(bytes([kind]) + ((flat[y] - guess) % 256).astype(np.uint8).tobytes())

            def chunk(kind, data):
                return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

            png = image.PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 6, 8, colour, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")
            want = a[..., :3] if channels >= 3 else a.repeat(3, 2)
            np.testing.assert_array_equal(image._from_png(png), want)


class Windows(Quiet):
    def ask(self, tok, *windows, rate=25.0, **server):
        items = [{"w": x.shape[2], "h": x.shape[1], "frames": len(x), "rate": rate, "start": 7} for x in windows]
        return vtbench.Server(tok, **server).answer(*request(items, windows, "reconstruct_clip"))

    def frames(self, n, seed=0):
        return np.random.default_rng(seed).integers(0, 256, (n, 8, 16, 3), dtype=np.uint8)

    class Tok:
        codebooks = [256]
        clips = {"multiple": 2, "causal": True}
        seen = None

        def reconstruct_clip(self, frames, rate, start):
            self.seen = (frames.shape, rate, start)
            if frames[0, 0, 0, 0] == 13:
                raise RuntimeError("this window")
            return vtbench.Result(frames, codes=[frames[::2, ::8, ::8, 0]], bits=9, capacity=2.5)

    def test_hello(self):
        hello, _ = vtbench.Server(self.Tok()).answer({"type": "hello", "id": 1, "protocol": {"min": 1, "max": 1}}, b"")
        self.assertEqual((hello["can"], hello["info"]["clips"]), (["clips"], {"multiple": 2, "causal": True}))
        for bad, why in (({"every": 4}, "clips has a key 'every'"), ({"multiple": "x"}, "invalid literal"), (4, "clips is 4: want a dictionary, such as")):
            with self.assertRaisesRegex((TypeError, ValueError), why):
                vtbench.Server(self.Tok(), clips=bad)
        with self.assertRaisesRegex(TypeError, "declares clips and has no reconstruct_clip"):
            vtbench.Server(Identity(), clips={"multiple": 4})
        answer, _ = self.ask(Identity(), self.frames(3))
        self.assertEqual((answer["type"], answer["error"]), ("error", "this plug-in codes images one by one"))

    def test_windows(self):
        tok, good, bad = self.Tok(), self.frames(3), self.frames(5, 1)
        good[0, 0, 0, 0], bad[0, 0, 0, 0] = 1, 13
        answer, parts = self.ask(tok, bad, good)
        self.assertIn("RuntimeError: this window", answer["items"][0]["error"])
        want = {"w": 16, "h": 8, "frames": 3, "books": [{"size": 256, "shape": [2, 1, 2]}], "bits": 9, "file_bits": 0, "encode_ns": 0, "decode_ns": 0, "capacity": 2.5}
        self.assertEqual(answer["items"][1], want)
        np.testing.assert_array_equal(parts[0], good)
        np.testing.assert_array_equal(parts[1], good[::2, ::8, ::8, 0])
        self.assertEqual(tok.seen, ((3, 8, 16, 3), 25.0, 7))

    def test_an_image_is_a_window_of_equal_frames(self):
        for clips, n in (({"multiple": 2, "causal": True}, 1), ({"multiple": 4}, 4), ({"fixed": 6}, 6)):
            tok = self.Tok()
            items, images = batch((16, 8), (16, 8))
            images[0][0, 0, 0] = images[1][0, 0, 0] = 1
            answer, parts = vtbench.Server(tok, clips=clips).answer(*request(items, images))
            self.assertEqual(tok.seen[0], (n, 8, 16, 3))
            for i in range(2):
                np.testing.assert_array_equal(parts[2 * i], images[i])
                self.assertEqual(answer["items"][i]["books"][0]["shape"], [-(-n // 2), 1, 2])

    def test_what_does_not_fit(self):
        def says(frames, why, **server):
            class Bad:
                def reconstruct_clip(self, x):
                    return frames(x)

            answer, _ = self.ask(Bad(), self.frames(3), **server)
            self.assertRegex(answer["items"][0]["error"], why)

        nan = lambda x: np.where(np.arange(3)[:, None, None, None] == 1, np.nan, x / 255.0)  # noqa: E731
        says(lambda x: x[1:], r"returned 2 frames for a window of 3")
        says(nan, r"frame 1 of the window: 384 values are NaN", value_range=(0, 1))
        says(lambda x: x / 255.0, r"frame 0 of the window: float pixels \(float64\) without a declared range")
        says(lambda x: [x[0], x[1], x[2, :4]], "frames of several sizes")
        says(lambda x: vtbench.Result(x, capacity=float("nan")), "a capacity of nan bits")
        says(lambda x: vtbench.Result(x, codes=[x]), "ids of 1 codebooks where 0 are declared")


class Commands(unittest.TestCase):
    def script(self, text):
        d = tempfile.TemporaryDirectory()
        self.addCleanup(d.cleanup)
        path = os.path.join(d.name, "tok.sh")
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)
        return path

    def test_one_command(self):
        tok = CommandTokenizer([self.script('cp "$1" "$2"')])
        _, images = batch((6, 4), (6, 4))
        out = tok.reconstruct(np.stack(images))
        for want, got in zip(images, out):
            np.testing.assert_array_equal(got.image, want)

    def test_two_commands(self):
        tok = CommandTokenizer(encode=[self.script('gzip -c "$1" >"$2"')], decode=[self.script('gzip -dc "$1" >"$2"')], image="ppm", container_bytes=18, jobs=2)
        _, images = batch((6, 4), (6, 4), (6, 4))
        out = tok.reconstruct(np.stack(images))
        for want, got in zip(images, out):
            np.testing.assert_array_equal(got.image, want)
            self.assertEqual(got.file_bits - got.bits, 8 * 18)
            self.assertGreater(got.encode_s, 0)

    def test_failures(self):
        _, images = batch((6, 4))

        def why(text, **options):
            return str(CommandTokenizer([self.script(text)], **options).reconstruct(np.stack(images))[0])

        self.assertRegex(why("echo no space left; exit 4"), "exited with status 4: no space left")
        self.assertRegex(why("true"), "wrote no out.png")
        self.assertRegex(why("sleep 30", timeout=0.2), "took more than 0.2 s")
        self.assertRegex(why('echo text >"$2"'), "neither PNG nor PPM|cannot identify")
        self.assertRegex(str(CommandTokenizer("/no/such/tool").reconstruct(np.stack(images))[0]), "no such command")
        with self.assertRaises(ValueError):
            CommandTokenizer()
        with self.assertRaises(ValueError):
            CommandTokenizer("x {in}")


if __name__ == "__main__":
    unittest.main()
