#!/usr/bin/env bash
# Measures a suite on several machines by ssh, a shard each, and merges the shards into
# the directory of one run.
#
#   VTBENCH_HOSTS='node1 node2 node3' examples/scale/ssh.sh runs/text --suite text -t jpeg:q=20
#
# The machines share the folder that this is called in, under the same path, and hold the
# same build of vtbench. All arguments behind the run directory go to `vtbench run`. Shards
# that broke off, for whatever reason, continue when the script is called again.
#
#   VTBENCH        the program (default: vtbench)
#   VTBENCH_HOSTS  machines, by spaces
#   VTBENCH_SSH    how to reach one (default: ssh -o BatchMode=yes)
#
# Exit status: that of `vtbench merge`.
set -euo pipefail

vtbench=${VTBENCH:-vtbench}
read -ra hosts <<<"${VTBENCH_HOSTS:?name the machines: VTBENCH_HOSTS='node1 node2'}"
read -ra ssh <<<"${VTBENCH_SSH:-ssh -o BatchMode=yes}"
out=${1:?name the run directory}
shift

n=${#hosts[@]}
parts=() pids=()
for i in "${!hosts[@]}"; do
  part=$out.part$((i + 1))-of-$n
  parts+=("$part")
  args=(run "$@" --shard "$((i + 1))/$n" -o "$part" --quiet)
  if [[ -e $part/manifest.json ]]; then
    args+=(--resume)
  fi
  # ssh joins its arguments with spaces for a shell on the other side: quote them for it.
  printf -v line '%q ' cd "$PWD"
  printf -v command '%q ' "$vtbench" "${args[@]}"
  "${ssh[@]}" "${hosts[$i]}" "$line && $command >/dev/null" &
  pids+=($!)
done
failed=0
for i in "${!pids[@]}"; do
  status=0
  wait "${pids[$i]}" || status=$?
  # 4: done, but some items failed; they are counted in the tables.
  if ((status != 0 && status != 4)); then
    echo "shard $((i + 1))/$n on ${hosts[$i]} ended with status $status" >&2
    failed=1
  fi
done
if ((failed)); then
  echo "call this again: what is measured stays, and the rest is continued" >&2
  exit 1
fi
exec "$vtbench" merge "${parts[@]}" -o "$out"
