"""Metrics of images that are in memory or on disk, by the program kept warm."""

from __future__ import annotations

import atexit
import math
import os
import threading
import warnings
import weakref
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from ._channel import ProtocolError
from ._convert import as_array, to_uint8
from ._program import VtbenchError
from ._running import USAGE, Program
from ._serve import VERSION

# Bytes of pixels up to which a batch is one call, and those of a part of a larger one.
WHOLE, PART = 256 << 20, 64 << 20


class Scores:
    """What ``score`` measured.

    values    by metric of two images: an array with one number a pair, NaN where it
              could not be computed
    sets      by metric of two sets, such as FID: one number
    errors    by place of the pair: why numbers of it are missing
    provenance  what the program says of its engines and networks

    ``scores["psnr"]`` is a number where one pair, or a metric of sets, was asked for, else
    the array.
    """

    def __init__(self, single: bool, n: int) -> None:
        self._single = single
        self._n = n
        self.values: Dict[str, np.ndarray] = {}
        self.sets: Dict[str, float] = {}
        self.errors: Dict[int, str] = {}
        self.provenance: Dict[str, str] = {}
        self.warnings: List[str] = []

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Any:
        return iter([*self.values, *self.sets])

    def __getitem__(self, metric: str) -> Any:
        if metric in self.sets:
            return self.sets[metric]
        if metric not in self.values:
            raise KeyError(f"{metric!r}: not asked for; there are {', '.join(self)}")
        v = self.values[metric]
        return float(v[0]) if self._single else v

    def mean(self, metric: str) -> float:
        """The mean over the pairs; a pair without a number makes it NaN."""
        return float(np.mean(self.values[metric]))

    def __repr__(self) -> str:
        shown = {m: self[m] if self._single else self.mean(m) for m in self.values}
        return f"<vtbench.Scores of {self._n} pair{'s' * (self._n != 1)}: {', '.join(f'{m} {v:.6g}' for m, v in {**shown, **self.sets}.items())}>"

    def to_pandas(self) -> Any:
        """One row a pair, as a pandas.DataFrame."""
        import pandas

        return pandas.DataFrame(self.values)


_all: "weakref.WeakSet[Scorer]" = weakref.WeakSet()


class Scorer:
    """The program, kept warm between calls: ``with vtbench.Scorer() as s: s.score(…)``.

    jobs  pairs scored at once; all cores unless said otherwise
    It may be used from several threads; calls take turns.
    """

    def __init__(self, jobs: Optional[int] = None) -> None:
        self._args = ["score", "--serve"] + ([] if jobs is None else ["--jobs", str(jobs)])
        self._lock = threading.Lock()
        self._program: Optional[Program] = None
        self._pid = 0
        self._id = 0
        _all.add(self)

    def __enter__(self) -> "Scorer":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Ends the program; the next call starts it again."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        program, self._program = self._program, None
        if program is not None and self._pid == os.getpid():
            program.close_stdin()  # that is all it needs, unless it is busy
            program.end()

    def _forget(self) -> None:
        """In a forked process: the program is the parent's."""
        program, self._program = self._program, None
        self._lock = threading.Lock()
        if program is not None:
            program.abandon()

    def score(
        self,
        ref: Any,
        dist: Any,
        metrics: Optional[Sequence[str]] = None,
        *,
        range: Optional[Tuple[float, float]] = None,
        layout: Optional[str] = None,
        options: Optional[Dict[str, Any]] = None,
        seed: int = 1,
    ) -> Scores:
        """Computes metrics between references and distorted images; see ``vtbench.score``."""
        refs, one = _images(ref, range, layout, "ref")
        dists, other = _images(dist, range, layout, "dist")
        names = None if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
        out = Scores(one and other, len(dists))
        args = {"metrics": names, "options": {k: str(v) for k, v in (options or {}).items()}, "seed": seed}
        with self._lock:
            size = _size(*refs, *dists)
            if len(refs) != len(dists) and size > WHOLE:
                raise ValueError(f"{size >> 20} MiB of pixels in one call: give the files of so many images, or fewer of them")
            if len(refs) != len(dists) or size <= WHOLE:
                self._call(args, refs, dists, out, 0)
            else:
                at = 0
                while at < len(refs):
                    end, size = at, 0
                    while end < len(refs) and (end == at or size + _size(refs[end], dists[end]) <= PART):
                        size += _size(refs[end], dists[end])
                        end += 1
                    self._call(args, refs[at:end], dists[at:end], out, at)
                    if out.sets:
                        raise ValueError(f"{', '.join(out.sets)}: of sets, which are compared in one call of at most {WHOLE >> 20} MiB of pixels: give the files of so many images")
                    at = end
        if out.errors:
            first = min(out.errors)
            if out._single and not any(math.isfinite(v[0]) for v in out.values.values()):
                raise VtbenchError(out.errors[first])
            warnings.warn(f"vtbench: {len(out.errors)} of {len(dists)} pairs have numbers missing, the first is pair {first}: {out.errors[first]}", stacklevel=3)
        return out

    def _call(self, args: Dict[str, Any], refs: List[Any], dists: List[Any], out: Scores, at: int) -> None:
        args = {**args, "reference": [_described(m) for m in refs], "distorted": [_described(m) for m in dists]}
        parts = [m for m in [*refs, *dists] if not isinstance(m, str)]
        size = sum(p.nbytes for p in parts)
        value = self._ask("call", {"op": "score", "args": args, "bytes": size}, parts).get("value") or {}
        if "error" in value:
            raise VtbenchError(value["error"], int(value.get("status", 1)))
        out.provenance.update(value.get("provenance") or {})
        for i, pair in enumerate(value.get("pairs") or []):
            why = [pair["error"]] if pair.get("error") else []
            why += [f"{m}: {text}" for m, text in sorted((pair.get("errors") or {}).items())]
            if why:
                out.errors[at + i] = "; ".join(why)
            for m in [*(pair.get("metrics") or {}), *(pair.get("errors") or {})]:
                if m not in out.values:
                    out.values[m] = np.full(out._n, np.nan)
            for m, v in (pair.get("metrics") or {}).items():
                note = (pair.get("notes") or {}).get(m, "")
                out.values[m][at + i] = v if v is not None else {"inf": math.inf, "-inf": -math.inf}.get(note, math.nan)
        for s in value.get("sets") or []:
            if s.get("error"):
                raise VtbenchError(f"{s['metric']}: {s['error']}")
            out.sets[s["metric"]] = math.nan if s["value"] is None else s["value"]
            out.warnings += [f"{s['metric']}: {w}" for w in s.get("warnings") or []]
        for n in value.get("notes") or []:
            out.warnings.append(f"{n['note']} ({n['files']} files, {n['first']} first)")

    def _ask(self, kind: str, request: Dict[str, Any], parts: Sequence[np.ndarray] = ()) -> Dict[str, Any]:
        done = False
        try:
            answer = self._exchange(kind, request, parts)
            done = True
        finally:
            if not done:
                self._end()  # it may be anywhere in an answer: the next call starts anew
        if answer.get("type") == "error":
            raise VtbenchError(answer.get("error", "it answered with an error that says nothing"), USAGE)
        return answer

    def _exchange(self, kind: str, request: Dict[str, Any], parts: Sequence[np.ndarray]) -> Dict[str, Any]:
        if self._program is None or self._program.poll() is not None:
            self._end()
            self._program, self._pid, self._id = Program(self._args, pipe=True), os.getpid(), 0
            hello = self._exchange("hello", {"protocol": {"min": VERSION, "max": VERSION}, "host": "vtbench for Python"}, ())
            if hello.get("type") != "hello":
                raise VtbenchError(f"the program refused the handshake: {hello.get('error')}: use the package that came with it")
        program = self._program
        channel = program.channel
        assert channel is not None
        self._id += 1
        try:
            channel.write({"type": kind, "id": self._id, **request}, parts)
            frame = channel.read()
        except (BrokenPipeError, ProtocolError) as e:
            frame = None
            if program.poll() is None and not isinstance(e, BrokenPipeError):
                raise VtbenchError(f"the program broke the protocol: {e}") from e
        if frame is None:
            raise program.error(program.wait())
        if frame[0].get("id") != self._id:
            raise VtbenchError(f"the program answered request {frame[0].get('id')} where {self._id} was asked")
        return frame[0]


def _close_all() -> None:
    for s in list(_all):
        s.close()


def _forget_all() -> None:
    for s in list(_all):
        s._forget()


_shared = Scorer()
atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_all)


def score(
    ref: Any,
    dist: Any,
    metrics: Optional[Sequence[str]] = None,
    *,
    range: Optional[Tuple[float, float]] = None,
    layout: Optional[str] = None,
    options: Optional[Dict[str, Any]] = None,
    seed: int = 1,
) -> Scores:
    """Metrics between references and distorted images.

    ref, dist  an image or a batch: a path or a list of paths; an array [h, w, 3],
               [3, h, w], [h, w] or with a batch in front; a torch tensor, which has its
               channels before height and width; a PIL image; a list of these, which may
               differ in size from pair to pair
    metrics    ids as ``vtbench list metrics`` names them, or "all"; by default the usual
               ones. Those of sets (fid, kid, …) compare all references with all others
    range      what floats mean: (0, 1), (-1, 1), … They are rounded to the 8 bits that
               an image file has; uint8 needs no range
    layout     "HWC" or "CHW", where both could be meant
    options    of metrics: {"feature.model": "inception.onnx"}

    Pixels are sRGB. The program is started by the first call and kept until this process
    ends; ``vtbench.Scorer`` is one of your own. Raises ``VtbenchError`` with the program's
    message; a pair of a batch that cannot be scored has NaN, its reason in ``errors``, and
    a warning says so.
    """
    return _shared.score(ref, dist, metrics, range=range, layout=layout, options=options, seed=seed)


def _described(m: Union[str, np.ndarray]) -> Dict[str, Any]:
    return {"file": m} if isinstance(m, str) else {"w": m.shape[1], "h": m.shape[0]}


def _size(*images: Union[str, np.ndarray]) -> int:
    return sum(0 if isinstance(m, str) else m.nbytes for m in images)


def _images(x: Any, value_range: Optional[Tuple[float, float]], layout: Optional[str], what: str) -> Tuple[List[Any], bool]:
    """The images of one side, as paths or uint8 [h, w, 3], and whether it was one image."""
    if isinstance(x, (str, os.PathLike)):
        path = os.path.abspath(os.fspath(x))
        if os.path.isdir(path):
            raise ValueError(f"{what} is the folder {path}: list its files, or pair folders by name with `vtbench score REF DIST`")
        return [path], True
    if isinstance(x, (list, tuple)):
        if not x:
            raise ValueError(f"{what} is empty")
        out: List[Any] = []
        for i, m in enumerate(x):
            got, _ = _images(m, value_range, layout, f"{what}[{i}]")
            out += got
        return out, False
    if hasattr(x, "detach") and hasattr(x, "cpu"):  # a torch tensor
        layout = layout or "CHW"
        a = as_array(x)
    elif hasattr(x, "convert") and hasattr(x, "getbands"):  # a PIL image
        a, layout = np.asarray(x.convert("RGB")), "HWC"
    else:
        a = np.asarray(x)
    if layout not in (None, "HWC", "CHW"):
        raise ValueError(f"layout is {layout!r}: want 'HWC' or 'CHW'")
    if a.ndim == 2:
        return [_uint8(np.repeat(a[..., None], 3, 2), value_range, what)], True
    if a.ndim not in (3, 4):
        raise ValueError(f"{what} has shape {a.shape}: want [h, w, 3], [3, h, w], [h, w], or a batch of the first two")
    last, first = a.shape[-1] in (1, 3), a.shape[-3] in (1, 3)
    if layout is None and last and first:
        raise ValueError(f"{what} has shape {a.shape}, where the channels could be first or last: say layout='HWC' or 'CHW'")
    if layout == "CHW" or layout is None and first:
        if not first:
            raise ValueError(f"{what} has shape {a.shape}, layout CHW: want 3 channels, or 1, before height and width")
        a = np.moveaxis(a, -3, -1)
    elif not last:
        raise ValueError(f"{what} has shape {a.shape}: want 3 channels, or 1, first or last")
    if a.shape[-1] == 1:
        a = np.repeat(a, 3, -1)
    batch = a.ndim == 4
    if batch and not len(a):
        raise ValueError(f"{what} is empty")
    return [_uint8(m, value_range, what) for m in (a if batch else a[None])], not batch


def _uint8(a: np.ndarray, value_range: Optional[Tuple[float, float]], what: str) -> np.ndarray:
    if value_range is None and np.issubdtype(a.dtype, np.floating):
        raise ValueError(f"{what} holds floats: say their range, range=(0, 1) or (-1, 1)")
    try:
        return to_uint8(a, value_range)
    except Exception as e:
        raise ValueError(f"{what}: {e}") from None
