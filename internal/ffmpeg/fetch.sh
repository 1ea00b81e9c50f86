#!/bin/sh
# Fetches the ffmpeg inside the package imageio-ffmpeg 0.8.1 of PyPI into vtbench's cache
# folder, through pip, and only if its checksum is right. It has libvmaf, x264, x265, VP9
# and AV1. Its licence is GPL-3.0-or-later; vtbench runs it as a program of its own and
# hands it on to nobody. Does nothing when it is there.
#
#   internal/ffmpeg/fetch.sh [FOLDER]
#
# Prints the path of the program.
set -eu

release=0.8.1
dir=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/vtbench/ffmpeg-$release}
program=$dir/ffmpeg

# SHA-256 of the programs inside the wheels.
case "$(uname -s)/$(uname -m)" in
Linux/x86_64)
  want=0d709a0bed1a43f24cd2c420878c63afea4580671b6949ad19ed124572f3bc3d
  platform=manylinux_2_28_x86_64
  ;;
Linux/aarch64)
  want=0b0b5ac30495b4e07ce1321b8d58200f901f57782884a8b6b264c7528c2c9e77
  platform=manylinux_2_28_aarch64
  ;;
*)
  echo "no ffmpeg is known for $(uname -s) on $(uname -m): install it; one that is not in the PATH is named by VTBENCH_FFMPEG" >&2
  exit 5
  ;;
esac

sum() { sha256sum "$1" | cut -d' ' -f1; }

if [ -x "$program" ] && [ "$(sum "$program")" = "$want" ]; then
  echo "$program"
  exit 0
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT INT TERM

python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --platform "$platform" --dest "$tmp" "imageio-ffmpeg==$release" >&2 || {
  echo "cannot fetch ffmpeg: python3 -m pip could not get imageio-ffmpeg $release; install pip (Debian: python3-pip), or an ffmpeg of 5.1 or later (apt-get install ffmpeg, which has no libvmaf)" >&2
  exit 5
}
python3 - "$tmp" <<'PY'
import glob, shutil, sys, zipfile
wheel = glob.glob(sys.argv[1] + "/imageio_ffmpeg-*.whl")[0]
with zipfile.ZipFile(wheel) as z:
    name = [n for n in z.namelist() if n.startswith("imageio_ffmpeg/binaries/ffmpeg-")][0]
    with z.open(name) as f, open(sys.argv[1] + "/ffmpeg", "wb") as out:
        shutil.copyfileobj(f, out)
PY
have=$(sum "$tmp/ffmpeg")
if [ "$have" != "$want" ]; then
  echo "the ffmpeg that was fetched has SHA-256 $have where $want is expected: it is not used" >&2
  exit 1
fi
mkdir -p "$dir"
chmod 755 "$tmp/ffmpeg"
cp "$tmp/ffmpeg" "$program.part" # the rename makes it whole or absent
mv "$program.part" "$program"
echo "$program"
