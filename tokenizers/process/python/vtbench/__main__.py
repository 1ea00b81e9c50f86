"""Runs a plug-in with the protocol out of reach of its module body.

    python -m vtbench my_tok.py [arguments]

By the time the script starts, standard output already is standard error, so that
even a print before its first import does no harm.
"""

import runpy
import sys


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        raise SystemExit(0 if len(sys.argv) > 1 else 2)
    del sys.argv[0]
    import os

    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
