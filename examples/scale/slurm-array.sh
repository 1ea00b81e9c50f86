#!/usr/bin/env bash
# A shard of a suite as one task of a Slurm array. The number of tasks is the number of
# shards, and the folder is shared between the nodes:
#
#   export VTBENCH_OUT=runs/text VTBENCH_ARGS='--suite text -t jpeg:q=20'
#   job=$(sbatch --parsable --array=1-8 examples/scale/slurm-array.sh)
#   sbatch --dependency=afterok:$job examples/scale/slurm-merge.sh
#
# Submitted again after a time limit or a lost node, every task continues its shard; tasks
# that are done end at once.
#
#   VTBENCH       the program (default: vtbench)
#   VTBENCH_OUT   directory of the whole run; shards stand beside it
#   VTBENCH_ARGS  arguments of `vtbench run`, by spaces
#
#SBATCH --job-name=vtbench
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=TERM@60
set -euo pipefail

vtbench=${VTBENCH:-vtbench}
i=${SLURM_ARRAY_TASK_ID:?submit this with --array=1-N}
n=${SLURM_ARRAY_TASK_COUNT:?submit this with --array=1-N}
if [[ ${SLURM_ARRAY_TASK_MIN:-1} != 1 || ${SLURM_ARRAY_TASK_MAX:-$n} != "$n" ]]; then
  # Some tasks of an array that are submitted again have another count.
  n=${VTBENCH_SHARDS:?name the number of shards in VTBENCH_SHARDS to submit some tasks of an array again}
fi
out=${VTBENCH_OUT:?name the run directory}
read -ra args <<<"${VTBENCH_ARGS:?name the suite: VTBENCH_ARGS='--suite text'}"

part=$out.part$i-of-$n
more=()
if [[ -e $part/seal.json ]]; then
  echo "shard $i/$n is done"
  exit 0
elif [[ -e $part/manifest.json ]]; then
  # The node that had it may be another one, and is gone: Slurm runs a task only once.
  more=(--resume --break-lock)
fi
status=0
"$vtbench" run "${args[@]}" --shard "$i/$n" -o "$part" --jobs "${SLURM_CPUS_PER_TASK:-0}" --quiet "${more[@]}" || status=$?
# 4: done, but some items failed; they are counted in the tables, and the merge may go on.
((status == 4)) || exit "$status"
