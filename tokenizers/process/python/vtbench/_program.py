"""Finds the program vtbench, and runs it: the command of the wheel that carries it."""

from __future__ import annotations

import glob
import importlib.util
import os
import shutil
import sys
from typing import Callable, Dict, Optional

BIN = "VTBENCH_BIN"
ONNXRUNTIME = "VTBENCH_ONNXRUNTIME"


class VtbenchError(Exception):
    """The program could not do what was asked; ``status`` is its exit status, as
    docs/cli.md lists them."""

    status = 1

    def __init__(self, message: str, status: Optional[int] = None) -> None:
        super().__init__(message)
        if status is not None:
            self.status = status


class ProgramMissing(VtbenchError, FileNotFoundError):
    """The program vtbench is not installed."""

    status = 5


def carried() -> Optional[str]:
    """The program in this package, if it is a wheel that carries it."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "program", "bin", "vtbench")
    return path if os.access(path, os.X_OK) else None


def find() -> str:
    """The path of the program: $VTBENCH_BIN, the wheel's own, the first on PATH.

    Raises ProgramMissing, which says how to get it.
    """
    named = os.environ.get(BIN)
    if named:
        if not os.path.isfile(named) or not os.access(named, os.X_OK):
            raise ProgramMissing(f"{BIN}: {named} is not a program")
        return named
    path = carried()
    if path:
        return path
    for folder in os.get_exec_path():
        path = shutil.which("vtbench", path=folder)
        if path and not _script(path):
            return os.path.abspath(path)
    raise ProgramMissing(
        "the program vtbench is missing: this package carries only the part in Python; "
        "install a wheel or a .deb of vtbench that carries it, or name one you built in " + BIN
    )


def _script(path: str) -> bool:
    """Whether a file is a script: this package's own command has the program's name."""
    with open(path, "rb") as f:
        return f.read(2) == b"#!"


def environment() -> Dict[str, str]:
    """The environment to run the program in: with the wheel's ONNX Runtime, if none is named."""
    env = dict(os.environ)
    if not env.get(ONNXRUNTIME):
        spec = importlib.util.find_spec("onnxruntime")  # finds, does not import
        for folder in (spec.submodule_search_locations or []) if spec else []:
            found = sorted(glob.glob(os.path.join(glob.escape(folder), "capi", "libonnxruntime.so.*")))
            if found:
                env[ONNXRUNTIME] = found[0]
    return env


def main() -> None:
    """Becomes the program, with the same arguments."""
    _become("vtbench", lambda path: path)


def work() -> None:
    """Becomes vtbench-work, which lies beside the program and starts it."""
    _become("vtbench-work", lambda path: os.path.join(os.path.dirname(path), "vtbench-work"))


def _become(name: str, of: Callable[[str], str]) -> None:
    try:
        path = of(find())
        if not os.access(path, os.X_OK):
            raise ProgramMissing(f"{path} is not there: {name} comes with the wheel and the packages of vtbench")
    except ProgramMissing as e:
        print(f"{name}: {e}", file=sys.stderr)
        raise SystemExit(5)
    os.execve(path, [path, *sys.argv[1:]], environment())
