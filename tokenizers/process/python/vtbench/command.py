"""Any command that works on image files as a tokenizer.

    python -m vtbench.command './roundtrip.sh {in} {out}'
    python -m vtbench.command --encode './enc.sh {in} {out}' --decode './dec.sh {in} {out}'

With two commands the file between them is the bitstream, and its size is
reported. ``{in}`` and ``{out}`` are paths; without them the two paths are
appended. A command that fails costs its image, with what it wrote to stderr.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List, Optional, Sequence, Union

import numpy as np

from . import image as _image
from ._convert import Failed, Result
from ._serve import SERVED, refuse_unknown

Command = Union[str, Sequence[str]]


def _words(command: Command) -> List[str]:
    words = shlex.split(command) if isinstance(command, str) else list(command)
    if not words:
        raise ValueError("an empty command")
    joined = " ".join(words)
    if ("{in}" in joined) != ("{out}" in joined):
        raise ValueError(f"{joined!r} names only one of {{in}} and {{out}}")
    return words if "{in}" in joined else [*words, "{in}", "{out}"]


class CommandTokenizer:
    """One command from image to image, or two with a bitstream between them."""

    def __init__(
        self,
        command: Optional[Command] = None,
        *,
        encode: Optional[Command] = None,
        decode: Optional[Command] = None,
        image: str = "png",
        stream: str = "bin",
        container_bytes: int = 0,
        timeout: float = 60.0,
        jobs: int = 1,
        name: Optional[str] = None,
        **info: Any,
    ) -> None:
        refuse_unknown("vtbench.from_command", info, SERVED)
        if (command is None) == (encode is None) or (encode is None) != (decode is None):
            raise ValueError("want one command from image to image, or encode and decode both")
        self._one = _words(command) if command is not None else None
        self._encode = _words(encode) if encode is not None else None
        self._decode = _words(decode) if decode is not None else None
        self._image, self._stream = image, stream
        self._container = container_bytes
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(jobs)
        first = self._one or self._encode
        assert first is not None
        self.name = name or os.path.basename(first[0])
        self.batch_size = jobs
        for k, v in info.items():
            setattr(self, k, v)

    def reconstruct(self, images: np.ndarray) -> List[Any]:
        return list(self._pool.map(self._try, images))

    def _try(self, pixels: np.ndarray) -> Any:
        try:
            with tempfile.TemporaryDirectory(prefix="vtbench-") as d:
                return self._image_of(pixels, d)
        except Failed as e:
            return e
        except (OSError, ValueError) as e:
            return Failed(str(e))

    def _image_of(self, pixels: np.ndarray, folder: str) -> Result:
        src = os.path.join(folder, "in." + self._image)
        dst = os.path.join(folder, "out." + self._image)
        _image.write(src, pixels)
        if self._one is not None:
            self._run(self._one, src, dst)
            return Result(_image.read(dst))
        assert self._encode is not None and self._decode is not None
        mid = os.path.join(folder, "code." + self._stream)
        t0 = time.perf_counter()
        self._run(self._encode, src, mid)
        t1 = time.perf_counter()
        self._run(self._decode, mid, dst)
        t2 = time.perf_counter()
        size = os.path.getsize(mid)
        return Result(
            _image.read(dst),
            bits=8 * max(0, size - self._container),
            file_bits=8 * size,
            encode_s=t1 - t0,
            decode_s=t2 - t1,
        )

    def _run(self, words: Sequence[str], src: str, dst: str) -> None:
        argv = [w.replace("{in}", src).replace("{out}", dst) for w in words]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=self._timeout)
        except FileNotFoundError:
            raise Failed(f"{argv[0]}: no such command") from None
        except subprocess.TimeoutExpired:
            raise Failed(f"{argv[0]} took more than {self._timeout:g} s") from None
        if done.returncode != 0:
            tail = done.stdout.decode("utf-8", "replace").strip()[-300:]
            raise Failed(f"{argv[0]} exited with status {done.returncode}: {tail or 'it printed nothing'}")
        if not os.path.exists(dst):
            raise Failed(f"{argv[0]} wrote no {os.path.basename(dst)}: it must write to the path that stands for {{out}}")


def main(argv: Optional[Sequence[str]] = None) -> None:
    from ._serve import serve

    p = argparse.ArgumentParser(prog="python -m vtbench.command", description="Serve a command on image files as a vtbench tokenizer.")
    p.add_argument("command", nargs="?", help="from image to image: './roundtrip.sh {in} {out}'")
    p.add_argument("--encode", help="from image to bitstream")
    p.add_argument("--decode", help="from bitstream to image")
    p.add_argument("--image", default="png", help="png or ppm: what the command reads and writes")
    p.add_argument("--stream", default="bin", help="ending of the bitstream's file")
    p.add_argument("--container-bytes", type=int, default=0, help="bytes of the file that are no payload")
    p.add_argument("--timeout", type=float, default=60.0, help="seconds for one image")
    p.add_argument("--jobs", type=int, default=1, help="images at once")
    p.add_argument("--name", help="name of the tokenizer")
    p.add_argument("--version", default="0", help="its version")
    p.add_argument("--deterministic", action="store_true", help="equal input gives equal output")
    a = p.parse_args(argv)
    try:
        tok = CommandTokenizer(
            a.command, encode=a.encode, decode=a.decode, image=a.image, stream=a.stream, container_bytes=a.container_bytes,
            timeout=a.timeout, jobs=a.jobs, name=a.name, version=a.version, deterministic=a.deterministic,
        )
    except ValueError as e:
        p.error(str(e))
    serve(tok)


if __name__ == "__main__":
    main()
