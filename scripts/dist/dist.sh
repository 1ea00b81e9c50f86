#!/usr/bin/env bash
# Makes the packages of a release: a .deb, a tar.gz that needs no package, a wheel that
# carries the program, and their check sums. The same commit gives the same bytes.
#
#   scripts/dist/dist.sh [OUT]      (default: dist)
#
# Runs on Debian 12, whose C library (2.36) is the oldest that the packages run on.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD out=${1:-dist}
mkdir -p "$out"
out=$(cd "$out" && pwd)
nfpm=${NFPM:?the program nfpm; make dist sets it}

case "$(uname -s)/$(uname -m)" in
Linux/x86_64) arch=amd64 machine=x86_64 ;;
Linux/aarch64) arch=arm64 machine=aarch64 ;;
*)
  echo "packages are made on Linux, of amd64 or arm64" >&2
  exit 5
  ;;
esac
version=$(sed -n 's/^const release = "\(.*\)"$/\1/p' cmd/vtbench/internal/cli/cli.go)
[ -n "$version" ] || { echo "no release in cmd/vtbench/internal/cli/cli.go" >&2; exit 1; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/vtbench-$version-linux-$arch
mkdir -p "$tree"/bin "$tree"/lib/vtbench "$tree"/share/vtbench/tessdata "$tree"/share/doc/vtbench/licences

# The program looks for libraries beside itself first. DT_RPATH, not DT_RUNPATH: it holds
# for what the libraries need in turn, too.
# shellcheck disable=SC2016 # $ORIGIN is for the loader
go build -trimpath -ldflags '-s -w -extldflags "-Wl,-rpath,$ORIGIN/../lib/vtbench,--disable-new-dtags"' -o "$tree/bin/vtbench" ./cmd/vtbench
needs=$(objdump -T "$tree/bin/vtbench" | grep -o 'GLIBC_2\.[0-9]*' | sort -t. -k2 -n | tail -n 1)
if [ "${needs#GLIBC_2.}" -gt 36 ]; then
  echo "the program needs $needs, and packages are to run with 2.36: make them on Debian 12" >&2
  exit 1
fi
# Measures for runs elsewhere, by the program beside itself; it needs no library.
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$tree/bin/vtbench-work" ./cmd/vtbench-work

onnxruntime=$(tokenizers/onnx/fetch.sh)
install -m 644 "$onnxruntime" "$tree/lib/vtbench/libonnxruntime.so.1"
install -m 644 scripts/dist/LICENSE.onnxruntime "$tree/share/doc/vtbench/licences/onnxruntime"
install -m 644 LICENSE CHANGELOG.md README.md "$tree/share/doc/vtbench/"
mkdir -p "$tree/share/bash-completion/completions"
"$tree/bin/vtbench" completion bash >"$tree/share/bash-completion/completions/vtbench"

# ---- .deb: what distributions have, it depends on
mkdir -p "$work/deb"
cp -r "$tree"/. "$work/deb"
go build -trimpath -ldflags '-s -w' -o "$work/deb/bin/vtbench-opencv" ./cmd/vtbench-opencv
(cd "$work/deb" && DEB_VERSION=${version/-/\~} DEB_ARCH=$arch "$nfpm" package --config "$root/scripts/dist/nfpm.yaml" \
  --packager deb --target "$out/vtbench_${version}_$arch.deb")

# ---- tar.gz: all libraries but the C and C++ ones, and the model of English
# Packages whose files are carried, by the file; each brings its licence.
licence() { # FILE
  local pkg
  # Where /lib is a link to /usr/lib, dpkg may know the file by either name.
  pkg=$(dpkg-query -S "$1" 2>/dev/null || dpkg-query -S "${1#/usr}" 2>/dev/null) || {
    echo "$1 belongs to no package, so its licence is not known" >&2
    return 1
  }
  pkg=${pkg%%:*}
  install -m 644 "/usr/share/doc/$pkg/copyright" "$tree/share/doc/vtbench/licences/$pkg"
  dpkg-query -W -f='${Package} ${Version}, source ${source:Package} ${source:Version}\n' "$pkg" | head -n 1 >>"$work/carried"
}
ldd "$tree/bin/vtbench" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | while read -r lib; do
  case "$(basename "$lib")" in
  # Those that every Linux of this kind has; a second copy would be at odds with it.
  libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libresolv.so.* | libutil.so.* | libstdc++.so.* | libgcc_s.so.*) continue ;;
  esac
  file=$(readlink -f "$lib")
  install -m 644 "$file" "$tree/lib/vtbench/$(basename "$lib")"
  licence "$file"
done
english=/usr/share/tesseract-ocr/5/tessdata/eng.traineddata
install -m 644 "$english" "$tree/share/vtbench/tessdata/"
licence "$english"
{
  echo "vtbench is under the Apache License 2.0 (LICENSE). This package carries, unchanged, libraries"
  echo "of these Debian packages, each under the licence in licences/; their sources are at"
  echo "https://snapshot.debian.org. libjbig is under the GNU GPL 2 or later, so that the package as a"
  echo "whole is passed on under the terms of the GPL 3. libonnxruntime is that of the package onnxruntime"
  echo "of PyPI, under the MIT licence."
  echo
  sort -u "$work/carried"
} >"$tree/share/doc/vtbench/CARRIED"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$work" -cf - "$(basename "$tree")" |
  gzip -n9 >"$out/vtbench-$version-linux-$arch.tar.gz"

# ---- wheel: the SDK with the same tree; ONNX Runtime is the wheel's that it depends on
python3 scripts/dist/wheel.py --sdk tokenizers/process/python --tree "$tree" --version "$version" \
  --platform "manylinux_2_36_$machine" \
  --onnxruntime "$(sed -n 's/^version=//p' tokenizers/onnx/fetch.sh)" --out "$out"

(cd "$out" && sha256sum "vtbench_${version}_$arch.deb" "vtbench-$version-linux-$arch.tar.gz" vtbench-*.whl >SHA256SUMS && cat SHA256SUMS)
