"""A callback for PyTorch Lightning:

    from vtbench.lightning import Evaluate

    trainer = Trainer(callbacks=[Evaluate(suite="text", limit=60, range=(-1, 1), every=5)])

At the end of an epoch the module is evaluated, and the metrics are logged as the module's
own, so that every logger gets them, and ``ModelCheckpoint`` and ``EarlyStopping`` can
monitor them. TensorBoard and Weights & Biases get the worst cases as well. With several
processes rank 0 evaluates and all of them log its result.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback
    except ImportError as e:
        raise ImportError("vtbench.lightning needs PyTorch Lightning: pip install lightning, or pytorch-lightning") from e

from ._monitor import Monitor, TensorBoard, WandB, numbers
from ._result import Evaluation


class Evaluate(Callback):
    """Evaluates at the end of every epoch that ``every`` divides, counted from 1.

    model   what of the LightningModule is evaluated: lambda module: module.vae; by
            default the module itself, by its encode and decode or its forward
    images  how many of the worst cases are logged
    prefix  stands before every name
    The other options are those of ``vtbench.Monitor`` and ``vtbench.evaluate``.
    """

    def __init__(self, *, model: Callable[[Any], Any] = lambda module: module, images: int = 4, prefix: str = "vtbench/", **options: Any) -> None:
        super().__init__()
        self.model, self.images, self.prefix = model, images, prefix
        self.monitor = Monitor(None, **options)
        self.last: Optional[Evaluation] = None

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.monitor.model = self.model(pl_module)
        try:
            result = self.monitor(trainer.current_epoch + 1)
        finally:
            self.monitor.model = None  # a checkpoint of the callback holds no model
        if result is None:
            return
        self.last = result
        for key, v in numbers(result, self.prefix).items():
            pl_module.log(key, v, on_step=False, on_epoch=True)
        if not trainer.is_global_zero:
            return
        for logger in trainer.loggers:
            # The scalars are logged above; these two can show pictures.
            kind, experiment = type(logger).__name__, getattr(logger, "experiment", None)
            if kind == "TensorBoardLogger":
                _Pictures(TensorBoard(experiment, images=self.images, prefix=self.prefix))(trainer.global_step, result)
            elif kind == "WandbLogger":
                _Pictures(WandB(experiment, images=self.images, prefix=self.prefix))(trainer.global_step, result)


class _Pictures:
    """A logger without its scalars."""

    def __init__(self, logger: Any) -> None:
        self.logger = logger

    def __call__(self, step: int, result: Evaluation) -> None:
        class OnlyWorst:
            scalars = staticmethod(dict)
            worst = staticmethod(result.worst)

        self.logger(step, OnlyWorst)
