#!/usr/bin/env bash
# Holds merged shards against one run, for every suite that ships or those that are named:
# two shards of the first items by two tokenizers, measured apart, merged, and compared file
# by file. Only times may differ (timings.jsonl, performance.json, reports that show them),
# and in the manifest when the run began.
#
#   scripts/merged.sh            # all suites
#   scripts/merged.sh text face  # some
#
#   VTBENCH  the program (default: bin/vtbench)
#   LIMIT    items of each data set (default: 4)
set -euo pipefail
cd "$(dirname "$0")/.."

vtbench=${VTBENCH:-bin/vtbench}
limit=${LIMIT:-4}
suites=("$@")
if ((${#suites[@]} == 0)); then
  mapfile -t suites < <("$vtbench" list suites --format json | sed -nE 's/^  "name": "([^"]+)",$/\1/p')
fi
((${#suites[@]})) || { echo "merged: no suite" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

measure() { # measure SUITE DIRECTORY MORE…
  local status=0 suite=$1 out=$2
  shift 2
  "$vtbench" run --suite "$suite" -t jpeg:q=20 -t vq:patch=8,k=1024 --batch 1 --limit "$limit" --resamples 200 \
    --no-cache -q -o "$out" "$@" >/dev/null || status=$?
  ((status == 0 || status == 4)) || { echo "merged: $suite ended with status $status" >&2; exit 1; }
}

failed=0
for suite in "${suites[@]}"; do
  dir=$work/${suite//\//_}
  measure "$suite" "$dir/whole"
  measure "$suite" "$dir/part1" --shard 1/2
  measure "$suite" "$dir/part2" --shard 2/2
  "$vtbench" merge "$dir/part1" "$dir/part2" -o "$dir/merged" -q >/dev/null || (($? == 4))
  n=0 differ=()
  while IFS= read -r -d '' file; do
    n=$((n + 1))
    case $file in
    timings.jsonl | performance.json | report.html | report.md)
      [[ -e $dir/merged/$file ]] || differ+=("$file") ;;
    manifest.json)
      diff -q <(grep -v '"started": ' "$dir/whole/$file") <(grep -v '"started": ' "$dir/merged/$file") >/dev/null || differ+=("$file") ;;
    *)
      cmp -s "$dir/whole/$file" "$dir/merged/$file" || differ+=("$file") ;;
    esac
  done < <(cd "$dir/whole" && find . -type f ! -name run.lock -printf '%P\0' | sort -z)
  while IFS= read -r -d '' file; do
    [[ -e $dir/whole/$file ]] || differ+=("$file (only in the merged directory)")
  done < <(cd "$dir/merged" && find . -type f ! -name run.lock -printf '%P\0' | sort -z)
  if ((${#differ[@]})); then
    failed=1
    printf '%-16s %4d files, different: %s\n' "$suite" "$n" "${differ[*]}"
  else
    printf '%-16s %4d files, equal (%d records)\n' "$suite" "$n" "$(wc -l <"$dir/merged/records.jsonl")"
  fi
  rm -rf "$dir"
done
exit $failed
