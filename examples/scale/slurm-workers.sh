#!/usr/bin/env bash
# Workers of a run as tasks of a Slurm array: they come and go, and no task has a share of
# its own. The run itself is started elsewhere, on a node that stays, and so is the server:
#
#   vtbench-work serve --listen 0.0.0.0:4222 --login login &
#   vtbench run --suite text --workers nats://HEAD:4222 -o runs/text &
#   export VTBENCH_NATS=nats://HEAD:4222 VTBENCH_NATS_LOGIN=login
#   sbatch --array=1-8 examples/scale/slurm-workers.sh
#
# More tasks may be submitted at any time. One that ends at its time limit, or with its
# node, costs the units that it had begun: others do them again.
#
#   VTBENCH_WORK       the program (default: vtbench-work)
#   VTBENCH_NATS       the server
#   VTBENCH_IDLE       end after so long without work (default: 5m)
#   VTBENCH_WORK_ARGS  further arguments, by spaces: the tokenizers that may be opened
#
#SBATCH --job-name=vtbench-workers
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@60
set -euo pipefail

work=${VTBENCH_WORK:-vtbench-work}
: "${VTBENCH_NATS:?name the server: VTBENCH_NATS=nats://HOST:4222}"
read -ra args <<<"${VTBENCH_WORK_ARGS:-}"
exec "$work" --nats "$VTBENCH_NATS" --name "slurm-${SLURM_JOB_ID:-0}-${SLURM_ARRAY_TASK_ID:-0}" \
  --jobs "${SLURM_CPUS_PER_TASK:-0}" --idle "${VTBENCH_IDLE:-5m}" "${args[@]}"
