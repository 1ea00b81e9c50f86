"""Runs the program vtbench, and leaves nothing of it."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, List, Optional, Sequence

from ._channel import Channel
from ._program import ProgramMissing, VtbenchError, environment, find

# Exit statuses of the program, as docs/cli.md lists them.
DONE, USAGE, ITEMS_FAILED, INTERRUPTED = 0, 2, 4, 130

# How long a program that was told to end may take, in seconds, before it is killed.
GRACE = 5.0
# How much of what the program wrote to standard error is kept, in lines.
KEPT_LINES = 500


class Cancelled(VtbenchError):
    """It was cancelled, or took longer than it was given."""

    status = INTERRUPTED


class Program:
    """One run of the program, in a session of its own so that a terminal's Ctrl-C
    reaches this process only, which then decides.

    ``pass_fds`` are handed on and closed here. ``on_line`` gets every line of its
    standard error as it comes."""

    def __init__(self, args: Sequence[str], pass_fds: Sequence[int] = (), on_line: Optional[Callable[[str], None]] = None, pipe: bool = False) -> None:
        self.lines: List[str] = []
        self._on_line = on_line
        self._out: List[bytes] = []
        env = environment()
        env.pop("VTBENCH_PROTOCOL", None)  # it is no plug-in
        try:
            self._p = subprocess.Popen(
                [find(), *args],
                stdin=subprocess.PIPE if pipe else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
                env=env,
            )
        except OSError as e:
            if isinstance(e, ProgramMissing):
                raise
            raise ProgramMissing(f"starting it: {e}") from None
        finally:
            for fd in pass_fds:
                os.close(fd)
        self._readers = [threading.Thread(target=self._read_lines, daemon=True)]
        self.channel: Optional[Channel] = None
        if pipe:
            assert self._p.stdin is not None and self._p.stdout is not None
            _widen(self._p.stdin.fileno())
            self.channel = Channel(self._p.stdout.fileno(), self._p.stdin.fileno())
        else:
            self._readers.append(threading.Thread(target=self._read_out, daemon=True))
        for t in self._readers:
            t.start()

    @property
    def pid(self) -> int:
        return self._p.pid

    def _read_lines(self) -> None:
        assert self._p.stderr is not None
        with self._p.stderr as f:
            for raw in f:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                self.lines.append(line)
                if len(self.lines) > KEPT_LINES:
                    del self.lines[0]
                if self._on_line is not None:
                    self._on_line(line)

    def _read_out(self) -> None:
        assert self._p.stdout is not None
        with self._p.stdout as f:
            self._out += iter(lambda: f.read(1 << 16), b"")

    @property
    def output(self) -> str:
        return b"".join(self._out).decode("utf-8", "replace")

    def poll(self) -> Optional[int]:
        return self._p.poll()

    def wait(self, check: Callable[[], None] = lambda: None) -> int:
        """Waits for the end; ``check`` is called in between and may raise."""
        while True:
            try:
                status = self._p.wait(0.1)
                break
            except subprocess.TimeoutExpired:
                check()
        for t in self._readers:
            t.join(GRACE)  # what a forked process of ours holds open is not waited for
        return status

    def close_stdin(self) -> None:
        if self._p.stdin is not None and not self._p.stdin.closed:
            try:
                self._p.stdin.close()
            except OSError:
                pass  # it is gone already

    def abandon(self) -> None:
        """In a forked process: closes the copies of the pipes, so that the program sees
        the end of its input when the parent is gone."""
        for f in (self._p.stdin, self._p.stdout, self._p.stderr):
            if f is not None:
                try:
                    os.close(f.fileno())
                except (OSError, ValueError):
                    pass
        self._p.returncode = 0  # it is no child of this process

    def end(self) -> None:
        """Ends it, if it still runs: told first, killed when it does not go."""
        self.close_stdin()
        try:
            # Not SIGINT first: a training that runs in the background may have it ignored,
            # and so has what it starts.
            for how, grace in ((signal.SIGTERM, GRACE), (signal.SIGINT, 1.0)):
                if self._p.poll() is not None:
                    return
                self._p.send_signal(how)
                try:
                    self._p.wait(grace)
                    return
                except subprocess.TimeoutExpired:
                    pass
        finally:
            # Whatever ends this early, a second Ctrl-C for one, leaves no process.
            if self._p.poll() is None:
                self._p.kill()
                self._p.wait()
            if self._p.stdout is not None and self.channel is not None:
                self._p.stdout.close()

    def error(self, status: int) -> VtbenchError:
        """What went wrong, in the program's own words."""
        said = [line for line in self.lines if line.strip()]
        text = said[-1] if said else ""
        try:  # with --format json an error is its last line
            text = json.loads(text)["error"]
        except (ValueError, TypeError, KeyError):
            text = text.split("vtbench: ", 1)[-1]
        if status < 0:
            try:
                name = signal.Signals(-status).name
            except ValueError:
                name = str(-status)
            text = f"it was ended by signal {name}{', perhaps for want of memory' if status == -signal.SIGKILL else ''}" + (f"; its last line: {text}" if text else "")
        warned = [line for line in said if line.startswith("warning: ") and line != text]
        if warned:
            text += " (" + "; ".join(w[len("warning: ") :] for w in warned[-3:]) + ")"
        return VtbenchError(f"vtbench: {text or f'exit status {status}'}", status)


def _widen(fd: int) -> None:
    """Asks for a larger buffer of a pipe, so that images take fewer switches."""
    try:
        fcntl.fcntl(fd, 1031, 1 << 20)  # F_SETPIPE_SZ
    except OSError:
        pass  # a refusal only costs speed


def call(args: Sequence[str], ok: Sequence[int] = (DONE,)) -> "tuple[str, int]":
    """Runs the program to its end; its standard output and exit status."""
    p = Program(args)
    try:
        status = p.wait()
    finally:
        p.end()
    if status not in ok:
        raise p.error(status)
    return p.output, status


def stderr_line(line: str) -> None:
    """Passes a line of the program on to this process's standard error."""
    print(line, file=sys.stderr, flush=True)


def deadline(seconds: Optional[float], cancel: Any, what: str) -> Callable[[], None]:
    """A check that raises when the time is over or the event is set."""
    end = None if seconds is None else time.monotonic() + seconds

    def check() -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled(f"{what} was cancelled")
        if end is not None and time.monotonic() > end:
            raise Cancelled(f"{what} took longer than the {seconds:g} s it was given")

    return check
