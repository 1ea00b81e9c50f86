"""Evaluations during training: when, and where to log them."""

from __future__ import annotations

import os
import warnings
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from . import _ranks, image
from ._evaluate import evaluate, known_options
from ._program import VtbenchError
from ._result import Case, Evaluation
from ._running import Cancelled
from ._serve import refuse_unknown

Logger = Callable[[int, Evaluation], None]


class Monitor:
    """Evaluates a model every so many steps, in a plain loop:

        monitor = vtbench.Monitor(model, suite="text", limit=60, range=(-1, 1), every=5,
                                  loggers=[vtbench.TensorBoard("runs/tb")])
        for epoch in range(100):
            train(model)
            monitor(epoch)

    every    evaluates at the steps that it divides
    loggers  functions of step and result, called on rank 0: ``vtbench.TensorBoard``,
             ``vtbench.WandB``, or your own
    output   directory of each run; {step} in it is the step. By default new ones in runs/
    raises   False: what goes wrong in an evaluation or a logger is a warning and training goes on.
             Being cancelled or interrupted is passed on in either case

    The other options are those of ``vtbench.evaluate``. ``history`` has (step, result).
    """

    def __init__(self, model: Any, *, every: int = 1, loggers: Sequence[Logger] = (), output: Optional[str] = None, raises: bool = False, **options: Any) -> None:
        if every < 1:
            raise ValueError(f"every is {every}: want 1 or more")
        refuse_unknown("vtbench.Monitor", options, known_options())  # now, not after hours of training
        self.model, self.every, self.loggers, self.output, self.raises, self.options = model, every, list(loggers), output, raises, options
        self.history: List[Tuple[int, Evaluation]] = []

    def __call__(self, step: int) -> Optional[Evaluation]:
        """The evaluation of this step; None where none is due, or it failed."""
        if step % self.every:
            return None
        output = None if self.output is None else self.output.format(step=step)
        try:
            result = evaluate(self.model, output=output, **self.options)
        except Cancelled:
            raise
        except Exception as e:  # of any kind: other ranks go on, so this one must, too
            self._failed(f"the evaluation at step {step} failed", e)
            return None
        self.history.append((step, result))
        ranks = _ranks.here()
        if ranks is None or ranks.rank == 0:
            for log in self.loggers:
                try:
                    log(step, result)
                except Exception as e:
                    self._failed(f"logging the evaluation at step {step} failed", e)
        return result

    def _failed(self, what: str, e: Exception) -> None:
        """Called while e is handled."""
        if self.raises:
            raise
        why = str(e) if isinstance(e, VtbenchError) else f"{type(e).__name__}: {e}"
        warnings.warn(f"{what}, training goes on: {why}", stacklevel=3)


def numbers(result: Evaluation, prefix: str = "") -> Dict[str, float]:
    """The scalars of a result for a logger, each mean with the ends of its interval."""
    out: Dict[str, float] = {}
    for key, s in result.scalars().items():
        out[prefix + key] = s.mean
        if s.lo == s.lo and s.hi == s.hi:  # NaN: there is no interval
            out[f"{prefix}{key}/low95"], out[f"{prefix}{key}/high95"] = s.lo, s.hi
    return out


def side_by_side(case: Case) -> np.ndarray:
    """Original and reconstruction of a case, uint8 [h, w, 3], with a white line between."""
    a, b = image.read(case.original), image.read(case.reconstruction)
    h = max(a.shape[0], b.shape[0])
    a, b = (np.pad(m, ((0, h - m.shape[0]), (0, 0), (0, 0)), constant_values=255) for m in (a, b))
    return np.concatenate([a, np.full((h, 2, 3), 255, np.uint8), b], axis=1)


def caption(case: Case) -> str:
    text = f"{case.item} {case.condition}: {case.metric} {case.value:.3g}"
    return f"{text}, {case.expected!r} read as {case.got!r}" if case.expected else text


class TensorBoard:
    """Logs to TensorBoard: a mean and the ends of its 95 % interval for every metric, and
    the worst cases, the original beside the reconstruction.

    writer  a ``SummaryWriter``, or the folder for a new one (needs tensorboard)
    """

    def __init__(self, writer: Any, *, images: int = 4, prefix: str = "vtbench/") -> None:
        if isinstance(writer, (str, os.PathLike)):
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as e:
                raise ImportError("logging to a folder needs TensorBoard: pip install tensorboard, or give a SummaryWriter of your own") from e
            writer = SummaryWriter(os.fspath(writer))
        self.writer, self.images, self.prefix = writer, images, prefix

    def __call__(self, step: int, result: Evaluation) -> None:
        for key, v in numbers(result, self.prefix).items():
            self.writer.add_scalar(key, v, step)
        for i, case in enumerate(result.worst(self.images)):
            self.writer.add_image(f"{self.prefix}worst/{i}", side_by_side(case), step, dataformats="HWC")
            self.writer.add_text(f"{self.prefix}worst/{i}", caption(case), step)
        self.writer.flush()


class WandB:
    """Logs to Weights & Biases, as ``TensorBoard`` does.

    run  what ``wandb.init`` returned; by default the run that is active
    """

    def __init__(self, run: Any = None, *, images: int = 4, prefix: str = "vtbench/") -> None:
        try:
            import wandb
        except ImportError as e:
            raise ImportError("logging to Weights & Biases needs its package: pip install wandb") from e
        run = run if run is not None else wandb.run
        if run is None:
            raise ValueError("no run of Weights & Biases is active: call wandb.init first, or give its run")
        self.run, self.images, self.prefix, self._image = run, images, prefix, wandb.Image

    def __call__(self, step: int, result: Evaluation) -> None:
        data: Dict[str, Any] = dict(numbers(result, self.prefix))
        worst = [self._image(side_by_side(c), caption=caption(c)) for c in result.worst(self.images)]
        if worst:
            data[f"{self.prefix}worst"] = worst
        # Not as W&B's own step, which must grow with every call of log that others make.
        self.run.log({**data, f"{self.prefix}step": step})
