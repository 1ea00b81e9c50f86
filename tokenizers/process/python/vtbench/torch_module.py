"""PyTorch modules as tokenizers.

What goes wrong by hand goes right here: the module is in eval mode, gradients are
off, bytes become floats and floats bytes by rounding on the device, clocks stop
only when the device has finished, and a NaN costs its image only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch

from ._convert import FAR, Failed

Hook = Callable[..., Any]


def pick_device() -> "torch.device":
    """A GPU of this replica's own where there are any, else the CPU."""
    if torch.cuda.is_available():
        replica = int(os.environ.get("VTBENCH_REPLICA", "0"))
        return torch.device("cuda", replica % torch.cuda.device_count())
    mps = getattr(torch.backends, "mps", None)
    if mps is not None and mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def digest(module: "torch.nn.Module") -> str:
    """SHA-256 over names, types, shapes and bytes of everything that was learned."""
    h = hashlib.sha256()
    for key, t in sorted(module.state_dict().items()):
        if not isinstance(t, torch.Tensor):
            continue
        t = t.detach().cpu().contiguous()
        h.update(f"{key}|{t.dtype}|{tuple(t.shape)}|".encode())
        h.update(t.reshape(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b"")
    return h.hexdigest()


def unwrapped(module: "torch.nn.Module") -> "torch.nn.Module":
    """The module inside DistributedDataParallel or DataParallel: the wrapper's forward
    talks to other ranks, which are not evaluating."""
    while isinstance(module, (torch.nn.parallel.DistributedDataParallel, torch.nn.DataParallel)):
        module = module.module
    return module


@contextlib.contextmanager
def evaluating(module: "torch.nn.Module") -> Iterator[None]:
    """Evaluation mode while the context lasts; after it every submodule is in the mode it
    had, so that one that is kept in evaluation mode on purpose stays there."""
    modes = [(m, m.training) for m in module.modules()]
    benchmark = torch.backends.cudnn.benchmark
    try:
        module.eval()
        torch.backends.cudnn.benchmark = False  # its choice of kernels varies from run to run
        yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        for m, training in modes:
            m.training = training


def _missing(*_: Any) -> Any:
    raise Failed("this tokenizer was made without a way to do that")


class TorchTokenizer:
    """A module with ``encode`` and ``decode``, or one whose ``forward`` returns
    the reconstruction.

    range      what the module takes and gives, (-1, 1) unless said otherwise
    device     "cuda:1", "cpu"; by default a GPU of the replica's own, else the CPU
    autocast   None, "bfloat16" or "float16"
    encode     (module, x) -> tokens, in place of module.encode(x)
    decode     (module, tokens) -> x, in place of module.decode(tokens)
    codes      (tokens) -> integer tensor [n, …], or a tuple of them, one a codebook
    from_codes (module, ids, size) -> x, to turn damaged codes back into images
    latents    (tokens) -> float tensor [n, c, h, w]
    codebook   (module, i) -> [k, d] vectors of codebook i
    batch_size images at once; 1 on a CPU, 8 elsewhere
    deterministic
               equal input gives equal output, bit by bit. By default said of a CPU
               and a batch of one only: kernels add in another order when the batch
               is larger, and then an image's result depends on its neighbours

    batch_invariant
               an image's result is the same, bit by bit, in any batch; by default said
               where images are computed one at a time
    borrowed   the module is at work elsewhere in this process: it stays on its device,
               and its mode and parameters are the caller's, see ``evaluating``

    Everything vtbench wants to know (name, version, codebooks, multiple_of, …)
    may be given as well.
    """

    def __init__(
        self,
        module: "torch.nn.Module",
        *,
        range: Tuple[float, float] = (-1.0, 1.0),
        device: Union[str, "torch.device", None] = None,
        autocast: Optional[str] = None,
        encode: Optional[Hook] = None,
        decode: Optional[Hook] = None,
        codes: Optional[Hook] = None,
        from_codes: Optional[Hook] = None,
        latents: Optional[Hook] = None,
        codebook: Optional[Hook] = None,
        codebooks: Sequence[int] = (),
        name: Optional[str] = None,
        version: Optional[str] = None,
        weights: Optional[str] = None,
        deterministic: Optional[bool] = None,
        batch_invariant: Optional[bool] = None,
        batch_size: Optional[int] = None,
        borrowed: bool = False,
        params: Optional[Dict[str, Any]] = None,
        **info: Any,
    ) -> None:
        if not range[1] > range[0]:
            raise ValueError(f"range is {range}: want (low, high)")
        # `vtbench conform` looks which range a model really has.
        trial = os.environ.get("VTBENCH_RANGE")
        if trial:
            low, high = trial.split("..")
            range = (float(low), float(high))
        if autocast not in (None, "bfloat16", "float16"):
            raise ValueError(f"autocast is {autocast!r}: want None, 'bfloat16' or 'float16'")
        if codebooks and codes is None:
            raise ValueError("codebooks are declared but codes=… is missing: say how to get ids out of what encode returns")
        self._borrowed = borrowed
        if borrowed:
            at = next((t.device for t in [*module.parameters(), *module.buffers()]), torch.device("cpu"))
            self.device = torch.device(device) if device is not None else at
            self.module = module
        else:
            self.device = torch.device(device) if device is not None else pick_device()
            self.module = module.to(self.device).eval()
            for p in self.module.parameters():
                p.requires_grad_(False)
            if self.device.type == "cuda":
                torch.backends.cudnn.benchmark = False  # its choice of kernels varies from run to run
        self.range = (float(range[0]), float(range[1]))
        self.autocast = getattr(torch, autocast) if autocast else None
        self._encode = encode or (lambda m, x: m.encode(x))
        self._decode = decode or (lambda m, z: m.decode(z))
        # Where one is missing, nothing below asks for it.
        self._codes: Hook = codes or _missing
        self._from_codes: Hook = from_codes or _missing
        self._latents_of: Hook = latents or _missing
        self._codebook: Hook = codebook or _missing
        both = encode is not None and decode is not None
        if not both and not (callable(getattr(module, "encode", None)) and callable(getattr(module, "decode", None))):
            # vtbench then calls reconstruct, and has no times for its two halves.
            self.reconstruct = self._forward
        self.name = name or type(module).__name__
        self.version = version or f"torch {torch.__version__}"
        self.weights = weights if weights is not None else digest(module)
        on_cpu = self.device.type == "cpu"
        self.batch_size = batch_size if batch_size is not None else 1 if on_cpu else 8
        alone = on_cpu and self.batch_size == 1
        self.deterministic = alone if deterministic is None else deterministic
        self.batch_invariant = alone if batch_invariant is None else batch_invariant
        self.params = {"device": str(self.device), "autocast": autocast or "none", "range": f"{range[0]:g}..{range[1]:g}", **(params or {})}
        if codebooks:
            self.codebooks: List[int] = [int(k) for k in codebooks]
            self.codes = self._ids
            if from_codes is not None:
                self.decode_codes = self._decode_codes
            if codebook is not None:
                self.codebook = self._vectors
        if latents is not None:
            self.latents = self._latents
        for k, v in info.items():
            setattr(self, k, v)

    # -- what vtbench calls -------------------------------------------------

    def encode(self, images: np.ndarray) -> Any:
        return self._run(lambda: self._encode(self.module, self._to_device(images)))

    def decode(self, tokens: Any) -> List[Any]:
        return self._to_images(self._run(lambda: self._decode(self.module, tokens)))

    def _forward(self, images: np.ndarray) -> List[Any]:
        return self._to_images(self._run(lambda: self.module(self._to_device(images))))

    def _ids(self, tokens: Any) -> Any:
        ids = self._run(lambda: self._codes(tokens))
        if isinstance(ids, (tuple, list)):
            return tuple(i.detach().cpu().numpy() for i in ids)
        return ids.detach().cpu().numpy()

    def _decode_codes(self, ids: Any, size: Tuple[int, int]) -> List[Any]:
        many = isinstance(ids, tuple)
        on = tuple(torch.from_numpy(np.array(i, dtype=np.int64)).to(self.device) for i in (ids if many else (ids,)))
        return self._to_images(self._run(lambda: self._from_codes(self.module, on if many else on[0], size)))

    def _latents(self, images: np.ndarray) -> np.ndarray:
        z = self._run(lambda: self._latents_of(self._encode(self.module, self._to_device(images))))
        return z.detach().float().cpu().numpy()

    def _vectors(self, i: int) -> np.ndarray:
        return self._run(lambda: self._codebook(self.module, i)).detach().float().cpu().numpy()

    def synchronize(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    # -- how it is done -----------------------------------------------------

    def _run(self, work: Callable[[], Any]) -> Any:
        try:
            # What is made in inference mode cannot be trained with: a module that keeps
            # something between calls must not get it from there.
            with torch.no_grad() if self._borrowed else torch.inference_mode():
                if self.autocast is None and self._borrowed:
                    with torch.autocast(self.device.type, enabled=False) if self.device.type in ("cuda", "cpu") else contextlib.nullcontext():
                        return work()
                if self.autocast is None:
                    return work()
                with torch.autocast(self.device.type, dtype=self.autocast):
                    return work()
        except RuntimeError as e:
            if "out of memory" in str(e).lower() and self.device.type == "cuda":
                torch.cuda.empty_cache()  # so that the images have a chance one by one
            raise

    def _to_device(self, images: np.ndarray) -> "torch.Tensor":
        lo, hi = self.range
        # Bytes travel, floats are made there: a quarter of the traffic.
        x = torch.from_numpy(np.array(images)).to(self.device).permute(0, 3, 1, 2)
        return (x.to(torch.float32) * ((hi - lo) / 255.0) + lo).contiguous()

    def _to_images(self, out: Any) -> List[Any]:
        y = tensor_of(out)
        if y.dim() != 4 or y.shape[1] != 3:
            raise Failed(f"the module returned a tensor of shape {tuple(y.shape)}: want (n, 3, height, width)")
        lo, hi = self.range
        with torch.inference_mode():
            y = y.to(torch.float32)
            flat = y.reshape(y.shape[0], -1)
            finite = torch.isfinite(flat).all(dim=1).tolist()
            low, high = flat.amin(dim=1).tolist(), flat.amax(dim=1).tolist()
            bytes_ = torch.floor((y - lo) * (255.0 / (hi - lo)) + 0.5).clamp(0, 255).to(torch.uint8)
            pixels = bytes_.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        images: List[Any] = []
        for i, image in enumerate(pixels):
            if not finite[i]:
                images.append(Failed("the reconstruction holds NaN or infinities"))
            elif low[i] < lo - FAR * (hi - lo) or high[i] > hi + FAR * (hi - lo):
                images.append(Failed(f"values from {low[i]:g} to {high[i]:g} where range={self.range} is declared: declare the range it really has"))
            else:
                images.append(image)
        return images


def tensor_of(out: Any) -> "torch.Tensor":
    """The reconstruction in what a module returned: a tensor, the first of a
    tuple, or an object's ``sample`` or ``reconstruction``."""
    if isinstance(out, torch.Tensor):
        return out
    if isinstance(out, (tuple, list)) and out:
        return tensor_of(out[0])
    for key in ("sample", "reconstruction", "x_rec", "recon"):
        inner = out.get(key) if isinstance(out, dict) else getattr(out, key, None)
        if isinstance(inner, torch.Tensor):
            return inner
    raise Failed(f"the module returned a {type(out).__name__}: pass decode=lambda module, tokens: … that returns a tensor")
