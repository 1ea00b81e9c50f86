#!/bin/sh
# Makes a Python environment with PyTorch and diffusers for the examples and for
# the SDK's tests of both.
#
#   examples/tokenizers/setup-torch.sh [FOLDER]        default: .venv/torch
#
# Without VTBENCH_TORCH it takes the distribution's PyTorch where there is one
# (Debian: python3-torch 1.13, 0.2 GB), which diffusers 0.31 still works with; that
# has AutoencoderKL and VQModel. AutoencoderDC needs diffusers 0.32 and PyTorch 2.1
# or later: VTBENCH_TORCH=latest installs the current releases (several GB), and
# VTBENCH_TORCH=zoo those that all presets of the zoo are tested with (7 GB).
set -eu

dir=${1:-.venv/torch}
here=$(cd "$(dirname "$0")/../.." && pwd)
system=/usr/bin/python3

case "${VTBENCH_TORCH:-}" in
"")
  if ! "$system" -c 'import torch, numpy' 2>/dev/null; then
    echo "no PyTorch in $system: apt-get install python3-torch python3-venv, or run this with VTBENCH_TORCH=latest" >&2
    exit 5
  fi
  "$system" -m venv --system-site-packages "$dir"
  "$dir/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    diffusers==0.31.0 huggingface-hub==0.27.1 safetensors==0.4.5
  "$dir/bin/pip" install --quiet --disable-pip-version-check \
    'numpy<2' requests tqdm pyyaml filelock fsspec regex importlib_metadata packaging typing_extensions pillow
  ;;
latest)
  python3 -m venv "$dir"
  "$dir/bin/pip" install --quiet --disable-pip-version-check torch diffusers numpy
  ;;
zoo)
  python3 -m venv "$dir"
  "$dir/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.8.0 diffusers==0.42.1 transformers==5.24.0 huggingface-hub==2.4.0 safetensors==0.8.0 numpy pillow
  ;;
*)
  echo "VTBENCH_TORCH is '$VTBENCH_TORCH': want nothing, latest or zoo" >&2
  exit 2
  ;;
esac
"$dir/bin/pip" install --quiet --disable-pip-version-check "$here/tokenizers/process/python"
"$dir/bin/python" -c 'import torch, diffusers; print("torch", torch.__version__, "diffusers", diffusers.__version__)'
