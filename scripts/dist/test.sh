#!/usr/bin/env bash
# Installs what dist.sh made where nothing of it is, and runs the text suite there as a user
# would: the wheel in a fresh virtual environment, the tar.gz unpacked, the .deb in an empty
# Debian root (needs root and debootstrap).
#
#   scripts/dist/test.sh [contents|twice|venv|debian]      (default: all)
#
# contents looks into the packages only. twice makes them once more and wants the same bytes.
#
# DEBIAN_MIRROR names the mirror that debootstrap asks, PYTHON a Python of 3.11 or later.
set -euo pipefail
cd "$(dirname "$0")/../../dist"
sha256sum --quiet -c SHA256SUMS
work=$(mktemp -d)
trap 'umount "$work"/root/proc 2>/dev/null || true; rm -rf "$work"' EXIT

# What one package did; each must print the table of the others.
run=(run --suite text --limit 12 --no-cache -q)
shown() { # NAME FILE
  grep -q 'vq:patch=8,k=1024' "$2" || { cat "$2"; echo "$1: no table" >&2; exit 1; }
  grep -q 'conv-vq' "$2" || { cat "$2"; echo "$1: no network ran" >&2; exit 1; }
  printf '\n== %s\n' "$1"
  head -n 16 "$2"
}

twice() {
  (cd .. && scripts/dist/dist.sh "$work/again" >/dev/null)
  diff SHA256SUMS "$work/again/SHA256SUMS" || { echo "made twice, the packages differ" >&2; exit 1; }
  printf '\n== made twice: the same bytes\n'
}

# What every package must carry, told from the files themselves: their commands, and that
# vtbench-work needs no library and starts the program beside it.
contents() {
  local name files
  mkdir -p "$work/contents"
  for name in deb tar whl; do
    case $name in
    deb) dpkg-deb -c ./*.deb | awk '{print $6}' ;;
    tar) tar tzf vtbench-*.tar.gz ;;
    whl) python3 -m zipfile -l ./*.whl | awk '{print $1}' ;;
    esac >"$work/contents/$name"
    for files in bin/vtbench bin/vtbench-work; do
      grep -q "/$files\$" "$work/contents/$name" || { echo "the $name has no $files" >&2; exit 1; }
    done
  done
  tar xzf vtbench-*.tar.gz -C "$work/contents" --strip-components=2 --wildcards '*/bin/*'
  if readelf -d "$work/contents/vtbench-work" | grep -q NEEDED; then
    echo "vtbench-work needs libraries" >&2
    exit 1
  fi
  env -i HOME="$work/home" PATH=/usr/bin:/bin "$work/contents/vtbench-work" --help 2>&1 | grep -- --nats >/dev/null || { echo "vtbench-work does not run" >&2; exit 1; }
  python3 -c 'import glob, sys, zipfile
z = zipfile.ZipFile(glob.glob("*.whl")[0])
points = [n for n in z.namelist() if n.endswith("entry_points.txt")][0]
sys.exit(b"vtbench-work" not in z.read(points))' || { echo "the wheel has no command vtbench-work" >&2; exit 1; }
  printf '\n== contents: vtbench and vtbench-work in all three\n'
}

venv() {
  "${PYTHON:-python3}" -m venv "$work/venv"
  "$work/venv/bin/pip" install -q --disable-pip-version-check ./*.whl
  # Neither the machine's language data nor its ONNX Runtime: those of the package.
  (cd "$work" && env -i HOME="$work/home" PATH="$work/venv/bin:/usr/bin:/bin" vtbench "${run[@]}" -o wheel >wheel.txt)
  shown 'wheel in a fresh virtual environment' "$work/wheel.txt"
  grep -o '"onnxruntime[^,}]*' "$work"/wheel/manifest.json | head -n 1

  mkdir "$work/tar"
  tar xzf vtbench-*.tar.gz -C "$work/tar" --strip-components=1
  local lost
  lost=$(ldd "$work/tar/bin/vtbench" | grep -v '/lib/vtbench/' | grep -vE 'linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|resolv|util|gcc_s)\.so|libstdc\+\+' || true)
  [ -z "$lost" ] || { echo "the tar.gz takes libraries of this machine: $lost" >&2; exit 1; }
  (cd "$work" && env -i HOME="$work/home" PATH=/usr/bin:/bin tar/bin/vtbench "${run[@]}" -o tarball >tar.txt)
  shown 'tar.gz, unpacked' "$work/tar.txt"
}

debian() {
  [ "$(id -u)" -eq 0 ] || { echo "an empty Debian root needs root" >&2; exit 5; }
  command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 5; }
  # shellcheck disable=SC2086 # no mirror, no argument
  debootstrap --variant=minbase bookworm "$work/root" ${DEBIAN_MIRROR:-} >"$work/log" 2>&1 || { tail -n 20 "$work/log"; exit 1; }
  # The same way to packages as on this machine.
  cp /etc/resolv.conf "$work/root/etc/"
  cp -r /etc/apt/apt.conf.d/. "$work/root/etc/apt/apt.conf.d/"
  cp ./*.deb "$work/root/tmp/"
  mount -t proc proc "$work/root/proc"
  chroot "$work/root" /bin/sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends /tmp/*.deb' >"$work/log" 2>&1 || { tail -n 20 "$work/log"; exit 1; }
  chroot "$work/root" /bin/sh -c "cd /tmp && vtbench ${run[*]} -o run" >"$work/deb.txt"
  shown '.deb in an empty Debian root' "$work/deb.txt"
}

case "${1:-}" in
'')
  contents
  twice
  venv
  debian
  ;;
venv)
  contents
  venv
  ;;
contents | twice | debian) "$1" ;;
*) echo "usage: $0 [contents|twice|venv|debian]" >&2; exit 2 ;;
esac
