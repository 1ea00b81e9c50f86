"""Autoencoders of the diffusers library as tokenizers.

    vtbench.serve(vtbench.from_diffusers("path/or/hub-id", subfolder="vae"))

Autoencoders for video code windows of films as a whole, and an image as a film of one
frame. The latent is the distribution's mode unless ``sample=True``: a tokenizer that
draws is another tokenizer on every run.
"""

from __future__ import annotations

import json
import os
from typing import Any, Optional

import torch

from .torch_module import TorchTokenizer


def load(
    source: Any,
    *,
    model: Optional[str] = None,
    subfolder: Optional[str] = None,
    revision: Optional[str] = None,
    dtype: Optional[str] = None,
    sample: bool = False,
    video: Optional[bool] = None,
    **options: Any,
) -> TorchTokenizer:
    """A tokenizer of a model object, a local folder or a hub id.

    model     the class, "AutoencoderKL", "VQModel", "AutoencoderDC", …; read from
              the folder's config.json where there is one
    dtype     "float16" or "bfloat16" to load and run in it
    sample    draw from the latent distribution instead of taking its mode
    video     it takes and gives clips [n, 3, t, h, w]; by default read from the class, and
              then it is known which windows it takes (``clips`` says otherwise)

    Everything else is an option of ``from_torch``.
    """
    if isinstance(source, torch.nn.Module):
        module = source
        where = options.pop("name", None) or type(source).__name__
    else:
        module = _load(str(source), model, subfolder, revision, dtype)
        where = options.pop("name", None) or os.path.basename(os.path.normpath(str(source))) or type(module).__name__
    wanted = getattr(torch, dtype) if dtype else None
    if wanted is not None:
        module = module.to(wanted)
    cast = (lambda x: x.to(wanted)) if wanted is not None else (lambda x: x)
    config = module.config
    kind = type(module).__name__
    if "stride" not in options:
        options["stride"] = _stride(module)
    options.setdefault("multiple_of", options["stride"])
    options.setdefault("params", {})
    options["params"] = {"class": kind, "dtype": dtype or str(getattr(module, "dtype", "float32")).replace("torch.", ""), **options["params"]}
    channels = getattr(config, "latent_channels", None)
    if channels:
        options.setdefault("channels", int(channels))

    if kind == "VQModel":
        return _vq(module, cast, name=where, **options)
    windows = options.pop("clips", None)
    if windows is None:
        windows = _windows(module)
    if video or video is None and windows is not None:
        options.update(video=True, clips=windows)

    def encode(m: Any, x: Any) -> Any:
        if kind == "AutoencoderKLAllegro":
            return _allegro_encode(m, cast(x), sample)
        if kind == "AutoencoderKLTemporalDecoder":  # frames are encoded one by one, decoded together
            z = _drawn(m.encode(cast(x).transpose(1, 2).flatten(0, 1)).latent_dist, sample)
            return z.unflatten(0, (x.shape[0], x.shape[2])).transpose(1, 2)
        out = m.encode(cast(x))
        posterior = getattr(out, "latent_dist", None)
        if posterior is not None:
            return _drawn(posterior, sample)
        for key in ("latent", "latents"):  # AutoencoderDC, AutoencoderTiny
            z = getattr(out, key, None)
            if z is not None:
                return z
        return out[0]

    def decode(m: Any, z: Any) -> Any:
        if kind == "AutoencoderKLAllegro":
            return _allegro_decode(m, z)
        if kind == "AutoencoderKLTemporalDecoder":
            y = m.decode(z.transpose(1, 2).flatten(0, 1), num_frames=z.shape[2]).sample
            return y.unflatten(0, (z.shape[0], z.shape[2])).transpose(1, 2)
        return m.decode(z)  # its sample is found there

    if sample:
        options["deterministic"] = False
    options["params"]["latent"] = "sampled" if sample else "mode"
    return TorchTokenizer(
        module,
        name=where,
        encode=encode,
        decode=decode,
        latents=lambda z: z,
        **options,
    )


def _drawn(posterior: Any, sample: bool) -> Any:
    return posterior.sample() if sample else posterior.mode()


# Which windows the library's autoencoders for video take. Where a module has a ratio of its
# own, that goes before the number here; but CogVideoX is worked through in eights, twice its
# ratio, and gives other numbers of frames back than these.
_WINDOWS = {
    "AutoencoderKLAllegro": {"multiple": 4},
    "AutoencoderKLCogVideoX": {"multiple": 8, "causal": True},
    "AutoencoderKLCosmos": {"multiple": 8, "causal": True},
    "AutoencoderKLHunyuanVideo": {"multiple": 4, "causal": True},
    "AutoencoderKLHunyuanVideo15": {"multiple": 4, "causal": True},
    "AutoencoderKLKVAEVideo": {"multiple": 4, "causal": True},
    "AutoencoderKLLTXVideo": {"multiple": 8, "causal": True},
    "AutoencoderKLLTX2Video": {"multiple": 8, "causal": True},
    "AutoencoderKLMagvit": {"multiple": 4, "causal": True},
    "AutoencoderKLMochi": {"multiple": 6, "causal": True},
    "AutoencoderKLQwenImage": {"fixed": 1},  # built for clips, trained and used for images
    "AutoencoderKLTemporalDecoder": {},
    "AutoencoderKLWan": {"multiple": 4, "causal": True},
}


def _windows(module: Any) -> Optional[dict]:
    """Which windows of films a model takes; None of one for images."""
    kind = type(module).__name__
    windows = _WINDOWS.get(kind)
    if windows is None or "multiple" not in windows or kind == "AutoencoderKLCogVideoX":
        return windows
    ratio = getattr(module.config, "temporal_compression_ratio", None) or vars(module).get("temporal_compression_ratio")
    return {**windows, "multiple": int(ratio)} if isinstance(ratio, (int, float)) and ratio else windows


def _allegro_encode(m: Any, x: Any, sample: bool) -> Any:
    """The library encodes tiles of 24 frames at 320×320 only; its parts take any size."""
    h = m.encoder(x).transpose(1, 2)
    h = m.quant_conv(h.flatten(0, 1)).unflatten(0, h.shape[:2]).transpose(1, 2)
    mean, log_variance = h.chunk(2, dim=1)
    if sample:
        return mean + torch.randn_like(mean) * torch.exp(log_variance.clamp(-30, 20) / 2)
    return mean


def _allegro_decode(m: Any, z: Any) -> Any:
    h = z.transpose(1, 2)
    return m.decoder(m.post_quant_conv(h.flatten(0, 1)).unflatten(0, h.shape[:2]).transpose(1, 2))


def _vq(module: Any, cast: Any, **options: Any) -> TorchTokenizer:
    """VQModel: ids are what its quantizer looked up, and what is decoded is looked
    up again from them: the quantizer's own output is off by a rounding, since it
    adds and subtracts the latent for the sake of gradients."""

    def encode(m: Any, x: Any) -> Any:
        h = m.encode(cast(x)).latents
        _, _, (_, _, ids) = m.quantize(h)
        return h, ids.reshape(h.shape[0], h.shape[2], h.shape[3])

    def decode(m: Any, ids: Any) -> Any:
        n, h, w = ids.shape
        shape = (n, h, w, m.quantize.embedding.weight.shape[1])
        if getattr(m.config, "lookup_from_codebook", False):  # aMUSEd: decode looks up itself
            return m.decode(ids.reshape(-1), force_not_quantize=True, shape=shape).sample
        return m.decode(m.quantize.get_codebook_entry(ids.reshape(-1), shape), force_not_quantize=True).sample

    entries, width = (int(n) for n in module.quantize.embedding.weight.shape)
    options["channels"] = width  # of what is looked up; the encoder's may be more
    return TorchTokenizer(
        module,
        encode=encode,
        decode=lambda m, t: decode(m, t[1]),
        codes=lambda t: t[1],
        from_codes=lambda m, ids, _size: decode(m, ids),
        latents=lambda t: t[0],
        codebook=lambda m, _i: m.quantize.embedding.weight,
        codebooks=[entries],
        **options,
    )


def _stride(module: Any) -> int:
    """Pixels of one side of a latent's cell."""
    for key in ("spatial_compression_ratio", "vae_scale_factor"):
        n = getattr(module, key, None)
        if isinstance(n, int) and n > 0:
            return n
    config = module.config
    for key in ("block_out_channels", "encoder_block_out_channels"):
        blocks = getattr(config, key, None)
        if blocks:
            return 2 ** (len(blocks) - 1)
    return 8


def _whole_safetensors() -> None:
    """diffusers uses safetensors.torch without importing it, and relies on other
    libraries having done so."""
    try:
        import safetensors.torch  # noqa: F401
    except ImportError:
        pass  # weights may be in another format


def _load(source: str, model: Optional[str], subfolder: Optional[str], revision: Optional[str], dtype: Optional[str]) -> Any:
    import diffusers

    if source.startswith(("/", "./", "../", "~")) and not os.path.isdir(os.path.expanduser(source)):
        raise FileNotFoundError(f"{source}: no such folder")
    source = os.path.expanduser(source)
    _whole_safetensors()
    if model is None:
        folder = os.path.join(source, subfolder) if subfolder else source
        path = os.path.join(folder, "config.json")
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as f:
                model = json.load(f).get("_class_name")
        if model is None and not os.path.isdir(source):
            # Any model class reads the config of any other.
            model = diffusers.AutoencoderKL.load_config(source, subfolder=subfolder, revision=revision).get("_class_name")
        if model is None:
            raise ValueError(f"{source}: no class named in its config.json: pass model='AutoencoderKL', 'VQModel' or 'AutoencoderDC'")
    cls = getattr(diffusers, model, None)
    if cls is None:
        raise ValueError(f"diffusers {diffusers.__version__} has no class {model!r}: install a version that has it")
    extra = {"torch_dtype": getattr(torch, dtype)} if dtype else {}
    if subfolder:
        extra["subfolder"] = subfolder
    if revision:
        extra["revision"] = revision
    return cls.from_pretrained(source, **extra)
