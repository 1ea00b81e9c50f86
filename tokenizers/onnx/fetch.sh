#!/bin/sh
# Fetches ONNX Runtime 1.27.0 into vtbench's cache folder, through pip or npm,
# and only if its checksum is right. Does nothing when it is there.
#
#   tokenizers/onnx/fetch.sh [FOLDER]
#
# Prints the path of the library.
set -eu

version=1.27.0
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/vtbench/onnxruntime-$version}
lib=$dir/libonnxruntime.so.1

# SHA-256 of the libraries inside the two packages. They are different builds of
# the same release; either will do.
case "$(uname -s)/$(uname -m)" in
Linux/x86_64)
  npm_path=linux/x64
  npm_sum=d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221
  pip_sum=b5c9d4f124d24707f514dad926dc181820807178855df1c528e3addb2dd0e6f7
  platforms="--platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64"
  ;;
Linux/aarch64)
  npm_path=linux/arm64
  npm_sum=c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f
  pip_sum=9275ef52956228686ae47b0219f67476a1148505084bdc5571e7bf1bf69b11f2
  platforms="--platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64"
  ;;
*)
  echo "no ONNX Runtime is known for $(uname -s) on $(uname -m): install it and set VTBENCH_ONNXRUNTIME" >&2
  exit 5
  ;;
esac

sum() { sha256sum "$1" | cut -d' ' -f1; }

if [ -f "$lib" ]; then
  have=$(sum "$lib")
  if [ "$have" = "$npm_sum" ] || [ "$have" = "$pip_sum" ]; then
    echo "$lib"
    exit 0
  fi
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT INT TERM

# The wheel is a fifth of the npm package, which holds every platform.
from_pip() {
  python3 -m pip --version >/dev/null 2>&1 || return 1
  # shellcheck disable=SC2086 # several words on purpose
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.11 $platforms --dest "$tmp" "onnxruntime==$version" >&2 || return 1
  python3 - "$tmp" <<'PY' || return 1
import glob, sys, zipfile
wheel = glob.glob(sys.argv[1] + "/onnxruntime-*.whl")[0]
with zipfile.ZipFile(wheel) as z:
    name = [n for n in z.namelist() if n.startswith("onnxruntime/capi/libonnxruntime.so.")][0]
    with open(sys.argv[1] + "/lib", "wb") as f:
        f.write(z.read(name))
PY
  want=$pip_sum
}

from_npm() {
  command -v npm >/dev/null 2>&1 || return 1
  (cd "$tmp" && npm pack --silent "onnxruntime-node@$version" >/dev/null) || return 1
  tar xzf "$tmp/onnxruntime-node-$version.tgz" -C "$tmp" "package/bin/napi-v6/$npm_path/libonnxruntime.so.1" || return 1
  mv "$tmp/package/bin/napi-v6/$npm_path/libonnxruntime.so.1" "$tmp/lib"
  want=$npm_sum
}

from_pip || from_npm || {
  echo "cannot fetch ONNX Runtime: neither python3 -m pip nor npm could get it; install one of them (Debian: python3-pip), or set VTBENCH_ONNXRUNTIME to a library you have" >&2
  exit 5
}
have=$(sum "$tmp/lib")
if [ "$have" != "$want" ]; then
  echo "the ONNX Runtime that was fetched has SHA-256 $have where $want is expected: it is not used" >&2
  exit 1
fi
mkdir -p "$dir"
chmod 755 "$tmp/lib"
cp "$tmp/lib" "$lib.part" # the rename makes it whole or absent
mv "$lib.part" "$lib"
echo "$lib"
