#!/usr/bin/env bash
# Merges the shards that slurm-array.sh left beside $VTBENCH_OUT into that directory.
#
#SBATCH --job-name=vtbench-merge
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=00:30:00
set -euo pipefail

vtbench=${VTBENCH:-vtbench}
out=${VTBENCH_OUT:?name the run directory}
shopt -s nullglob
parts=("$out".part*-of-*)
if ((${#parts[@]} == 0)); then
  echo "there is no $out.part…: no shard was measured" >&2
  exit 2
fi
exec "$vtbench" merge "${parts[@]}" -o "$out"
