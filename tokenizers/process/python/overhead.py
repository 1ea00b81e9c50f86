"""What evaluate costs beside `vtbench run` on the same model: docs/python.md's table.

    VTBENCH_BIN=bin/vtbench python tokenizers/process/python/overhead.py [ROUNDS]

Three ways to the same numbers, in turn: the model in this process (evaluate), the same
behind `process:`, which has to start Python, import and load it, and a kind that the
program has itself (`jpeg`), which is what a run costs without any model of Python's.
Caches are off. A smaller suite shows the fixed cost, the text suite what training sees.
Times are seconds of wall clock, and of the processor, all processes together, which other
work on the machine disturbs less; each is the best of its rounds.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import vtbench  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

SUITE = """id: pixels
version: 1
title: Pixels
question: How far are the pixels?
datasets: [text-default]
resolutions: [256]
score_at: original
metrics: [psnr]
headline: [psnr]
tokenizers: []
"""
TOK = """import vtbench
import torch
torch.set_num_threads(1)
vtbench.serve(vtbench.from_torch(torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Upsample(scale_factor=4)), range=(0, 1), multiple_of=4))
"""


def run(path, suite, limit, tokenizer):
    env = {**os.environ, "PYTHONPATH": HERE}
    subprocess.run(
        [os.environ["VTBENCH_BIN"], "run", "--suite", suite, "--limit", str(limit), "--resolution", "256", "--no-cache", "-q", "-o", path, "-t", tokenizer], check=True, env=env, stdout=subprocess.DEVNULL
    )


def timed(work):
    """Seconds of wall clock and of the processor, of this process and its children."""

    def now():
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return np.array([time.perf_counter(), sum(u.ru_utime + u.ru_stime for u in used)])

    began = now()
    work()
    return now() - began


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    torch.set_num_threads(1)
    model = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Upsample(scale_factor=4))
    with tempfile.TemporaryDirectory() as d:
        pixels, tok = os.path.join(d, "pixels.yaml"), os.path.join(d, "tok.py")
        for path, text in ((pixels, SUITE), (tok, TOK)):
            with open(path, "w") as f:
                f.write(text)
        print("| suite, images at 256 px | evaluate: wall, processor (s) | `run`, process: | `run`, jpeg |\n|---|---|---|---|")
        for suite, limit in ((pixels, 20), (pixels, 200), ("text", 20)):
            times = {}
            for i in range(rounds):
                out = os.path.join(d, f"{limit}-{len(suite)}-{i}-")
                for name, work in [
                    ("evaluate", lambda: vtbench.evaluate(model, suite, limit, resolutions=[256], cache=False, output=out + "e", range=(0, 1), multiple_of=4)),
                    ("process", lambda: run(out + "p", suite, limit, f"process:{sys.executable} {tok}")),
                    ("jpeg", lambda: run(out + "j", suite, limit, "jpeg:q=20")),
                ]:
                    times.setdefault(name, []).append(timed(work))
            name = "text" if suite == "text" else "PSNR only"
            print(f"| {name}, {limit} | " + " | ".join("{:.2f}, {:.2f}".format(*np.min(v, axis=0)) for v in times.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
