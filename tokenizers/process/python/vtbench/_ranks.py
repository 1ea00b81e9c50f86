"""One evaluation for many processes: rank 0 runs it, the others wait for its answer.

They meet in the file system. A collective would be killed by its watchdog, since an
evaluation takes longer than a step; and rank 0 waits for nobody, so that a script that
evaluates on rank 0 only does not hang.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Callable, Dict, NamedTuple, Optional

from ._program import VtbenchError
from ._result import Evaluation

ANSWER, PULSE = "evaluate.json", "evaluate.pulse"
# How often rank 0 shows that it lives, and how long it may not have, in seconds.
BEAT, DEAD = 2.0, 300.0


class Rank(NamedTuple):
    rank: int
    world: int


def here() -> Optional[Rank]:
    """Which process of how many this is; None where it is the only one."""
    torch = sys.modules.get("torch")
    dist = getattr(torch, "distributed", None)
    if dist is not None and dist.is_available() and dist.is_initialized():
        r = Rank(dist.get_rank(), dist.get_world_size())
    else:
        try:
            r = Rank(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
        except (KeyError, ValueError):
            return None
    return r if r.world > 1 else None


_calls: Dict[str, int] = {}


def folder(suite: str, ranks: Optional[Rank]) -> str:
    """A new directory below runs/. All ranks of a job name the same one, since they call
    in the same order."""
    base = os.path.join("runs", os.path.splitext(os.path.basename(suite))[0] + "-")
    if ranks is None:
        base += time.strftime("%Y%m%d-%H%M%S")
        path, n = base, 1
        while os.path.exists(path):
            n += 1
            path = f"{base}-{n}"
        return path
    job = next((os.environ[k] for k in ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID") if os.environ.get(k, "none") != "none"), None)
    if job is None:
        job = "-".join(os.environ[k] for k in ("MASTER_ADDR", "MASTER_PORT") if os.environ.get(k)) or "job"
    job = "".join(c if c.isalnum() or c in "-_." else "-" for c in job)
    _calls[base] = _calls.get(base, 0) + 1
    restart = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    return f"{base}{job}-{restart}-{_calls[base]}"


def share(ranks: Rank, path: str, name: str, run: Callable[[], Evaluation], check: Callable[[], None]) -> Evaluation:
    """Rank 0 calls run and leaves word of it below path; the others read that."""
    if ranks.rank != 0:
        return _wait(path, name, check)
    if os.path.exists(os.path.join(path, ANSWER)):
        raise VtbenchError(f"{path} holds the evaluation of another time: give each its own output, for example with the step in it", 2)
    os.makedirs(path, exist_ok=True)
    stop = threading.Event()

    def beat() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            try:
                _put(os.path.join(path, PULSE), {"beat": n})
            except OSError:
                pass  # the disk is full: the run says so
            stop.wait(BEAT)

    pulse = threading.Thread(target=beat, daemon=True)
    pulse.start()
    answer: dict = {"status": 1, "error": "rank 0 was interrupted"}
    try:
        result = run()
        answer = {"status": result.status, "seconds": result.seconds, "table": result.table(), "warnings": result.warnings}
        return result
    except VtbenchError as e:
        answer = {"status": e.status, "error": str(e)}
        raise
    except BaseException as e:
        answer["error"] = f"{type(e).__name__}: {e}"
        raise
    finally:
        stop.set()
        pulse.join()
        try:
            _put(os.path.join(path, ANSWER), answer)
            os.remove(os.path.join(path, PULSE))
        except OSError as e:
            print(f"vtbench: telling the other ranks: {e}", file=sys.stderr)


def _put(path: str, value: dict) -> None:
    """Writes a file whole or not at all."""
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w") as f:
        json.dump(value, f)
    os.replace(part, path)


def _wait(path: str, name: str, check: Callable[[], None]) -> Evaluation:
    seen, since = None, time.monotonic()
    oldest = _began(path)
    while True:
        answer = _read(os.path.join(path, ANSWER), oldest)
        if answer is not None:
            break
        now = _read(os.path.join(path, PULSE), oldest)
        if now != seen:
            seen, since = now, time.monotonic()
        elif seen is not None and time.monotonic() - since > DEAD:
            raise VtbenchError(f"rank 0 has not shown that it lives for {DEAD:g} s while it evaluated into {path}")
        check()
        time.sleep(0.2)
    if "error" in answer:
        raise VtbenchError(f"rank 0: {answer['error']}", int(answer.get("status", 1)))
    result = Evaluation.open(path, name)
    result.status, result.seconds, result._table, result.warnings = answer["status"], answer["seconds"], answer["table"], answer["warnings"]
    return result


def _read(path: str, oldest: float) -> Optional[dict]:
    try:
        if os.stat(path).st_mtime < oldest:
            return None  # of another job, from before this one
        with open(path) as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def _began(path: str) -> float:
    """When this process was started, by the clock of the file system."""
    parent = os.path.dirname(os.path.abspath(path))
    os.makedirs(parent, exist_ok=True)
    mark = os.path.join(parent, f".vtbench-{os.getpid()}-{time.time_ns()}")
    with open(mark, "w"):
        pass
    now = os.stat(mark).st_mtime
    os.remove(mark)
    try:
        with open("/proc/self/stat") as f:
            ticks = int(f.read().rpartition(")")[2].split()[19])
        with open("/proc/uptime") as f:
            age = float(f.read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        age = 0.0
    # Processes of a job do not start at once; an evaluation never ends in its first seconds.
    return now - age - 1.0
