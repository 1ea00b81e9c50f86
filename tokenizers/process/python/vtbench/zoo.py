"""Released tokenizers by name: presets over diffusers and transformers.

    vtbench run --suite text -t zoo:flux1-vae
    vtbench.serve(vtbench.from_zoo("flux1-vae", path="/models/FLUX.1-dev"))

What is known of each, from hub id and revision to stride and codebook, stands in
zoo.json beside this file and nowhere else. Weights come from a folder, the hub or a
mirror of it; no code is ever loaded from there. A model that was read is tried on one
grey image before it is served: a checkpoint whose stride, channels or codebook are not
those of the preset is refused.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import traceback
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import _serve

PRESETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zoo.json")


class ZooError(Exception):
    """Why a preset cannot be had, and what mends it; one line."""

    def __init__(self, preset: str, reason: str, mend: str) -> None:
        self.preset, self.reason, self.mend = preset, _line(reason), _line(mend)
        super().__init__(f"zoo:{preset}: {self.reason}; to mend it: {self.mend}")


def _line(text: str, most: int = 400) -> str:
    text = " ".join(str(text).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def presets() -> Dict[str, dict]:
    """What is known of every preset, by name."""
    with open(PRESETS, encoding="utf-8") as f:
        return {p["name"]: p for p in json.load(f)["presets"]}


def load(
    name: str,
    *,
    path: Optional[str] = None,
    mirror: Optional[str] = None,
    revision: Optional[str] = None,
    device: Optional[str] = None,
    dtype: Optional[str] = None,
    sample: bool = False,
    batch_size: Optional[int] = None,
) -> Any:
    """A tokenizer of a preset; raises ZooError.

    path      a folder that holds the model, in place of the hub
    mirror    address of a hub's mirror: "https://…"
    revision  in place of the pinned one
    dtype     "float16" or "bfloat16"; float32 without
    sample    draw from the latent distribution instead of taking its mode
    """
    known = presets()
    if name not in known:
        raise ZooError(name, "there is no such preset", "`vtbench list tokenizers --zoo` shows all")
    p = known[name]
    cls = _class(p)
    folder, commit = _find(p, path, mirror, revision)
    module = _read(p, cls, folder)
    import torch

    params = {
        "preset": name,
        p["library"]: _version(p["library"]),
        "source": "folder" if path else p["hub"],
        "revision": commit or "",
    }
    options: Dict[str, Any] = dict(
        name=name, device=device, batch_size=batch_size, range=tuple(p["range"]), stride=p["stride"], multiple_of=p["stride"], channels=p["channels"],
        version=f"{p['library']} {_version(p['library'])}, torch {torch.__version__}", params=params,
    )
    try:
        tok = _adapt(p, module, dtype, sample, options)
        _try_out(p, tok, folder)
    except ZooError:
        raise
    except Exception as e:
        traceback.print_exc()
        raise ZooError(name, f"{type(e).__name__} on {device or 'the default device'}: {e}", "another device= or dtype=, or the release of the libraries that docs/released.md names") from e
    return tok


def _version(library: str) -> str:
    return str(getattr(__import__(library), "__version__", "?"))


def _class(p: dict) -> Any:
    """The class of the library that a preset names."""
    name, library = p["name"], p["library"]
    want = f"pip install '{library}>={p['since']}' torch safetensors"
    try:
        __import__("torch")
        module = __import__(library)
    except ImportError as e:
        raise ZooError(name, f"this Python ({sys.executable}) cannot import {library} and torch: {e}", want) from e
    try:
        return getattr(module, p["class"])
    except (AttributeError, ImportError, RuntimeError) as e:
        raise ZooError(name, f"{library} {_version(library)} has no {p['class']}", want) from e


# -- where the weights are -------------------------------------------------


def _weights(p: dict) -> str:
    default = "diffusion_pytorch_model.safetensors" if p["library"] == "diffusers" else "model.safetensors"
    return str(p.get("weights", default))


def _config(p: dict) -> List[str]:
    """The configuration is the preset's own where its publisher ships no config.json."""
    return [] if p.get("reads") == "vqgan" else ["config.json"]


def _find(p: dict, path: Optional[str], mirror: Optional[str], revision: Optional[str]) -> Tuple[str, str]:
    """The folder of a preset's files, and the commit it is of."""
    if path is None:
        return _download(p, mirror, revision)
    if mirror or revision:
        raise ZooError(p["name"], "path= names a folder, for which mirror= and revision= mean nothing", "leave them out, or path=")
    root = os.path.expanduser(path)
    if not os.path.isdir(root):
        raise ZooError(p["name"], f"{path}: no such folder", "path=FOLDER names the folder that holds the model")
    wanted = _config(p) or [_weights(p)]
    for folder in (root, os.path.join(root, p.get("subfolder", ""))):
        if all(os.path.isfile(os.path.join(folder, f)) for f in wanted):
            return folder, ""
    sub = f", nor has {os.path.join(path, p['subfolder'])}" if p.get("subfolder") else ""
    raise ZooError(p["name"], f"{path} has no {wanted[0]}{sub}", f"path= names the folder of {p['hub']} or of its model alone, as `hf download {p['hub']}` leaves it")


def _download(p: dict, mirror: Optional[str], revision: Optional[str]) -> Tuple[str, str]:
    name, hub = p["name"], p["hub"]
    sub = p.get("subfolder") or None
    at = revision or p.get("revision") or "main"
    try:
        import huggingface_hub as hh
        from huggingface_hub import errors
    except ImportError as e:
        raise ZooError(name, f"huggingface_hub is missing: {e}", "pip install huggingface_hub, or path=FOLDER") from e

    def get(file: str) -> str:
        return str(hh.hf_hub_download(hub, file, subfolder=sub, revision=at, endpoint=mirror))

    inside = f" --include '{sub}/*'" if sub else ""
    elsewhere = f"path=FOLDER or mirror=URL, or where there is a network `hf download {hub} --revision {at}{inside}`"
    token = "with the token of this machine" if hh.get_token() else "and there is no token"
    try:
        if p["library"] == "transformers":
            got = get("config.json")
            for shard in _shards(p, get, errors):
                get(shard)
        else:
            got = ""
            for file in [*_config(p), _weights(p)]:
                got = get(file)
    except errors.GatedRepoError as e:
        raise ZooError(name, f"{hub} is gated {token}", "accept its licence on its page, then `hf auth login` or HF_TOKEN=…; or path=FOLDER") from e
    except errors.RevisionNotFoundError as e:
        raise ZooError(name, f"revision {at} of {hub} is gone", "revision=COMMIT of one that is there, or path=FOLDER to a copy") from e
    except errors.RepositoryNotFoundError as e:
        raise ZooError(name, f"{hub} is not there, or private {token}", "HF_TOKEN=… of an account that may read it, mirror=URL, or path=FOLDER") from e
    except (errors.LocalEntryNotFoundError, errors.HfHubHTTPError) as e:
        # A status that says nothing of the repository is the cause of the first one.
        status = next((r.status_code for r in (getattr(x, "response", None) for x in (e, e.__cause__)) if r is not None), None)
        if status == 404 and not isinstance(e, errors.LocalEntryNotFoundError):
            raise ZooError(name, f"{hub} at {at} has no such file: {_first(e)}", "revision=COMMIT of one that has it, or path=FOLDER") from e
        if status is None:
            raise ZooError(name, f"{hub} cannot be reached and is not in the cache", elsewhere) from e
        mend = "HF_TOKEN=… that is valid, or none; or path=FOLDER" if status in (401, 403) else elsewhere
        raise ZooError(name, f"{hub}: the hub answered with status {status}", mend) from e
    except errors.EntryNotFoundError as e:
        raise ZooError(name, f"{hub} at {at} has no such file: {_first(e)}", "revision=COMMIT of one that has it, or path=FOLDER") from e
    except Exception as e:  # the client of HTTP has been exchanged before: no network has several names
        if isinstance(e, OSError) and getattr(e, "errno", None) is not None and e.filename:
            raise ZooError(name, f"writing {e.filename}: {e.strerror}", "room in HF_HOME, the cache of the hub, or another HF_HOME=FOLDER") from e
        raise ZooError(name, f"{hub} cannot be reached ({type(e).__name__}: {_first(e)})", elsewhere) from e
    commit = re.search(r"[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]", got)
    return os.path.dirname(got), commit.group(1) if commit else ""


def _shards(p: dict, get: Callable[[str], str], errors: Any) -> List[str]:
    """The files of a large model that hold its tokenizer."""
    try:
        with open(get("model.safetensors.index.json"), encoding="utf-8") as f:
            where = json.load(f)["weight_map"]
    except errors.LocalEntryNotFoundError:
        raise
    except errors.EntryNotFoundError:
        return [_weights(p)]
    return sorted({file for key, file in where.items() if "vqmodel." in key})


def _first(e: BaseException) -> str:
    return _line(next(iter(str(e).strip().splitlines()), type(e).__name__), 160)


# -- reading them ----------------------------------------------------------


def _read(p: dict, cls: Any, folder: str) -> Any:
    """The module with its weights, all of them and no others."""
    try:
        if p["library"] == "transformers":
            return _read_part(p, cls, folder)
        if p.get("reads") == "vqgan":
            return _read_vqgan(p, cls, folder)
        return _read_diffusers(p, cls, folder)
    except ZooError:
        raise
    except Exception as e:
        traceback.print_exc()
        raise _unfit(p, folder, f"{type(e).__name__}: {e}") from e


def _unfit(p: dict, folder: str, why: str) -> ZooError:
    return ZooError(p["name"], f"what {folder} holds does not fit: {why}", f"path= or revision= of {p['hub']}, or the preset that it is (`vtbench list tokenizers --zoo`)")


def _read_diffusers(p: dict, cls: Any, folder: str) -> Any:
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        kind = json.load(f).get("_class_name")
    if kind != p["class"]:
        raise _unfit(p, folder, f"its config.json is of a {kind}, {p['name']} is {p['class']}")
    try:
        import safetensors.torch  # noqa: F401  diffusers uses it and forgets to import it
    except ImportError:
        pass
    module, told = cls.from_pretrained(folder, local_files_only=True, low_cpu_mem_usage=False, output_loading_info=True)
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
        keys = list(told.get(what) or [])
        if keys:
            raise _unfit(p, folder, f"{len(keys)} {what.replace('_', ' ')}, the first {keys[0]}")
    return module


def _read_part(p: dict, cls: Any, folder: str) -> Any:
    """The tokenizer inside a larger model of transformers, or alone."""
    from safetensors import safe_open

    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    alone = "vq_config" not in config
    kind = config.get("model_type") if alone else config["vq_config"].get("model_type", cls.config_class.model_type)
    if kind != cls.config_class.model_type:
        raise _unfit(p, folder, f"its config.json is of a {kind}, {p['name']} is a {cls.config_class.model_type}")
    module = cls(cls.config_class(**{k: v for k, v in (config if alone else config["vq_config"]).items() if k not in ("model_type", "dtype", "torch_dtype", "architectures", "transformers_version")}))
    index = os.path.join(folder, "model.safetensors.index.json")
    if os.path.isfile(index):
        with open(index, encoding="utf-8") as f:
            files = sorted({file for key, file in json.load(f)["weight_map"].items() if alone or "vqmodel." in key})
    else:
        files = [_weights(p)]
    state = {}
    for file in files:
        with safe_open(os.path.join(folder, file), framework="pt") as tensors:
            for key in tensors.keys():
                if alone or "vqmodel." in key:
                    state[key.split("vqmodel.", 1)[-1]] = tensors.get_tensor(key).float()
    module.load_state_dict(state, strict=True)
    return module


def _read_vqgan(p: dict, cls: Any, folder: str) -> Any:
    """A checkpoint in the names of taming-transformers, which diffusers can translate."""
    import torch
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    state = torch.load(os.path.join(folder, _weights(p)), map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    module = cls(**p["config"]) if not os.path.isfile(os.path.join(folder, "config.json")) else cls.from_config(cls.load_config(folder))
    translated = convert_ldm_vae_checkpoint({k: v.float() for k, v in state.items() if not k.startswith("loss.")}, module.config)
    translated["quantize.embedding.weight"] = state["quantize.embedding.weight"].float()
    module.load_state_dict(translated, strict=True)
    return module


# -- as tokenizers ---------------------------------------------------------


def _adapt(p: dict, module: Any, dtype: Optional[str], sample: bool, options: Dict[str, Any]) -> Any:
    if p["class"] == "JanusVQVAE":
        return _janus(module, dtype, **options)
    if p["class"] == "Emu3VQVAE":
        return _emu3(module, dtype, clips=p["clips"], **options)
    from .diffusers_model import load as adapt

    return adapt(module, dtype=dtype, sample=sample, clips=p.get("clips"), **options)


def _ids_tokenizer(module: Any, dtype: Optional[str], encode: Callable[..., Any], decode: Callable[..., Any], codebook: Callable[..., Any], **options: Any) -> Any:
    """A tokenizer whose tokens are (latent or None, ids)."""
    import torch

    from .torch_module import TorchTokenizer

    wanted = getattr(torch, dtype) if dtype else torch.float32
    options["params"] = {"class": type(module).__name__, "dtype": dtype or "float32", **options["params"]}
    return TorchTokenizer(
        module.to(wanted),
        encode=lambda m, x: encode(m, x.to(wanted)),
        decode=lambda m, t: decode(m, t[1]),
        codes=lambda t: t[1],
        from_codes=lambda m, ids, _size: decode(m, ids),
        codebook=lambda m, _i: codebook(m),
        codebooks=[int(module.quantize.embedding.weight.shape[0])],
        **options,
    )


def _janus(module: Any, dtype: Optional[str], **options: Any) -> Any:
    """ids by the nearest of unit vectors: the original (deepseek-ai/Janus,
    janus/models/vq_model.py, l2_norm) normalises both sides, transformers only when
    it decodes. Any size: the sides that the library's decode insists on are left out."""
    from torch.nn import functional as F

    def words(m: Any) -> Any:
        return F.normalize(m.quantize.embedding.weight, dim=-1)

    def encode(m: Any, x: Any) -> Any:
        z = F.normalize(m.quant_conv(m.encoder(x)), dim=1)
        n, c, h, w = z.shape
        ids = (z.permute(0, 2, 3, 1).reshape(-1, c) @ words(m).T).argmax(dim=1)
        return z, ids.reshape(n, h, w)

    def decode(m: Any, ids: Any) -> Any:
        return m.decoder(m.post_quant_conv(words(m)[ids].permute(0, 3, 1, 2).contiguous()))

    return _ids_tokenizer(module, dtype, encode, decode, words, latents=lambda t: t[0], **options)


def _emu3(module: Any, dtype: Optional[str], **options: Any) -> Any:
    """A still is a clip of equal frames."""
    import torch

    def encode(m: Any, x: Any) -> Any:  # [n, 3, t, h, w]
        # The library cuts clips to their image's size along the wrong sides: leave all.
        sizes = torch.tensor([[1 << 20, 1 << 20]] * x.shape[0])
        return None, torch.stack(list(m.encode(x.transpose(1, 2), image_sizes=sizes).image_tokens))

    def decode(m: Any, ids: Any) -> Any:
        return m.decode(ids).transpose(1, 2)

    return _ids_tokenizer(module, dtype, encode, decode, lambda m: m.quantize.embedding.weight, video=True, **options)


def _try_out(p: dict, tok: Any, folder: str) -> None:
    """One grey image through the model: what it really is, against the preset."""
    import numpy as np

    side, stride = 2 * p["stride"], p["stride"]
    grey = np.full((1, side, side, 3), 128, np.uint8)
    books = list(getattr(tok, "codebooks", []))
    if books != p.get("codebooks", []):
        raise _unfit(p, folder, f"its codebooks are {books}, those of {p['name']} {p.get('codebooks', [])}")
    tokens = tok.encode(grey)
    if books:
        got, want = list(tok.codes(tokens).shape), [1, *([1] if "clips" in p else []), side // stride, side // stride]
        if got != want:
            raise _unfit(p, folder, f"ids of shape {got} for {side}×{side} pixels where stride {stride} gives {want}")
    if callable(getattr(tok, "latents", None)):
        got, want = list(tok.latents(grey).shape), [1, p["channels"], side // stride, side // stride]
        if got != want:
            raise _unfit(p, folder, f"a latent of shape {got} for {side}×{side} pixels where {p['name']} has {want}")
    if "clips" in p:
        t = _serve.frames_of(p["clips"], 2)
        try:
            tok.reconstruct_clip(np.full((t, side, side, 3), 128, np.uint8))
        except Exception as e:
            if "frames" in str(e):
                raise _unfit(p, folder, f"a window of {t} frames: {e}") from None
    image = tok.decode(tokens)[0]
    if isinstance(image, Exception):
        return  # values out of range are told image by image
    if image.shape != (side, side, 3):
        raise _unfit(p, folder, f"it returned {image.shape[1]}×{image.shape[0]} for {side}×{side} pixels")


# -- small models to try the wiring with -----------------------------------


def make(name: str, folder: str) -> None:
    """Writes a model of the preset's class and configuration at reduced width, with
    random weights, as its publisher's files are laid out."""
    p = presets()[name]
    cls = _class(p)
    import torch

    torch.manual_seed(0)
    config = {**p["config"], **p["small"]}
    if p["library"] == "transformers":
        module = cls(cls.config_class(**config))
    else:
        import safetensors.torch  # noqa: F401

        module = cls(**config)
    if p["class"] == "Emu3VQVAE":
        # Its norms multiply by what random codes say: windows would come out at twenty times the range.
        module.decoder.conv_out.weight.data /= 32
    if p.get("reads") != "vqgan":
        module.eval().save_pretrained(folder, **({"safe_serialization": False} if _weights(p).endswith(".bin") else {}))
        return
    os.makedirs(folder, exist_ok=True)
    module.save_config(folder)
    torch.save({"state_dict": _taming_names(module)}, os.path.join(folder, _weights(p)))


def _taming_names(module: Any) -> Dict[str, Any]:
    """The names that a VQModel's tensors have in taming-transformers."""
    ups = len(module.config.up_block_types)
    out = {}
    for key, t in module.state_dict().items():
        key = re.sub(r"down_blocks\.(\d+)\.resnets\.", r"down.\1.block.", key)
        key = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample.", key)
        key = re.sub(r"up_blocks\.(\d+)\.resnets\.", lambda m: f"up.{ups - 1 - int(m[1])}.block.", key)
        key = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0\.", lambda m: f"up.{ups - 1 - int(m[1])}.upsample.", key)
        key = re.sub(r"mid_block\.resnets\.(\d+)\.", lambda m: f"mid.block_{int(m[1]) + 1}.", key)
        key = key.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        attention = re.match(r"(.*)mid_block\.attentions\.0\.(.*)\.(weight|bias)$", key)
        if attention:
            part = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}[attention[2]]
            key = f"{attention[1]}mid.attn_1.{part}.{attention[3]}"
            t = t[:, :, None, None] if t.dim() == 2 else t
        out[key] = t
    return out


def main() -> None:
    a = argparse.ArgumentParser(prog="python -m vtbench.zoo", description="Serves a released tokenizer to vtbench.")
    a.add_argument("preset", help="its name; `vtbench list tokenizers --zoo` shows all")
    a.add_argument("--path", help="folder that holds the model")
    a.add_argument("--mirror", help="address of a mirror of the hub")
    a.add_argument("--revision", help="commit, branch or tag in place of the pinned commit")
    a.add_argument("--device")
    a.add_argument("--dtype", choices=["float16", "bfloat16"])
    a.add_argument("--sample", action="store_true", help="draw from the latent distribution instead of taking its mode")
    a.add_argument("--batch", type=int, help="images at once; 1 on a CPU, 8 elsewhere")
    a.add_argument("--make", metavar="FOLDER", help="write a small model with random weights to FOLDER and stop")
    args = a.parse_args()
    try:
        if args.make:
            make(args.preset, args.make)
            return
        tok = load(
            args.preset, path=args.path, mirror=args.mirror, revision=args.revision, device=args.device, dtype=args.dtype, sample=args.sample, batch_size=args.batch,
        )
    except ZooError as e:
        _serve.refuse(str(e), 5)
    _serve.serve(tok)


if __name__ == "__main__":
    main()
