#!/usr/bin/env bash
# Fuzzes every target of both modules, one after another; they are found in the code, so
# that none is forgotten. Prints for each how long it ran, how many inputs it executed and
# how many of them reached new code. Exit status 1 if one failed: the input is then in
# testdata/fuzz of its package, and `go test` there repeats it.
#
#   scripts/fuzz.sh [keep]
#
#   FUZZTIME=60      seconds for each target
#   FUZZ=REGEX       only targets whose folder and name match: bench/record, FuzzCSV
#   FUZZPART=I/N     only each Nth target, from the Ith; "today/N": another share each day
#   FUZZPARALLEL=P   workers of a target; default: all cores
#   FUZZMEMORY=8     GiB of address space that a target may take
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZTIME:-60}
parallel=${FUZZPARALLEL:-$(nproc)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mapfile -t targets < <(
  grep -rE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+\(f \*testing\.F' . |
    sed -E 's#^\./(.*)/[^/]+_test\.go:func (Fuzz[A-Za-z0-9_]+)\(.*#\1 \2#' | sort | grep -E "${FUZZ:-.}"
)
part=0 parts=1
if [ -n "${FUZZPART:-}" ]; then
  part=${FUZZPART%/*} parts=${FUZZPART#*/}
  [ "$part" = today ] && part=$(($(date +%s) / 86400))
  part=$((part % parts))
fi
cache=$(go env GOCACHE)/fuzz

# keep: six inputs of each target, of those found here, of at most 1 KiB, spread over the
# time at which they were found, become its testdata, which tests run and CI begins with.
if [ "${1:-}" = keep ]; then
  for t in "${targets[@]}"; do
    read -r dir name <<<"$t"
    from=$cache/$(cd "$dir" && go list .)/$name
    [ -d "$from" ] || continue
    mapfile -t found < <(find "$from" -type f -size -2 -printf '%T@ %p\n' | sort -n | cut -d' ' -f2)
    for k in 1 2 3 4 5 6; do
      [ "${#found[@]}" -ge 6 ] || break
      mkdir -p "$dir/testdata/fuzz/$name"
      cp "${found[$((${#found[@]} * k / 6 - 1))]}" "$dir/testdata/fuzz/$name/"
    done
  done
  exit
fi

# spent FILE: seconds, executions and new inputs that Go's last line of progress tells.
spent() {
  sed -nE 's/^fuzz: elapsed: (([0-9]+)h)?(([0-9]+)m)?([0-9]+)s, execs: ([0-9]+) .*new interesting: ([0-9]+).*/0\2 0\4 \5 \6 \7/p' "$1" |
    awk '{s = $1 * 3600 + $2 * 60 + $3; e = $4; n = $5} END {print s + 0, e + 0, n + 0}'
}

printf '%-58s %8s %12s %6s\n' target seconds executions new
failed=() all=0 sum=0 executed=0 built=
for i in "${!targets[@]}"; do
  [ $((i % parts)) -eq "$part" ] || continue
  read -r dir name <<<"${targets[$i]}"
  module=. package=$dir
  case $dir in checks/*) module=checks package=${dir#checks/} ;; esac
  if [ "$built" != "$dir" ]; then # once for all targets of a package
    go -C "$module" test -c -fuzz . -o "$work/test" "./$package"
    built=$dir
  fi
  status=0
  # One execution to make an input smaller, not a minute of them: what it takes to repeat a
  # fault is the input, not the smallest one. What asks for gigabytes fails at the limit of
  # memory, and what does not end by itself is ended.
  (
    cd "$dir"
    ulimit -v $((${FUZZMEMORY:-8} << 20))
    exec timeout -k 10 $((seconds + 300)) "$work/test" -test.run "^$name\$" -test.fuzz "^$name\$" -test.fuzztime "${seconds}s" \
      -test.fuzzminimizetime 1x -test.parallel "$parallel" -test.timeout 0 -test.fuzzcachedir "$cache/$(go list .)"
  ) >"$work/log" 2>&1 || status=$?
  read -r took execs new < <(spent "$work/log")
  printf '%-58s %8d %12d %6d\n' "$dir $name" "$took" "$execs" "$new"
  all=$((all + 1)) sum=$((sum + took)) executed=$((executed + execs))
  if [ "$status" -ne 0 ]; then
    failed+=("$dir $name")
    [ "$status" -eq 124 ] && echo "it did not end: an input that hangs"
    grep -vE '^fuzz: elapsed' "$work/log" | head -n 60
  fi
done
printf '%-58s %8d %12d\n' "$all targets" "$sum" "$executed"
if [ "${#failed[@]}" -gt 0 ]; then
  printf 'failed: %s\n' "${failed[@]}"
  exit 1
fi
