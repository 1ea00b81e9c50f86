#!/usr/bin/env python3
"""Shows the memory of a program over time, to see whether it grows.

    python3 bench/score/testdata/memory.py bin/vtbench score REF DIST -m psnr,ssim,ms-ssim

Every two seconds it prints the processor time used so far, in seconds, and the resident
memory, in MB (/proc, Linux). Many pairs can be hard links to few files.
"""

import os
import subprocess
import sys
import time

p = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
seen = []
while p.poll() is None:
    try:
        with open(f"/proc/{p.pid}/statm") as f:
            rss = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
        with open(f"/proc/{p.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError, IndexError):
        break
    used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    seen.append(rss)
    print(f"{used:8.1f} s {rss:8.1f} MB", flush=True)
    time.sleep(2)
rest = sorted(seen[1:]) or seen
print(f"{len(rest)} looks after the first: {rest[0]:.0f} to {rest[-1]:.0f} MB, half of them below {rest[len(rest) // 2]:.0f}; status {p.wait()}")
