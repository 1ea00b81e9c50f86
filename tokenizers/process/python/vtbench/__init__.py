"""Make a vtbench tokenizer of any object that turns images into tokens and back.

    import vtbench

    class Mine:
        name = "mine"
        codebooks = [256]

        def encode(self, images):          # uint8 [n, h, w, 3]
            return images[:, ::8, ::8, 1]  # integer ids [n, h/8, w/8]

        def decode(self, ids):
            return ids.repeat(8, 1).repeat(8, 2)[..., None].repeat(3, 3)

    vtbench.serve(Mine())

Then ``vtbench run --suite text -t 'process:python mine.py'``.

Import vtbench first: from then on nothing that prints can reach the protocol.
"""

from ._channel import claim as _claim

_claim()  # before numpy, torch or anything else that might print

from ._convert import Failed, Result, from_uint8, to_uint8  # noqa: E402
from ._serve import Server, serve  # noqa: E402
from ._evaluate import ModelFailed, evaluate  # noqa: E402
from ._program import ProgramMissing, VtbenchError  # noqa: E402
from ._running import Cancelled  # noqa: E402
from ._result import Case, Comparison, Evaluation, Scalar  # noqa: E402
from ._monitor import Monitor, TensorBoard, WandB  # noqa: E402
from ._score import Scorer, Scores, score  # noqa: E402
from ._helpers import from_command, from_diffusers, from_torch, from_zoo  # noqa: E402

__version__ = "0.1.0"
__all__ = [
    "Cancelled",
    "Case",
    "Comparison",
    "Evaluation",
    "Failed",
    "ModelFailed",
    "Monitor",
    "ProgramMissing",
    "Result",
    "Scalar",
    "Scorer",
    "Scores",
    "Server",
    "TensorBoard",
    "VtbenchError",
    "WandB",
    "evaluate",
    "from_command",
    "from_diffusers",
    "from_torch",
    "from_uint8",
    "from_zoo",
    "score",
    "serve",
    "to_uint8",
]
