"""Tests of the zoo: every preset's real class, from its real configuration at reduced
width and with random weights, as far as the installed libraries have it; and the hub,
played by a server on this machine. VTBENCH_ZOO=all wants all of them."""

import ast
import http.server
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import vtbench  # noqa: E402
from vtbench import _serve, zoo  # noqa: E402

import numpy as np  # noqa: E402

ALL = os.environ.get("VTBENCH_ZOO") == "all"
# What diffusers 0.31 has, the newest that Debian's PyTorch runs; CI must not test less.
OLD = {"AutoencoderKL", "AutoencoderTiny", "VQModel", "AutoencoderKLCogVideoX"}


def batch(n, w, h, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, h, w, 3), dtype=np.uint8)


class Knowledge(unittest.TestCase):
    """Needs neither torch nor the libraries."""

    def test_every_preset_is_whole(self):
        with open(zoo.PRESETS, encoding="utf-8") as f:
            data = json.load(f)
        names = [p["name"] for p in data["presets"]]
        self.assertEqual(len(names), len(set(names)))
        for p in data["presets"]:
            with self.subTest(p["name"]):
                self.assertRegex(p["name"], r"^[a-z0-9.-]+$")
                self.assertIn(p["library"], ("diffusers", "transformers"))
                self.assertRegex(p["hub"], r"^[\w.-]+/[\w.-]+$")
                self.assertRegex(p["revision"], r"^([0-9a-f]{40})?$")
                self.assertIn(p["range"], ([-1, 1], [0, 1]))
                self.assertEqual(p["range"] != [-1, 1], "range_source" in p)
                self.assertGreater(p["stride"] * p["channels"], 0)
                self.assertTrue(p["config_source"] and p["small"])
                for f in p["figures"]:
                    self.assertIn(f["source"], data["sources"])

    def test_recipes_are_python(self):
        """The cookbook's recipes were not run; that they parse, call the SDK as it is and
        name the commit that they were written from is the least."""
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "..")
        with open(os.path.join(root, "docs", "released.md"), encoding="utf-8") as f:
            cookbook = f.read().split("## In repositories of their own", 1)[1]
        sections = cookbook.split("\n### ")[1:]
        self.assertGreaterEqual(len(sections), 17)
        takes = set(inspect.signature(torch_module.TorchTokenizer).parameters) | set(_serve._FIELDS) if torch else None
        for section in sections:
            with self.subTest(section.splitlines()[0]):
                self.assertRegex(section, r"`[\w.-]+/[\w.-]+` at `[0-9a-f]{12}`")
                tree = ast.parse(re.search(r"```python\n(.*?)```", section, re.S).group(1))
                calls = [c for c in ast.walk(tree) if isinstance(c, ast.Call) and ast.unparse(c.func) == "vtbench.from_torch"]
                self.assertEqual(len(calls), 1)
                if takes:
                    self.assertLessEqual({k.arg for k in calls[0].keywords}, takes)

    def test_unknown(self):
        with self.assertRaisesRegex(zoo.ZooError, "^zoo:nothing: there is no such preset; to mend it: "):
            zoo.load("nothing")


try:
    import torch

    torch.set_num_threads(1)
    import diffusers
    import safetensors.torch  # noqa: F401
    from vtbench import torch_module
except Exception:
    if ALL:
        raise
    torch = diffusers = None
try:
    import transformers
except Exception:
    if ALL:
        raise
    transformers = None


def has(p):
    return getattr({"diffusers": diffusers, "transformers": transformers}[p["library"]], p["class"], None) is not None


@unittest.skipIf(diffusers is None, "diffusers is not installed, or not with this torch")
class Presets(unittest.TestCase):
    def made(self, name):
        d = tempfile.TemporaryDirectory()
        self.addCleanup(d.cleanup)
        zoo.make(name, d.name)
        return d.name

    def test_each(self):
        ran = set()
        for name, p in zoo.presets().items():
            if not has(p) and not ALL:
                continue
            ran.add(p["class"])
            with self.subTest(name):
                tok = zoo.load(name, path=self.made(name), device="cpu")
                self.one(p, tok)
        missing = OLD - ran
        self.assertFalse(missing, "not tested")

    def one(self, p, tok):
        side = max(64, 2 * p["stride"])
        grid = [side // p["stride"]] * 2
        images = batch(2, side, side)
        server = vtbench.Server(tok)
        self.assertEqual((server.info["stride"], server.info["multiple_of"], server.info["channels"]), (p["stride"], p["stride"], p["channels"]))
        self.assertEqual(server.info["params"]["range"], "{:g}..{:g}".format(*p["range"]))
        self.assertRegex(server.info["weights"], "^[0-9a-f]{64}$")
        self.assertEqual(server.info.get("codebooks", []), p.get("codebooks", []))
        items = [{"w": side, "h": side}] * 2
        answer, parts = server.answer({"type": "reconstruct", "id": 1, "items": items}, images.tobytes())
        self.assertNotIn("error", json.dumps(answer))
        pixels = [x for x in parts if x.dtype == np.uint8]
        self.assertEqual([m.size for m in pixels], [images[0].size] * 2)
        # The same by hand, with nothing of ours but the range.
        want = self.by_hand(p, tok.module, images[:1])
        if want is not None:
            self.assertLessEqual(int(np.abs(pixels[0].reshape(images[0].shape).astype(int) - want[0]).max()), 2)
        if p.get("codebooks"):
            cells = [1, *grid] if "clips" in p else grid
            self.assertEqual(answer["items"][0]["books"], [{"size": p["codebooks"][0], "shape": cells}])
            ids = np.concatenate([parts[1].reshape(-1), parts[3].reshape(-1)])
            self.assertTrue(0 <= ids.min() and ids.max() < p["codebooks"][0])
            request = {"type": "decode", "id": 2, "items": [{"w": side, "h": side, "blank": True, "books": answer["items"][0]["books"]}]}
            back, out = server.answer(request, parts[1].tobytes())
            self.assertNotIn("error", json.dumps(back))
            # In a batch of two sums are rounded otherwise than alone.
            self.assertLessEqual(int(np.abs(out[0].reshape(-1).astype(int) - pixels[0].reshape(-1)).max()), 1)
            book, _ = server.answer({"type": "codebook", "id": 3, "book": 0}, b"")
            self.assertEqual(book["items"][0]["floats"][0], p["codebooks"][0])
        if callable(getattr(tok, "latents", None)):
            z, _ = server.answer({"type": "latents", "id": 4, "items": items}, images.tobytes())
            self.assertEqual(z["items"][0]["floats"], [p["channels"], *grid])
        self.assertEqual(server.info.get("clips"), p.get("clips"))
        if "clips" in p:
            self.windows(p, tok, server, grid)

    def windows(self, p, tok, server, grid):
        """Windows of the first two numbers of frames that are declared, against the module
        itself; one more or less is not what it takes."""
        clips, side = p["clips"], p["stride"] * grid[0]
        for n in {_serve.frames_of(clips), _serve.frames_of(clips, _serve.frames_of(clips) + 1)}:
            frames = batch(n, side, side, seed=n)
            answer, parts = server.answer({"type": "reconstruct_clip", "id": 5, "items": [{"w": side, "h": side, "frames": n}]}, frames.tobytes())
            self.assertNotIn("error", json.dumps(answer))
            self.assertEqual(answer["items"][0]["frames"], n)
            if p.get("codebooks"):
                self.assertEqual(answer["items"][0]["books"][0]["shape"], [n // clips["multiple"], *grid])
            want = self.by_hand_5d(p, tok.module, frames)
            if want is not None:
                self.assertLessEqual(int(np.abs(parts[0].astype(int) - want).max()), 2)

    def by_hand_5d(self, p, m, frames):
        if p["class"] in ("Emu3VQVAE", "AutoencoderKLAllegro"):
            return None  # have tests of their own
        x = torch.from_numpy(frames).permute(3, 0, 1, 2).float()[None] / 127.5 - 1
        with torch.inference_mode():
            y = m.decode(m.encode(x).latent_dist.mode()).sample
        return ((y[0] + 1) * 127.5 + 0.5).floor().clamp(0, 255).permute(1, 2, 3, 0).numpy().astype(int)

    def by_hand(self, p, m, images):
        lo, hi = p["range"]
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 * (hi - lo) + lo
        with torch.inference_mode():
            if p["class"] == "VQModel":
                y = m(x).sample
            elif p["class"] in ("JanusVQVAE", "Emu3VQVAE", "AutoencoderKLAllegro"):
                return None  # have tests of their own
            else:
                x = x[:, :, None] if p.get("clips") else x
                e = m.encode(x)
                z = e.latent_dist.mode() if hasattr(e, "latent_dist") else getattr(e, "latent", getattr(e, "latents", None))
                y = m.decode(z).sample
                y = y[:, :, 0] if p.get("clips") else y
        return ((y - lo) / (hi - lo) * 255 + 0.5).floor().clamp(0, 255).permute(0, 2, 3, 1).numpy().astype(int)

    @unittest.skipUnless(transformers and hasattr(transformers, "ChameleonVQVAE"), "no transformers")
    def test_chameleon_has_the_ids_of_transformers(self):
        """Its checkpoint, read by diffusers, against the encoder that transformers has."""
        folder = self.made("chameleon")
        p = zoo.presets()["chameleon"]
        from transformers import ChameleonVQVAEConfig

        widths = p["small"]["block_out_channels"]
        theirs = transformers.ChameleonVQVAE(ChameleonVQVAEConfig(base_channels=32, channel_multiplier=[w // 32 for w in widths], num_res_blocks=1)).eval()
        state = torch.load(os.path.join(folder, "vqgan.ckpt"), weights_only=True)["state_dict"]
        wrong = theirs.load_state_dict({k: v for k, v in state.items() if not k.startswith("decoder.")}, strict=True)
        self.assertFalse(wrong.missing_keys + wrong.unexpected_keys)
        tok = zoo.load("chameleon", path=folder, device="cpu")
        images = batch(2, 64, 48)
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.inference_mode():
            want = theirs.encode(x).image_tokens.reshape(2, 3, 4)
        np.testing.assert_array_equal(tok.codes(tok.encode(images)), want.numpy())

    @unittest.skipUnless(transformers and hasattr(transformers, "JanusVQVAE"), "no transformers")
    def test_janus_on_a_unit_codebook_is_that_of_transformers(self):
        tok = zoo.load("janus-pro", path=self.made("janus-pro"), device="cpu")
        m = tok.module
        side = 16 * m.config.num_patches
        images = batch(1, side, side)
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        with torch.inference_mode():
            m.quantize.embedding.weight.copy_(torch.nn.functional.normalize(m.quantize.embedding.weight, dim=-1))
            want = m.encode(x).image_tokens.reshape(1, m.config.num_patches, m.config.num_patches)
            image = m.decode(want.reshape(1, -1))
        tokens = tok.encode(images)
        same = (tok.codes(tokens) == want.numpy()).mean()
        self.assertGreater(same, 0.999)  # sums in another order break ties
        got = tok.decode((None, want))[0].astype(int)
        by_hand = ((image + 1) * 127.5 + 0.5).floor().clamp(0, 255)[0].permute(1, 2, 0).numpy()
        self.assertLessEqual(np.abs(got - by_hand).max(), 1)

    @unittest.skipUnless(diffusers and hasattr(diffusers, "AutoencoderKLAllegro"), "this diffusers has no AutoencoderKLAllegro")
    def test_allegro_is_the_library_on_its_one_size(self):
        """A tile of 24 frames, which the library can encode, against the same whole."""
        from vtbench import diffusers_model

        tok = zoo.load("allegro", path=self.made("allegro"), device="cpu")
        m = tok.module
        m.enable_tiling()
        m.kernel, m.stride = (4, 64, 64), (4, 64, 64)  # its tiles at a size that takes seconds
        x = torch.rand(1, 3, 4, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
        with torch.inference_mode():
            want = m.encode(x).latent_dist.mode()
            got = diffusers_model._allegro_encode(m, x, False)
            self.assertLess(float((got - want).abs().max()), 1e-4)
            self.assertLess(float((diffusers_model._allegro_decode(m, got).transpose(1, 2) - m.decode(want).sample).abs().max()), 1e-4)

    def test_what_does_not_fit(self):
        sd, tiny = self.made("sd-vae"), self.made("taesd")

        def refused(name, path, want):
            with self.subTest(want), self.assertRaisesRegex(zoo.ZooError, want) as caught:
                zoo.load(name, path=path, device="cpu")
            self.assertRegex(str(caught.exception), rf"^zoo:{name}: [^\n]*; to mend it: [^\n]*$")

        refused("sd-vae", tiny, "its config.json is of a AutoencoderTiny, sd-vae is AutoencoderKL")
        refused("flux1-vae", sd, r"a latent of shape \[1, 4, 2, 2\] for 16×16 pixels where flux1-vae has \[1, 16, 2, 2\]")
        refused("sd-vae", "/nowhere", "/nowhere: no such folder")
        with tempfile.TemporaryDirectory() as empty:
            refused("sd-vae", empty, "has no config.json, nor has .*vae; to mend it: path= names the folder of stable-diffusion-v1-5")
        weights = os.path.join(sd, "diffusion_pytorch_model.safetensors")
        with open(weights, "rb") as f:
            whole = f.read()
        state = safetensors.torch.load(whole)
        key = "decoder.conv_in.weight"
        for change, want in (
            (lambda s: s.pop(key), f"missing keys?, the first {key}|{key}"),
            (lambda s: s.update({"decoder.extra": s[key].clone()}), "unexpected keys?, the first decoder.extra"),
            (lambda s: s.update({key: s[key][:, :2].contiguous()}), key),
        ):
            wrong = dict(state)
            change(wrong)
            safetensors.torch.save_file(wrong, weights)
            refused("sd-vae", sd, want)
        with open(weights, "wb") as f:
            f.write(whole[: len(whole) // 2])
        refused("sd-vae", sd, "does not fit: ")
        os.remove(weights)
        refused("sd-vae", sd, "does not fit: ")
        book = self.made("vq-diffusion")
        refused("amused", book, r"its codebooks are \[4096\], those of amused \[8192\]")


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of a hub as a client asks for: files, and the refusals of a real one."""

    protocol_version = "HTTP/1.1"
    files = {}
    commit = "c" * 40

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, body):
        parts = re.match(r"^/([^/]+/[^/]+)/resolve/([^/]+)/(.*)$", self.path.split("?")[0])
        repo, rev, file = parts.groups() if parts else ("", "", "")
        status, code, data = 200, "", self.files.get((repo, file), b"")
        if repo == "black-forest-labs/FLUX.1-dev":
            status, code = (403 if self.headers.get("Authorization") else 401), "GatedRepo"
        elif repo == "amused/amused-256":
            status, code = 401, "RepoNotFound"
        elif repo == "microsoft/vq-diffusion-ithq":
            status, code = 404, "RevisionNotFound"
        elif repo == "madebyollin/taesdxl":
            status, code = 418, ""
        elif (repo, file) not in self.files:
            status, code = 404, "EntryNotFound"
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
            self.send_header("X-Error-Message", "refused")
        self.send_header("X-Repo-Commit", rev if re.match("^[0-9a-f]{40}$", rev) else self.commit)
        self.send_header("ETag", f'"{hash((repo, file)) & 0xFFFFFFFF:040x}"')
        data = data if status == 200 else b"{}"
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)


@unittest.skipIf(diffusers is None, "diffusers is not installed, or not with this torch")
class FromHub(unittest.TestCase):
    """All cases in one process, since the hub's client reads its environment once."""

    SCRIPT = textwrap.dedent("""
        import json, sys, vtbench
        from vtbench import zoo
        mirror, out = sys.argv[1], {}
        def case(key, name, **options):
            options.setdefault("mirror", mirror)
            try:
                tok = zoo.load(name, device="cpu", **options)
                out[key] = dict(tok.params, weights=tok.weights)
            except zoo.ZooError as e:
                out[key] = str(e)
        case("pinned", "taesd")
        case("pinned again, without network", "taesd", mirror="http://127.0.0.1:1")
        case("not pinned", "taesd3", revision="main")
        case("subfolder", "cogvideox")
        case("no network", "sd-vae", mirror="http://127.0.0.1:1")
        case("gated", "flux1-vae")
        case("private", "amused")
        case("revision", "vq-diffusion")
        case("no file", "sdxl-vae")
        case("status", "taesdxl")
        if len(sys.argv) > 2:
            case("part of a large model", "janus-pro")
        import os
        os.environ["HF_TOKEN"] = "hf_x"
        case("gated, with a token", "flux1-vae")
        print(json.dumps(out), flush=True)
    """)

    def test_the_hub(self):
        files = {}

        def publish(name, part=""):
            p = zoo.presets()[name]
            with tempfile.TemporaryDirectory() as d:
                zoo.make(name, d)
                digest = zoo.load(name, path=d, device="cpu").weights
                for f in os.listdir(d):
                    with open(os.path.join(d, f), "rb") as data:
                        files[p["hub"], os.path.join(p.get("subfolder", ""), f)] = data.read()
            return digest

        digests = {name: publish(name) for name in ("taesd", "taesd3", "cogvideox")}
        large = transformers is not None and hasattr(transformers, "JanusVQVAE")
        if large:
            digests["janus-pro"] = publish("janus-pro")
            self.inside_a_large_model(files)
        Hub.files = files
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with tempfile.TemporaryDirectory() as home:
            env = {k: v for k, v in os.environ.items() if not k.startswith("HF_") and not k.lower().endswith("_proxy")}
            env.update(HF_HOME=home, PYTHONPATH=os.path.dirname(os.path.dirname(os.path.abspath(__file__))), HF_HUB_DISABLE_XET="1")
            args = [sys.executable, "-c", self.SCRIPT, f"http://127.0.0.1:{server.server_address[1]}"] + ["large"] * large
            done = subprocess.run(args, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr.decode()[-3000:])
        got = json.loads(done.stdout)
        pinned = zoo.presets()["taesd"]["revision"]
        for key in ("pinned", "pinned again, without network"):
            self.assertEqual((got[key]["weights"], got[key]["revision"], got[key]["source"]), (digests["taesd"], pinned, "madebyollin/taesd"))
        self.assertEqual((got["not pinned"]["weights"], got["not pinned"]["revision"]), (digests["taesd3"], Hub.commit))
        self.assertEqual(got["subfolder"]["weights"], digests["cogvideox"])
        if large:
            self.assertEqual(got["part of a large model"]["weights"], digests["janus-pro"])
        flux, gone = zoo.presets()["flux1-vae"], zoo.presets()["vq-diffusion"]
        for key, want in {
            "no network": "zoo:sd-vae: stable-diffusion-v1-5/stable-diffusion-v1-5 cannot be reached and is not in the cache; to mend it: path=FOLDER or mirror=URL, or where there is a network `hf download ",
            "gated": f"zoo:flux1-vae: {flux['hub']} is gated and there is no token; to mend it: accept its licence on its page, then `hf auth login` or HF_TOKEN=",
            "gated, with a token": f"zoo:flux1-vae: {flux['hub']} is gated with the token of this machine; to mend it: accept its licence",
            "private": "zoo:amused: amused/amused-256 is not there, or private and there is no token; to mend it: HF_TOKEN=",
            "revision": f"zoo:vq-diffusion: revision {gone['revision']} of {gone['hub']} is gone; to mend it: revision=COMMIT",
            "no file": "zoo:sdxl-vae: stabilityai/stable-diffusion-xl-base-1.0 at 462165984030d82259a11f4367a4eed129e94a7b has no such file: ",
            "status": "zoo:taesdxl: madebyollin/taesdxl: the hub answered with status 418; to mend it: ",
        }.items():
            with self.subTest(key):
                self.assertTrue(str(got[key]).startswith(want), f"\n got {got[key]}\nwant {want}…")
                self.assertNotIn("\n", got[key])

    def inside_a_large_model(self, files):
        """The same tensors under the names and in the shards of a whole model, of which
        one shard holds none of them and is not on the hub at all."""
        hub = zoo.presets()["janus-pro"]["hub"]
        state = safetensors.torch.load(files.pop((hub, "model.safetensors")))
        keys = sorted(state)
        shards = {"a.safetensors": keys[::2], "b.safetensors": keys[1::2]}
        index = {"model.language_model.norm.weight": "c.safetensors"}
        for name, mine in shards.items():
            tensors = {f"model.vqmodel.{k}": state[k].contiguous() for k in mine}
            tensors["model.language_model.embed"] = torch.zeros(2)
            files[hub, name] = safetensors.torch.save(tensors)
            index.update({k: name for k in tensors})
        files[hub, "model.safetensors.index.json"] = json.dumps({"weight_map": index}).encode()
        config = json.loads(files[hub, "config.json"])
        files[hub, "config.json"] = json.dumps({"model_type": "janus", "vq_config": config}).encode()


if __name__ == "__main__":
    unittest.main()
