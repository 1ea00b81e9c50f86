#!/usr/bin/env bash
# Measures the tokenizer before and after the change on some of the text suite and
# compares: exit status 3, because small text got worse.
#
#   examples/pr/run.sh [OUT]        (default: pr-out)
#
# Settings, by environment: VTBENCH (default: this checkout's bin/vtbench, else vtbench
# on the path), PYTHON with numpy (default: python3), LIMIT (images; default: 48).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-pr-out}
vtbench=${VTBENCH:-$here/../../bin/vtbench}
[ -x "$vtbench" ] || vtbench=${VTBENCH:-vtbench}
python=${PYTHON:-python3}

# Not needed where the SDK is installed: pip install ./tokenizers/process/python
PYTHONPATH=$here/../../tokenizers/process/python${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH

for side in before after; do
  # The label is the same on both sides: that is what pairs them.
  "$vtbench" run --quiet --suite text --resolution 256 --limit "${LIMIT:-48}" \
    -t "dct=process:$python $here/$side.py" -o "$out/$side"
done

# What a repository keeps of the main branch: a file instead of a run.
"$vtbench" baseline save "$out/before#dct" -o "$out/main.vtbench.json.gz"

"$vtbench" compare "$out/main.vtbench.json.gz" "$out/after" --gates "$here/gates.yaml" \
  --also markdown="$out/comment.md" --also json="$out/compare.json"
