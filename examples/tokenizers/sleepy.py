"""A plug-in that stands for a slow model: it sleeps, and says how long it was kept
waiting for work between batches. Shows whether the harness keeps a GPU busy.

    vtbench run --suite text -t 'process:python examples/tokenizers/sleepy.py --ms 200'

The last line of its standard error: batches, images, time asleep and time idle.
"""

import vtbench

import argparse
import atexit
import sys
import time


class Sleepy:
    name = "sleepy"
    version = "1"
    deterministic = True

    def __init__(self, ms: float, batch: int, log: str) -> None:
        self.ms, self.batch_size, self.log = ms, batch, log
        self.ended = None
        self.batches = self.images = 0
        self.asleep = self.idle = 0.0

    def reconstruct(self, images):
        now = time.perf_counter()
        if self.ended is not None:
            self.idle += now - self.ended
        time.sleep(self.ms / 1000)
        self.ended = time.perf_counter()
        self.asleep += self.ended - now
        self.batches += 1
        self.images += len(images)
        return images

    def report(self) -> None:
        total = self.asleep + self.idle
        line = f"{self.batches} batches, {self.images} images, asleep {self.asleep:.2f} s, idle between batches {self.idle:.2f} s ({100 * self.idle / total if total else 0:.1f} %)"
        print(line, file=sys.stderr)
        if self.log:
            with open(self.log, "w") as f:
                print(line, file=f)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--ms", type=float, default=200, help="time of a batch in milliseconds")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--log", help="file for the last line")
    args = p.parse_args()
    tok = Sleepy(args.ms, args.batch, args.log)
    atexit.register(tok.report)
    vtbench.serve(tok)
