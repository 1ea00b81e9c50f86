"""Scores a model that lives in this process: ``evaluate``.

The program vtbench does the work; this side answers its requests for reconstructions
over two pipes, in the thread that called, so that the model stays where it is, on its
device and as it is.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import random
import select
import sys
import time
import warnings
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Union

import numpy as np

from . import _ranks
from ._channel import Channel, ProtocolError
from ._program import VtbenchError
from ._running import DONE, ITEMS_FAILED, Program, deadline, stderr_line
from ._result import Evaluation
from ._serve import SERVED, Server, is_module, refuse_unknown


class ModelFailed(VtbenchError):
    """The model failed on every image; ``__cause__`` is the first exception."""


def evaluate(
    model: Any,
    suite: str = "text",
    limit: Optional[int] = 60,
    *,
    name: str = "model",
    baselines: Sequence[str] = (),
    data: Sequence[str] = (),
    resolutions: Sequence[int] = (),
    metrics: Sequence[str] = (),
    options: Optional[Dict[str, Any]] = None,
    output: Union[str, "os.PathLike[str]", None] = None,
    seed: int = 1,
    jobs: Optional[int] = None,
    keep_images: Union[int, str, None] = None,
    cache: Union[bool, str, "os.PathLike[str]"] = True,
    timeout: Optional[float] = None,
    batch_timeout: float = 600.0,
    cancel: Any = None,
    verbose: bool = False,
    distributed: Optional[bool] = None,
    **tokenizer: Any,
) -> Evaluation:
    """Runs a suite on a model of this process and returns what came out.

    model       a ``torch.nn.Module``, with the options of ``vtbench.from_torch``
                (range, encode, codes, codebooks, multiple_of, video, …); an autoencoder
                of diffusers, of which they are known, and ``sample``; or an object
                with ``encode`` and ``decode``, ``reconstruct`` or ``reconstruct_clip``,
                or a function, on uint8 images [n, h, w, 3], with the options of
                ``vtbench.serve``
    suite       name of a built-in suite, or the path of one
    limit       the first so many items of each data set; None: as many as the suite says
    name        the label of the model in tables
    baselines   tokenizers beside it, as behind ``-t``: ["jpeg:q=20"]
    data, resolutions, metrics, options, seed, jobs, keep_images
                as the flags of ``vtbench run``
    output      directory of the run; by default a new one below runs/
    cache       False: measure everything anew; a path: where the cache is. It serves the
                upper bounds and baselines; a model is measured anew, unless ``weights``,
                ``code`` and ``deterministic`` are stated
    timeout     seconds after which it is given up with ``Cancelled``
    batch_timeout
                seconds that the model may take for one batch
    cancel      a ``threading.Event``: once set, it is given up with ``Cancelled``
    verbose     passes the program's progress on to standard error
    distributed None: where RANK, WORLD_SIZE or torch.distributed say that there are
                several processes, rank 0 evaluates and the others wait for its result in
                the file system they share, without a collective; False: this process
                evaluates whatever its rank

    A module is in evaluation mode without gradients meanwhile, on the device where it
    is. Afterwards every submodule is in the mode it had, and the generators of random
    numbers (torch, CUDA, numpy, random) are where they were. While it runs they start
    from ``seed``, so that a model that draws gives the same each time.

    Raises ``VtbenchError`` with the program's message and exit status; its subclasses
    are ``ProgramMissing``, ``Cancelled``, ``ModelFailed``. However it ends, no process is
    left.
    """
    if not name or set(name) & set('=:{}"\n'):
        raise ValueError(f'name is {name!r}: want a label without = : {{ }} " and line breaks')
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}: want 1 item or more, or None")
    ranks = _ranks.here() if distributed is not False else None
    if distributed and ranks is None:
        raise ValueError("distributed=True, but neither torch.distributed nor RANK and WORLD_SIZE say which rank this is")
    folder = os.fspath(output) if output is not None else _ranks.folder(suite, ranks)
    args = ["run", "--suite", suite, "-o", folder, "--seed", str(seed)]
    if limit is not None:
        args += ["--limit", str(limit)]
    for flag, values in (("--data", data), ("--metrics", metrics)):
        for v in [values] if isinstance(values, str) else values:
            args += [flag, v]
    for r in resolutions:
        args += ["--resolution", str(r)]
    for k, v in (options or {}).items():
        args += ["--option", f"{k}={v}"]
    if jobs is not None:
        args += ["--jobs", str(jobs)]
    if keep_images is not None:
        args += ["--keep-images", str(keep_images)]
    if cache is False:
        args += ["--no-cache"]
    elif cache is not True:
        args += ["--cache", os.fspath(cache)]
    if not verbose:
        args += ["--quiet"]

    def run() -> Evaluation:
        with _borrowed(model, seed, tokenizer) as obj:
            return _run(args, folder, name, baselines, obj, batch_timeout, deadline(timeout, cancel, "the evaluation"), verbose)

    if ranks is None:
        return run()
    return _ranks.share(ranks, folder, name, run, deadline(timeout, cancel, "waiting for rank 0"))


_OWN = {k for k, p in inspect.signature(evaluate).parameters.items() if p.kind is not p.VAR_KEYWORD and k != "model"}


def known_options() -> Set[str]:
    """The options of evaluate, of whatever model."""
    known = _OWN | set(SERVED)
    if "torch" in sys.modules:  # who has a module has imported it
        from .torch_module import OPTIONS

        known |= (OPTIONS - {"borrowed"}) | {"sample"}
    return known


@contextlib.contextmanager
def _borrowed(model: Any, seed: int, tokenizer: Dict[str, Any]) -> Iterator[Server]:
    """The model as what answers requests, for as long as the context lasts."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_random(seed))
        if is_module(model):
            from .torch_module import OPTIONS, TorchTokenizer, evaluating, from_diffusers, unwrapped

            module = unwrapped(model)
            known = from_diffusers(module, tokenizer)
            refuse_unknown("vtbench.evaluate of a module", tokenizer, _OWN | (OPTIONS - {"borrowed"}) | ({"sample"} if known else set()))
            stack.enter_context(evaluating(module))
            if known:
                from .diffusers_model import load

                obj: Any = load(module, borrowed=True, **tokenizer)
            else:
                obj = TorchTokenizer(module, borrowed=True, **tokenizer)
            tokenizer = {}
        elif callable(model) or any(callable(getattr(model, m, None)) for m in ("encode", "reconstruct", "reconstruct_clip")):
            refuse_unknown("vtbench.evaluate of an object or a function", tokenizer, _OWN | set(SERVED))
            obj = model
        else:
            raise TypeError(f"a {type(model).__name__} is no model: want a torch.nn.Module, an object with encode and decode, reconstruct or reconstruct_clip, or a function on images")
        server = Server(obj, **tokenizer)
        server.silent = True  # what fails is told by the result
        if "code" not in tokenizer and not getattr(model, "code", None):
            # Anything in this process may shape what the model does: what is not stated
            # is not known, and its results are measured anew each time.
            server.info.pop("code", None)
        yield server


@contextlib.contextmanager
def _random(seed: int) -> Iterator[None]:
    """Every generator of random numbers starts from the seed, and is put back after."""
    torch = sys.modules.get("torch")
    python, numpy = random.getstate(), np.random.get_state()
    cpu = torch.random.get_rng_state() if torch is not None else None
    cuda = torch.cuda.get_rng_state_all() if torch is not None and torch.cuda.is_initialized() else None
    try:
        random.seed(seed)
        np.random.seed(seed % (1 << 32))
        if torch is not None:
            torch.random.default_generator.manual_seed(seed)
            if cuda is not None:
                torch.cuda.manual_seed_all(seed)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        if torch is not None:
            torch.random.set_rng_state(cpu)
            if cuda is not None:
                torch.cuda.set_rng_state_all(cuda)


def _run(args: List[str], folder: str, name: str, baselines: Sequence[str], server: Server, batch_timeout: float, check: Callable[[], None], verbose: bool) -> Evaluation:
    began = time.monotonic()
    theirs_in, out = os.pipe()
    into, theirs_out = os.pipe()
    spec = f"{name}=fd:{theirs_in},{theirs_out},first_batch_timeout={batch_timeout:g}s,batch_timeout={batch_timeout:g}s"
    tokenizers: List[str] = ["-t", spec]
    for b in [baselines] if isinstance(baselines, str) else baselines:
        tokenizers += ["-t", b]
    program: Optional[Program] = None
    ours = [into, out]

    def hang_up() -> None:
        while ours:
            os.close(ours.pop())

    try:
        # From here on the other ends are the program's; Program closes them.
        program = Program(args + tokenizers, (theirs_in, theirs_out), stderr_line if verbose else None)
        _answer(server, Channel(into, out), into, program, check)
        hang_up()
        status = program.wait(check)
    finally:
        hang_up()
        if program is not None:
            program.end()
    first = server.first_failure
    if status not in (DONE, ITEMS_FAILED):
        raise program.error(status)
    try:
        result = Evaluation.open(folder, name)
    except (OSError, ValueError) as e:
        raise VtbenchError(f"reading what the run left in {folder}: {e}") from e
    result.status, result.seconds, result._table = status, time.monotonic() - began, program.output
    result.warnings = [line[len("warning: ") :] for line in program.lines if line.startswith("warning: ")]
    if first is not None and server.succeeded == 0:
        raise ModelFailed(f"the model failed on every image: {type(first).__name__}: {first}", ITEMS_FAILED) from first
    if result.failures:
        warnings.warn(f"vtbench: {len(result.failures)} of the model's items failed, the first: {result.failures[0]['error']}; they are counted in the table", stacklevel=4)
    return result


def _answer(server: Server, channel: Channel, into: int, program: Program, check: Callable[[], None]) -> None:
    """Answers requests until the program has no more, or is gone."""
    poll = select.poll()
    poll.register(into, select.POLLIN | select.POLLHUP)

    def next_request() -> bool:
        # Before each request too: a busy program never lets a tenth of a second pass.
        check()
        while not poll.poll(100):
            check()
            if program.poll() is not None and not poll.poll(0):
                return False  # it has ended; somebody else holds its end of the pipe
        return True

    try:
        server.run(channel, next_request)
    except (BrokenPipeError, ProtocolError):
        # It has ended or given the model up: its exit status and last lines say why.
        return
