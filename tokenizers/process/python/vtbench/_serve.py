"""From an object with encode/decode or reconstruct to answers of the protocol."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
import math
import os
import sys
import time
import traceback
from typing import Any, Callable, Dict, Iterable, List, NoReturn, Optional, Sequence, Tuple

import numpy as np

from . import _channel
from ._convert import Failed, Result, as_array, check_codes, frames_to_uint8, to_uint8

VERSION = 1
SDK = "python 0.1.0"

_FIELDS = (
    "name version weights code deterministic batch_invariant multiple_of fixed_w fixed_h min_side max_side stride channels codebooks batch_size clips params"
).split()
SERVED = [*_FIELDS, "value_range"]  # options of vtbench.serve

_MEANING = "encode decode reconstruct reconstruct_clip calls".split()  # any of them makes an object more than a function


class Function:
    """A function from images to images as a tokenizer."""

    deterministic = False

    def __init__(self, function: Callable[..., Any]) -> None:
        self.reconstruct = function
        self.name = getattr(function, "__name__", type(function).__name__)


def refuse_unknown(who: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raises TypeError for the first option that is not known: one that is misspelt would
    otherwise have no effect and not be missed."""
    known = sorted(known)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            meant = f", did you mean {near[0]!r}?" if near else ":"
            raise TypeError(f"unknown option {name!r}{meant} {who} takes {', '.join(known)}")


def is_module(obj: Any) -> bool:
    """Whether it is a module of PyTorch; who has one has imported it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(obj, torch.nn.Module)


def _static(cls: type) -> bool:
    """Whether a class answers as it is, by static or class methods alone."""
    methods = [inspect.getattr_static(cls, m) for m in _MEANING if hasattr(cls, m)]
    return bool(methods) and not any(inspect.isfunction(m) for m in methods)


def _device_memory() -> int:
    """The most memory of CUDA devices that PyTorch ever had in use, in bytes."""
    torch = sys.modules.get("torch")  # whoever did not import it has nothing there
    try:
        if torch is None or not torch.cuda.is_initialized():
            return 0
        return int(sum(torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count())))
    except Exception:
        return 0  # a statistic is no reason to lose an image


class Server:
    """Answers requests about one object. ``serve`` runs it on the real channel;
    tests can call ``answer`` with a header and bytes."""

    def __init__(self, obj: Any, **overrides: Any) -> None:
        refuse_unknown("vtbench.serve", overrides, SERVED)
        if isinstance(obj, type) and not _static(obj):
            raise TypeError(f"{obj.__name__} is a class: give an object of it, {obj.__name__}()")
        if callable(obj) and not is_module(obj) and not any(hasattr(obj, m) for m in _MEANING):
            obj = Function(obj)
        self.obj = obj
        self._sync: Callable[[], None] = getattr(obj, "synchronize", None) or (lambda: None)
        self._pair = callable(getattr(obj, "encode", None)) and callable(getattr(obj, "decode", None))
        self._calls: Dict[str, Callable[..., Any]] = dict(getattr(obj, "calls", None) or {})
        self._clip = getattr(obj, "reconstruct_clip", None)
        stills = self._pair or callable(getattr(obj, "reconstruct", None))
        self._reconstructs = stills or callable(self._clip)
        self._one_by_one = self._reconstructs and not stills  # images are windows of one frame
        if not self._reconstructs and not self._calls:
            raise TypeError(f"{type(obj).__name__} has neither reconstruct(images) nor both encode(images) and decode(tokens), nor reconstruct_clip(frames), nor calls{self._hint()}")
        self.info = _info(obj, overrides)
        self.codebooks: List[int] = list(self.info.get("codebooks", []))
        self.value_range = _range(overrides.get("value_range", getattr(obj, "value_range", None)))
        if "clips" in self.info and not callable(self._clip):
            raise TypeError(f"{type(obj).__name__} declares clips and has no reconstruct_clip(frames)")
        if callable(self._clip):
            self.info.setdefault("clips", {})
        if self._pair and callable(getattr(obj, "reconstruct", None)):
            self._pair = False  # who writes both knows a shorter way
        self._decode_ids = getattr(obj, "decode_codes", None)
        if self._decode_ids is None and self.codebooks and not hasattr(obj, "codes"):
            self._decode_ids = getattr(obj, "decode", None)
        self._latents = getattr(obj, "latents", None)
        self._codebook = getattr(obj, "codebook", None)
        self._shm: Optional[_channel.SharedMemory] = None
        self.silent = False  # no tracebacks on standard error
        self.succeeded = 0  # images that were reconstructed
        self.first_failure: Optional[BaseException] = None
        self._handlers: Dict[str, Callable[..., Tuple[dict, List[Any]]]] = {
            "hello": self._hello,
            "ping": lambda head, body: ({"type": "result"}, []),
            "reconstruct": self._do_reconstruct,
            "reconstruct_clip": self._do_reconstruct_clip,
            "decode": self._do_decode,
            "latents": self._do_latents,
            "codebook": self._do_codebook,
            "call": self._do_call,
        }

    def _hint(self) -> str:
        return "; a torch.nn.Module becomes a tokenizer by vtbench.from_torch(module, range=(-1, 1))" if is_module(self.obj) else ""

    def run(self, channel: _channel.Channel, ready: Callable[[], bool] = lambda: True) -> None:
        """Answers until the host says bye or the stream ends. ``ready`` is called before
        each request is read; it may wait, raise, or return False to stop."""
        while True:
            frame = channel.read() if ready() else None
            if frame is None or frame[0].get("type") == "bye":
                return
            header, body = frame
            answer, parts = self.answer(header, body)
            place = header.get("shm")
            total = sum(p.nbytes for p in parts)
            if place and self._shm is not None and 0 < total <= place["out"]["len"]:
                self._put(place, parts)
                answer["shm"] = {"off": place["out"]["off"], "len": total}
                parts = []
            channel.write(answer, parts)

    def _put(self, place: dict, parts: Sequence[np.ndarray]) -> None:
        assert self._shm is not None
        view = self._shm.view(place["size"], place["out"]["off"], place["out"]["len"])
        room = np.frombuffer(view, dtype=np.uint8)
        at = 0
        for p in parts:
            flat = p.reshape(-1).view(np.uint8)
            room[at : at + flat.size] = flat
            at += flat.size

    def answer(self, header: dict, body: Any) -> Tuple[dict, List[np.ndarray]]:
        """The answer to one request: its header and its raw bytes as arrays."""
        handler = self._handlers.get(header.get("type", ""))
        try:
            if handler is None:
                raise Failed(f"unknown request {header.get('type')!r}")
            place = header.get("shm")
            if place:
                if self._shm is None:
                    raise Failed("a request through shared memory that was never agreed on")
                body = self._shm.view(place["size"], place["in"]["off"], place["in"]["len"])
            answer, parts = handler(header, body)
        except Exception as e:
            answer, parts = {"type": "error", "error": self._explain(e)}, []
        answer["id"] = header.get("id", 0)
        if header.get("type") in ("reconstruct", "reconstruct_clip"):
            used = _device_memory()
            if used:
                answer["device_memory"] = used
        return answer, parts

    # -- requests ---------------------------------------------------------

    def _hello(self, head: dict, _body: Any) -> Tuple[dict, List[Any]]:
        want = head.get("protocol") or {}
        if not want.get("min", 0) <= VERSION <= want.get("max", 0):
            raise Failed(f"this SDK speaks protocol version {VERSION}, the host {want.get('min')} to {want.get('max')}")
        can = []
        if callable(self._clip):
            can.append("clips")
        if self.codebooks and callable(self._decode_ids):
            can.append("decode")
        if callable(self._latents):
            can.append("latents")
        if self.codebooks and callable(self._codebook):
            can.append("codebook")
        answer = {"type": "hello", "protocol": VERSION, "info": self.info, "can": can, "sdk": SDK}
        if self._calls:
            can.append("call")
            answer["ops"] = sorted(self._calls)
        offer = head.get("shared_memory")
        if offer:
            try:
                self._shm = _channel.SharedMemory(offer["fd"], offer["size"])
                answer["cookie"] = self._shm.cookie
            except (OSError, ValueError, KeyError):
                self._shm = None  # not passed on, as in a container: the pipe will do
        return answer, []

    def _do_reconstruct(self, head: dict, body: Any) -> Tuple[dict, List[Any]]:
        if not self._reconstructs:
            raise Failed(f"this is a helper, no tokenizer: it answers calls of {', '.join(sorted(self._calls))}")
        images = _images(head["items"], body)
        return self._answer_items(self._isolated(images, self._reconstruct))

    def _do_reconstruct_clip(self, head: dict, body: Any) -> Tuple[dict, List[Any]]:
        if not callable(self._clip):
            raise Failed("this plug-in codes images one by one")
        results: List[Any] = []
        for frames, it in zip(_images(head["items"], body), head["items"]):
            try:
                results.append(self._window(frames, it.get("rate", 0.0), it.get("start", 0)))
            except Exception as e:
                results.append(e)
        return self._answer_items(results, windows=True)

    def _window(self, frames: np.ndarray, rate: float, start: int) -> Result:
        assert self._clip is not None
        more = {k: v for k, v in (("rate", float(rate)), ("start", int(start))) if _takes(self._clip, k)}
        got = self._clip(frames, **more)
        r = got if isinstance(got, Result) else Result(got)
        if not hasattr(r.image, "__len__"):
            raise Failed(f"reconstruct_clip() returned a {type(r.image).__name__}: want frames [t, height, width, 3], or a vtbench.Result of them")
        n = len(r.image)
        if n != len(frames):
            raise Failed(f"reconstruct_clip() returned {n} frames for a window of {len(frames)}")
        return r

    def _do_latents(self, head: dict, body: Any) -> Tuple[dict, List[Any]]:
        if not callable(self._latents):
            raise Failed("this plug-in has no latents")
        items: List[dict] = []
        parts: List[Any] = []
        for got in self._isolated(_images(head["items"], body), self._latent_batch):
            if isinstance(got, Exception):
                items.append({"error": self._explain(got)})
            else:
                items.append({"floats": list(got.shape)})
                parts.append(got)
        return {"type": "result", "items": items}, parts

    def _do_decode(self, head: dict, body: Any) -> Tuple[dict, List[Any]]:
        wanted = _codes(head["items"], body)

        def decode(batch: Sequence[Tuple[Tuple[int, int], List[np.ndarray]]]) -> List[Any]:
            size = batch[0][0]
            books = [np.stack([b[1][i] for b in batch]) for i in range(len(batch[0][1]))]
            images = self._call_decode(self._decode_ids, books[0] if len(books) == 1 else tuple(books), size)
            return [Result(m) for m in _rows(images, len(batch), "decode")]

        return self._answer_items(self._isolated(wanted, decode, key=lambda c: (c[0], tuple(b.shape for b in c[1]))))

    def _do_codebook(self, head: dict, _body: Any) -> Tuple[dict, List[Any]]:
        if not callable(self._codebook):
            raise Failed("this plug-in does not show its codebooks")
        number = int(head.get("book", 0))
        vectors = np.ascontiguousarray(np.asarray(self._codebook(number), dtype="<f4"))
        if vectors.ndim != 2 or vectors.shape[0] != self.codebooks[number]:
            raise Failed(f"codebook {number} has shape {vectors.shape}: want ({self.codebooks[number]}, width)")
        return {"type": "result", "items": [{"floats": list(vectors.shape)}]}, [vectors]

    def _do_call(self, head: dict, body: Any) -> Tuple[dict, List[Any]]:
        op = self._calls.get(head.get("op", ""))
        if op is None:
            raise Failed(f"unknown operation {head.get('op')!r}: want one of {', '.join(sorted(self._calls)) or 'none'}")
        raw = memoryview(body if body is not None else b"").cast("B").toreadonly()
        if len(raw) != head.get("bytes", 0):
            raise Failed(f"the request describes {head.get('bytes', 0)} raw bytes and carries {len(raw)}")
        got = op(head.get("args"), raw)
        value, out = got if isinstance(got, tuple) else (got, b"")
        part = np.frombuffer(memoryview(out).cast("B"), dtype=np.uint8)
        json.dumps(value, allow_nan=False)  # what cannot be sent fails this call, not the process
        return {"type": "result", "value": value, "bytes": part.nbytes}, [part]

    # -- batches ----------------------------------------------------------

    def _isolated(self, inputs: Sequence[Any], work: Callable[[Sequence[Any]], List[Any]], key: Any = None) -> List[Any]:
        """Runs work on inputs of one shape at a time; what fails as a batch is
        done one by one, so that one bad image costs one item."""
        groups: Dict[Any, List[int]] = {}
        for i, x in enumerate(inputs):
            groups.setdefault(key(x) if key else x.shape, []).append(i)
        out: List[Any] = [None] * len(inputs)
        for members in groups.values():
            batch = [inputs[i] for i in members]
            try:
                results = work(batch)
            except Exception as e:
                if len(batch) == 1:
                    results = [e]
                else:
                    why = self._explain(e)
                    if not self.silent:
                        print(f"vtbench: a batch of {len(batch)} failed, trying its images one by one: {why}", file=sys.stderr)
                    results = []
                    for x in batch:
                        try:
                            results += work([x])
                        except Exception as single:
                            results.append(single)
            for i, r in zip(members, results):
                out[i] = r
        return out

    def _latent_batch(self, images: Sequence[np.ndarray]) -> List[Any]:
        assert self._latents is not None
        got = as_array(self._latents(np.stack(images)))
        if got.ndim != 4 or len(got) != len(images):
            raise Failed(f"latents of shape {got.shape}: want ({len(images)}, channels, height, width)")
        out: List[Any] = []
        for z in got.astype("<f4"):
            out.append(np.ascontiguousarray(z) if np.isfinite(z).all() else Failed("the latent holds NaN or infinities"))
        return out

    def _reconstruct(self, images: Sequence[np.ndarray]) -> List[Any]:
        # One image, or neighbours in one buffer, need no copy.
        batch = _stack(images)
        if self._one_by_one:
            return [self._still(m) for m in batch]
        if not self._pair:
            return _rows(self.obj.reconstruct(batch), len(images), "reconstruct")
        self._sync()
        t0 = time.perf_counter()
        tokens = self.obj.encode(batch)
        self._sync()
        t1 = time.perf_counter()
        decoded = self._call_decode(self.obj.decode, tokens, batch.shape[1:3])
        self._sync()
        t2 = time.perf_counter()
        n = len(images)
        rows = _rows(decoded, n, "decode")
        books = self._books(tokens, n)
        bits = self._bits("bits", tokens, n)
        file_bits = self._bits("file_bits", tokens, n)
        out: List[Any] = []
        for i, m in enumerate(rows):
            if isinstance(m, Exception):
                out.append(m)
                continue
            out.append(Result(m, books[i], bits[i], file_bits[i], (t1 - t0) / n, (t2 - t1) / n))
        return out

    def _still(self, image: np.ndarray) -> Any:
        """An image as a film of one frame, in as many equal ones as a window has at least."""
        n = frames_of(self.info["clips"])
        try:
            r = self._window(np.broadcast_to(image, (n,) + image.shape), 0.0, 0)
        except Exception as e:
            return e
        return Result(r.image[0], r.codes, r.bits, r.file_bits, r.encode_s, r.decode_s, r.capacity)

    def _call_decode(self, decode: Any, tokens: Any, size: Tuple[int, int]) -> Any:
        if decode is None:
            raise Failed("this plug-in cannot decode codes")
        if _takes(decode, "size"):
            return decode(tokens, size=(int(size[0]), int(size[1])))
        return decode(tokens)

    def _books(self, tokens: Any, n: int) -> List[Optional[List[Any]]]:
        if not self.codebooks:
            return [None] * n
        ids = self.obj.codes(tokens) if hasattr(self.obj, "codes") else tokens
        if not isinstance(ids, (tuple, list)):
            ids = (ids,)
        books = [as_array(b) for b in ids]
        for i, b in enumerate(books):
            if b.ndim == 0 or len(b) != n:
                raise Failed(f"ids of codebook {i} have shape {b.shape}: want ({n}, …), one grid an image; of a tuple or list each part is such an array of one codebook")
        return [[b[i] for b in books] for i in range(n)]

    def _bits(self, what: str, tokens: Any, n: int) -> List[int]:
        count = getattr(self.obj, what, None)
        if not callable(count):
            return [0] * n
        got = count(tokens)
        try:
            bits = [int(b) for b in got]
        except (TypeError, ValueError, OverflowError):
            raise Failed(f"{what}() returned {got!r}: want {n} numbers of bits, one an image") from None
        if len(bits) != n:
            raise Failed(f"{what}() returned {len(bits)} numbers for {n} images")
        return bits

    def _answer_items(self, results: Sequence[Any], windows: bool = False) -> Tuple[dict, List[np.ndarray]]:
        items: List[dict] = []
        parts: List[np.ndarray] = []
        for r in results:
            try:
                if isinstance(r, Exception):
                    raise r
                r = r if isinstance(r, Result) else Result(r)
                image = frames_to_uint8(r.image, self.value_range) if windows else to_uint8(r.image, self.value_range)
                item: dict = {"w": image.shape[-2], "h": image.shape[-3]}
                if windows:
                    item["frames"] = len(image)
                mine = [image]
                if r.codes is not None:
                    books = check_codes(r.codes, self.codebooks)
                    item["books"] = [{"size": k, "shape": list(b.shape)} for k, b in zip(self.codebooks, books)]
                    mine += books
                if r.capacity:
                    if not 0 < r.capacity < math.inf:
                        raise Failed(f"a capacity of {r.capacity} bits: want a finite number from 0 on")
                    item["capacity"] = float(r.capacity)
                item.update(bits=int(r.bits), file_bits=int(r.file_bits), encode_ns=int(r.encode_s * 1e9), decode_ns=int(r.decode_s * 1e9))
                items.append(item)
                parts += mine
                self.succeeded += 1
            except Exception as e:
                items.append({"error": self._explain(e)})
        return {"type": "result", "items": items}, parts

    def _explain(self, e: BaseException) -> str:
        """One line for the report; the traceback goes to standard error."""
        if self.first_failure is None:
            self.first_failure = e
        if isinstance(e, Failed):
            return str(e) or "failed"
        frames = traceback.extract_tb(e.__traceback__)
        where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
        if not self.silent:
            traceback.print_exception(type(e), e, e.__traceback__, file=sys.stderr)
        hint = self._hint() if isinstance(e, (TypeError, AttributeError)) else ""  # it was given an array
        return f"{type(e).__name__}: {e}{where}{hint}"


def serve(obj: Any, **overrides: Any) -> None:
    """Serves an object until vtbench has no more to ask.

    The object has ``encode(images)`` and ``decode(tokens)``, or
    ``reconstruct(images)``; images are uint8 [n, h, w, 3]. One that codes the frames of
    films together has ``reconstruct_clip(frames)``, uint8 [t, h, w, 3], and says in
    ``clips`` how many it takes: {"multiple": 4, "causal": True}. What is known about it
    (name, version, codebooks, multiple_of, …) is read from its attributes, or
    given here. A helper has ``calls``: a dictionary from names of operations to
    functions ``f(args, raw)`` that return a value for JSON, or that and bytes.
    """
    channel = _channel.take()
    server = Server(obj, **overrides)
    if channel is None:
        me = " ".join([os.path.basename(sys.executable or "python"), *sys.argv])
        print(f"This is a vtbench plug-in ({server.info['name']}). To check it:\n  vtbench conform 'process:{me}'\nTo score it:\n  vtbench run --suite text -t 'process:{me}'")
        return
    server.run(channel)


def refuse(reason: str, status: int) -> NoReturn:
    """Answers the host's first request with the reason why there is nothing to serve, or
    prints it where no host asks, and ends the process with the status."""
    channel = _channel.take()
    frame = channel.read() if channel is not None else None
    if channel is None or frame is None:
        print(reason, file=sys.stderr)
    else:
        channel.write({"type": "error", "id": frame[0].get("id", 0), "error": reason})
    raise SystemExit(status)


# -- small parts ----------------------------------------------------------


# What each field becomes, and what is wanted where it cannot.
_KINDS: Dict[str, Tuple[Callable[[Any], Any], str]] = {
    "name": (str, "text"),
    "version": (str, "text"),
    "weights": (str, "text"),
    "code": (str, "text"),
    "deterministic": (bool, "True or False"),
    "batch_invariant": (bool, "True or False"),
    "codebooks": (lambda v: [int(k) for k in v], "a list with the size of each codebook, such as [1024]"),
    "clips": (lambda v: clip_info(v), 'a dictionary, such as {"multiple": 4, "causal": True}'),
    "params": (lambda v: {str(k): str(x) for k, x in dict(v).items()}, "a dictionary"),
}


def _range(v: Any) -> Optional[Tuple[float, float]]:
    if v is None:
        return None
    try:
        low, high = (float(x) for x in v)
    except (TypeError, ValueError):
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise TypeError(f"value_range is {v!r}: want (low, high), such as (-1.0, 1.0)")
    return low, high


def _info(obj: Any, overrides: Dict[str, Any]) -> dict:
    info: Dict[str, Any] = {}
    for f in _FIELDS:
        v = overrides[f] if f in overrides else getattr(obj, f, None)
        if v is None or callable(v):
            continue
        kind, want = _KINDS.get(f, (int, "a whole number"))
        try:
            info[f] = kind(v)
        except (TypeError, ValueError) as e:
            raise TypeError(f"{f} is {v!r}: want {want} ({e})") from None
    info.setdefault("name", type(obj).__name__)
    info.setdefault("version", "0")
    if info.get("weights") and info.get("deterministic") and "code" not in info:
        info["code"] = _code()
    return info


def _code() -> str:
    """SHA-256 of the program: the source of every module that is loaded, its arguments,
    the interpreter and the devices. Installed packages stand for themselves by path, size
    and time of their files: reading all of PyTorch would take seconds."""
    digest = hashlib.sha256()

    def add(*parts: Any) -> None:
        digest.update(json.dumps([str(p) for p in parts]).encode())

    add(sys.version, sys.argv, os.environ.get("VTBENCH_RANGE", ""))
    torch = sys.modules.get("torch")
    try:
        if torch is not None and torch.cuda.is_available():
            add(*(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())))
    except Exception as e:
        add("no device", e)
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str):
            continue
        try:
            if "site-packages" in path or "dist-packages" in path or path.startswith(os.path.dirname(os.__file__)):
                st = os.stat(path)
                add(name, path, st.st_size, st.st_mtime_ns)
            else:
                with open(path, "rb") as f:
                    add(name, hashlib.sha256(f.read()).hexdigest())
        except OSError as e:
            add(name, e)
    return digest.hexdigest()


def clip_info(v: Any) -> dict:
    """What an object says about windows, checked: multiple, causal, fixed, max."""
    known = {"multiple": int, "causal": bool, "fixed": int, "max": int}
    v = dict(v)
    unknown = sorted(set(v) - set(known))
    if unknown:
        raise TypeError(f"clips has a key {unknown[0]!r}: want {', '.join(known)}")
    return {k: known[k](x) for k, x in v.items() if x}


def frames_of(clips: dict, n: int = 1) -> int:
    """The smallest number of frames, n or more, that is taken."""
    if clips.get("fixed"):
        return int(clips["fixed"])
    first, m = (1 if clips.get("causal") else 0), max(int(clips.get("multiple", 1)), 1)
    return first + -(-max(n - first, 0) // m) * m


def _images(items: Sequence[dict], body: Any) -> List[np.ndarray]:
    """The images of a request [h, w, 3], or its windows [t, h, w, 3]."""
    flat = np.frombuffer(body, dtype=np.uint8)
    flat.flags.writeable = False
    out, at = [], 0
    for it in items:
        shape = (*((it["frames"],) if "frames" in it else ()), it["h"], it["w"], 3)
        n = math.prod(shape)
        out.append(flat[at : at + n].reshape(shape))
        at += n
    if at != flat.size:
        raise Failed(f"the request describes {at} bytes and carries {flat.size}")
    return out


def _codes(items: Sequence[dict], body: Any) -> List[Tuple[Tuple[int, int], List[np.ndarray]]]:
    flat = np.frombuffer(body, dtype="<i4")
    out, at = [], 0
    for it in items:
        books = []
        for b in it["books"]:
            n = int(np.prod(b["shape"]))
            books.append(flat[at : at + n].reshape(b["shape"]))
            at += n
        out.append(((it["h"], it["w"]), books))
    return out


def _stack(images: Sequence[np.ndarray]) -> np.ndarray:
    """[n, h, w, 3] of equal images, without a copy where they lie in a row."""
    first = images[0]
    base = first.base
    step = first.nbytes
    at = first.__array_interface__["data"][0]
    if base is not None and all(m.__array_interface__["data"][0] == at + i * step for i, m in enumerate(images)):
        return np.lib.stride_tricks.as_strided(first, (len(images),) + first.shape, (step,) + first.strides, writeable=False)
    out = np.stack(images)
    out.flags.writeable = False
    return out


def _rows(images: Any, n: int, what: str) -> List[Any]:
    if not hasattr(images, "__iter__") or isinstance(images, (dict, str, bytes)):
        raise Failed(f"{what}() returned a {type(images).__name__}: want images [n, height, width, 3], or a list of them")
    rows = list(images)
    if len(rows) != n:
        raise Failed(f"{what}() returned {len(rows)} images for {n}")
    return rows


def _takes(fn: Any, name: str) -> bool:
    try:
        return name in inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return False
