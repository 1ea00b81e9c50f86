#!/bin/sh
# Prints the table of speeds of docs/metrics.md, of all metrics or those named; see peers.py for what it needs.
# PYTHON names the interpreter, ROUNDS how often everything is timed (5).
set -eu
exec "${PYTHON:-python3}" "$(dirname "$0")/peers.py" "$@"
