"""PyTorch modules as tokenizers.

What goes wrong by hand goes right here: the module is in eval mode, gradients are
off, bytes become floats and floats bytes by rounding on the device, clocks stop
only when the device has finished, and a NaN costs its image only.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import time
from builtins import range as builtin_range
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch

from ._convert import FAR, Failed, Result
from ._serve import SERVED, clip_info, frames_of, refuse_unknown

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


def from_diffusers(module: "torch.nn.Module", options: Dict[str, Any]) -> bool:
    """Whether it is an autoencoder of diffusers whose halves the caller does not name: they
    return objects that ``vtbench.from_diffusers`` knows."""
    theirs = type(module).__module__.split(".")[0] == "diffusers"
    return theirs and not (options.get("encode") or options.get("decode")) and all(callable(getattr(module, k, None)) for k in ("encode", "decode"))


def _missing(*_: Any) -> Any:
    raise Failed("this tokenizer was made without a way to do that")


class TorchTokenizer:
    """A module with ``encode`` and ``decode``, or one whose ``forward`` returns
    the reconstruction.

    range      what the module takes and gives, (-1, 1) unless said otherwise
    device     "cuda:1", "cpu"; by default a GPU of the replica's own, else the CPU
    autocast   None, "bfloat16" or "float16". Without it a module whose parameters are all of one
               type, such as bfloat16, is given that, else float32
    encode     (module, x) -> tokens, in place of module.encode(x)
    decode     (module, tokens) -> x, in place of module.decode(tokens)
    codes      (tokens) -> integer tensor [n, …], or a tuple of them, one a codebook
    from_codes (module, ids, size) -> x, to turn damaged codes back into images
    latents    (tokens) -> float tensor [n, c, h, w]
    codebook   (module, i) -> [k, d] vectors of codebook i
    video      the module takes and gives clips, 5-D tensors [n, 3, t, h, w]: windows of films
               are coded as a whole, an image as the first of as few equal frames as it takes.
               ids are then [n, t', h', w'], latents [n, c, t', h', w'] (of an image those of
               its first frame are handed out)
    clips      of video: which windows it takes, {"multiple": 4, "causal": True}; see
               ``vtbench.serve``. Where it is not said, windows of 1 to 18 small grey frames
               are tried, once
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
        video: bool = False,
        clips: Optional[Dict[str, Any]] = None,
        params: Optional[Dict[str, Any]] = None,
        **info: Any,
    ) -> None:
        refuse_unknown("vtbench.from_torch", info, OPTIONS)
        if from_diffusers(module, {"encode": encode, "decode": decode}):
            raise ValueError(f"{type(module).__name__} is of diffusers, and its encode returns no tensor: vtbench.from_diffusers(module) makes a tokenizer of it, or pass encode=… and decode=…")
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
        if clips is not None and not video:
            raise ValueError("clips are declared and video is not: pass video=True where the module takes 5-D tensors")
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
        halves = {"encode": encode, "decode": decode}
        lacks = [k for k, hook in halves.items() if hook is None and not callable(getattr(module, k, None))]
        if lacks and any(halves.values()):
            given = next(k for k, hook in halves.items() if hook is not None)
            raise ValueError(f"{given}=… is given and {type(module).__name__} has no {lacks[0]}: pass {lacks[0]}=…, too, or neither where forward returns the reconstruction")
        if lacks:
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
        self.video = video
        if video:
            self._still = 1  # frames that stand for an image
            self._books = bool(codebooks)
            self.reconstruct_clip = self._window
            self.clips: Dict[str, Any] = clip_info(clips) if clips is not None else found_clips(self._takes)
            self._still = frames_of(self.clips)

    # -- what vtbench calls -------------------------------------------------

    def encode(self, images: np.ndarray) -> Any:
        return self._run(lambda: self._encode(self.module, self._stills(images)))

    def decode(self, tokens: Any) -> List[Any]:
        return self._to_images(self._run(lambda: self._decode(self.module, tokens)))

    def _forward(self, images: np.ndarray) -> List[Any]:
        return self._to_images(self._run(lambda: self.module(self._stills(images))))

    def _window(self, frames: np.ndarray) -> Result:
        self.synchronize()
        t0 = t1 = time.perf_counter()
        x = self._to_device(frames).transpose(0, 1)[None].contiguous()
        tokens = None
        if getattr(self, "reconstruct", None) is not None:
            y = self._run(lambda: self.module(x))
        else:
            tokens = self._run(lambda: self._encode(self.module, x))
            self.synchronize()
            t1 = time.perf_counter()
            y = self._run(lambda: self._decode(self.module, tokens))
        self.synchronize()
        t2 = time.perf_counter()
        y = tensor_of(y)
        if y.dim() != 5 or y.shape[0] != 1 or y.shape[1] != 3 or y.shape[2] != len(frames):
            raise Failed(f"the module returned a tensor of shape {tuple(y.shape)} for a window of {len(frames)} frames: want (1, 3, {len(frames)}, height, width); clips=… says how many it takes")
        images = self._pixels(y[0].transpose(0, 1))
        for i, image in enumerate(images):
            if isinstance(image, Exception):
                raise Failed(f"frame {i} of the window: {image}")
        codes = None
        if self._books and tokens is not None:
            ids = self._ids(tokens)
            codes = [b[0] for b in (ids if isinstance(ids, tuple) else (ids,))]
        if t1 == t0:  # one call, of which no half is known
            return Result(np.stack(images), codes)
        return Result(np.stack(images), codes, encode_s=t1 - t0, decode_s=t2 - t1)

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
        z = self._run(lambda: self._latents_of(self._encode(self.module, self._stills(images))))
        if self.video and z.dim() == 5:
            z = z[:, :, 0]
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
        x = (x.to(torch.float32) * ((hi - lo) / 255.0) + lo).contiguous()
        return x.to(self._dtype()) if self.autocast is None else x

    def _dtype(self) -> "torch.dtype":
        """What the module takes: the type of its parameters where all have the same one."""
        kinds = {p.dtype for p in self.module.parameters() if p.is_floating_point()}
        for one in (torch.float16, torch.bfloat16, torch.float64):
            if kinds == {one}:
                return one
        return torch.float32

    def _stills(self, images: np.ndarray) -> "torch.Tensor":
        """What the module gets of images: [n, 3, h, w], of video clips of equal frames."""
        x = self._to_device(images)
        return x[:, :, None].repeat(1, 1, self._still, 1, 1) if self.video else x

    def _to_images(self, out: Any) -> List[Any]:
        y = tensor_of(out)
        if self.video:
            if y.dim() != 5 or y.shape[1] != 3 or y.shape[2] != self._still:
                raise Failed(f"the module returned a tensor of shape {tuple(y.shape)} for {self._still} frames: want (n, 3, {self._still}, height, width)")
            y = y[:, :, 0]
        elif y.dim() != 4 or y.shape[1] != 3:
            raise Failed(f"the module returned a tensor of shape {tuple(y.shape)}: want (n, 3, height, width){', or pass video=True' if y.dim() == 5 else ''}")
        return self._pixels(y)

    def _takes(self, frames: int) -> bool:
        """Whether a window of so many small grey frames comes back whole."""
        fixed = (getattr(self, "fixed_h", 0) or 0, getattr(self, "fixed_w", 0) or 0)
        cell = max(int(getattr(self, "multiple_of", 0) or 0), int(getattr(self, "stride", 0) or 0), 1)
        side = -(-max(64, int(getattr(self, "min_side", 0) or 0)) // cell) * cell
        grey = np.full((frames, fixed[0] or side, fixed[1] or side, 3), 128, np.uint8)
        try:
            return len(self._window(grey).image) == frames
        except Exception:  # of any kind: that is what is asked
            return False

    def _pixels(self, y: "torch.Tensor") -> List[Any]:
        """Images [n, 3, h, w] as bytes, or why one of them is none."""
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


# Options of from_torch: its own, and those of vtbench.serve but for value_range, which is range here.
OPTIONS = {k for k, p in inspect.signature(TorchTokenizer.__init__).parameters.items() if p.kind is p.KEYWORD_ONLY} | (set(SERVED) - {"value_range"})


def found_clips(takes: Callable[[int], bool]) -> Dict[str, Any]:
    """Which windows a module takes, by trying numbers of frames: the constraint that
    explains the most of those that work among the first nine. It must hold for the next
    number, too."""
    works = {n: takes(n) for n in builtin_range(1, 10)}
    if all(works.values()):
        return {}
    best: List[int] = []
    found: Dict[str, Any] = {}
    for multiple in builtin_range(2, 10):
        for causal in (True, False):
            members = list(builtin_range(1 if causal else multiple, 10, multiple))
            if len(members) > len(best) and all(works[n] for n in members) and takes(members[-1] + multiple):
                best, found = members, {"multiple": multiple, "causal": True} if causal else {"multiple": multiple}
    if found:
        return found
    only = [n for n, ok in works.items() if ok] or [n for n in (16, 17) if takes(n)]
    if len(only) == 1:
        return {"fixed": only[0]}
    what = f"only windows of {', '.join(map(str, only))} frames come" if only else "no window of 1 to 9, 16 or 17 frames of 64×64 comes"
    raise ValueError(f'{what} back whole: say which it takes, clips={{"multiple": 4, "causal": True}}, and multiple_of=… where sides are bound')


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
    what = f"dict of {', '.join(map(repr, out))}" if isinstance(out, dict) else type(out).__name__
    raise Failed(
        f"the module returned a {what}: want a tensor, or the first of a tuple, or sample, reconstruction, x_rec or recon of an object; "
        "else pass decode=lambda module, tokens: …, and of a module that is called as a whole encode=lambda module, x: x, too"
    )
