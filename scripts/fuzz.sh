#!/usr/bin/env bash
# Fuzzes every target of both modules, one after another; they are found in the code, so
# that none is forgotten. Prints for each how long it ran, how many inputs it executed and
# how many of them reached new code. Exit status 1 if one failed: the input is then in
# testdata/fuzz of its package, and `go test` there repeats it.
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
log=$(mktemp)
trap 'rm -f "$log"' EXIT

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

# A reader that asks for gigabytes fails here, not on a machine of that memory.
ulimit -v $((${FUZZMEMORY:-8} << 20))

printf '%-58s %8s %12s %6s\n' target seconds executions new
failed=() all=0 spent=0 executed=0
for i in "${!targets[@]}"; do
  [ $((i % parts)) -eq "$part" ] || continue
  read -r dir name <<<"${targets[$i]}"
  module=. package=./$dir
  case $dir in checks/*) module=checks package=./${dir#checks/} ;; esac
  status=0
  # One execution to make an input smaller, not a minute of them: what it takes to repeat
  # a fault is the input, not the smallest one.
  timeout -k 10 $((seconds + 600)) go -C "$module" test -run "^$name\$" -fuzz "^$name\$" \
    -fuzztime "${seconds}s" -fuzzminimizetime 1x -parallel "$parallel" -timeout 0 "$package" >"$log" 2>&1 || status=$?
  last=$(grep -E '^fuzz: elapsed: .* execs: ' "$log" | tail -n 1 || true)
  took=$(sed -nE 's/^fuzz: elapsed: (([0-9]+)h)?(([0-9]+)m)?([0-9]+)s,.*/\2 \4 \5/p' <<<"$last" | awk '{print NF ? (NF == 3 ? $1*3600+$2*60+$3 : NF == 2 ? $1*60+$2 : $1) : 0}')
  execs=$(sed -nE 's/.*execs: ([0-9]+) .*/\1/p' <<<"$last")
  new=$(sed -nE 's/.*new interesting: ([0-9]+) .*/\1/p' <<<"$last")
  printf '%-58s %8d %12d %6d\n' "$dir $name" "${took:-0}" "${execs:-0}" "${new:-0}"
  all=$((all + 1)) spent=$((spent + ${took:-0})) executed=$((executed + ${execs:-0}))
  if [ "$status" -ne 0 ]; then
    failed+=("$dir $name")
    [ "$status" -eq 124 ] && echo "it did not end: an input that hangs"
    grep -vE '^fuzz: elapsed' "$log" | head -n 60
  fi
done
printf '%-58s %8d %12d\n' "$all targets" "$spent" "$executed"
if [ "${#failed[@]}" -gt 0 ]; then
  printf 'failed: %s\n' "${failed[@]}"
  exit 1
fi
