"""The protocol's end of the pipe: frames in, frames out.

Importing this module claims standard input and output when vtbench started the
process: the protocol moves to private descriptors, and whatever prints from then
on, in Python or in C, lands on standard error. That is why ``vtbench`` imports it
before anything else, numpy included.
"""

from __future__ import annotations

import io
import json
import mmap
import os
import stat
import struct
import sys
from typing import Any, Optional, Sequence, Tuple

PREFIX = struct.Struct("<II")
MAX_FRAME = 0x1FFFFFFF
MAX_HEADER = 4 << 20
COOKIE = 16


class ProtocolError(Exception):
    """What arrived is no frame of the protocol."""


class Channel:
    """Reads and writes frames on two file descriptors."""

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self._in = io.FileIO(fd_in, "rb", closefd=False)
        self._out = fd_out

    def _fill(self, view: memoryview) -> int:
        got = 0
        while got < len(view):
            n = self._in.readinto(view[got:])
            if not n:
                break
            got += n
        return got

    def read(self) -> Optional[Tuple[dict, bytearray]]:
        """Returns header and raw bytes of the next frame, or None at the end."""
        lead = bytearray(PREFIX.size)
        got = self._fill(memoryview(lead))
        if got == 0:
            return None
        if got < PREFIX.size:
            raise ProtocolError(f"the stream ended after {got} bytes of a frame")
        length, head_len = PREFIX.unpack(lead)
        if length > MAX_FRAME or head_len > MAX_HEADER or head_len + 4 > length:
            raise ProtocolError(f"a frame of {length} bytes with a header of {head_len}")
        head = bytearray(head_len)
        body = _uninitialised(length - 4 - head_len)
        if self._fill(memoryview(head)) < head_len or self._fill(memoryview(body)) < len(body):
            raise ProtocolError("the stream ended inside a frame")
        try:
            header = json.loads(head.decode("utf-8"))
        except ValueError as e:
            raise ProtocolError(f"the header is not JSON: {e}") from None
        if not isinstance(header, dict):
            raise ProtocolError("the header is no JSON object")
        return header, body

    def write(self, header: dict, parts: Sequence[Any] = ()) -> None:
        """Writes one frame. The parts are buffers of bytes, in order."""
        head = json.dumps(header, separators=(",", ":"), allow_nan=False).encode("utf-8")
        views = [memoryview(p).cast("B") for p in parts]
        views = [v for v in views if len(v)]
        length = 4 + len(head) + sum(len(v) for v in views)
        if length > MAX_FRAME or len(head) > MAX_HEADER:
            raise ProtocolError(f"an answer of {length} bytes does not fit a frame")
        todo = [memoryview(PREFIX.pack(length, len(head)) + head), *views]
        while todo:
            n = _writev(self._out, todo[:64])
            while todo and n >= len(todo[0]):
                n -= len(todo.pop(0))
            if n:
                todo[0] = todo[0][n:]


def _writev(fd: int, views: Sequence[memoryview]) -> int:
    if hasattr(os, "writev"):
        return os.writev(fd, views)
    return os.write(fd, views[0])


def _uninitialised(n: int) -> Any:
    """A buffer of n bytes without the cost of zeroing it."""
    if n < 1 << 16:
        return bytearray(n)
    import numpy as np  # only after the descriptors were claimed

    return np.empty(n, dtype=np.uint8)


class SharedMemory:
    """The host's memory, mapped. It only ever grows."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._map = mmap.mmap(fd, size)
        self.cookie = bytes(self._map[:COOKIE]).hex()

    def view(self, size: int, off: int, length: int) -> memoryview:
        if size != len(self._map):
            # The old mapping goes with the last array that looks into it.
            self._map = mmap.mmap(self._fd, size)
        if off < 0 or length < 0 or off + length > size:
            raise ProtocolError(f"{length} bytes at {off} of a shared memory of {size}")
        return memoryview(self._map)[off : off + length]


def _is_pipe(fd: int) -> bool:
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


_claimed: Optional[Channel] = None


def claim(without_variable: bool = False) -> None:
    """Takes the protocol off descriptors 0 and 1, once, where vtbench is the host:
    that is, where its variable is set, or without_variable is true."""
    global _claimed
    if _claimed is not None or not (without_variable or "VTBENCH_PROTOCOL" in os.environ):
        return
    fd_in, fd_out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    if sys.stdout is not None and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    _claimed = Channel(fd_in, fd_out)
    # Helper processes that the plug-in starts are not plug-ins.
    os.environ.pop("VTBENCH_PROTOCOL", None)


def take() -> Optional[Channel]:
    """The claimed channel, or None when the process was not started by vtbench.

    A container or ssh may not have passed the variable on; a pipe on both ends
    still shows that a program is talking to this one."""
    claim(without_variable=_is_pipe(0) and _is_pipe(1))
    return _claimed
