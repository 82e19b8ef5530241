#!/usr/bin/env bash
#SBATCH --job-name=autosampling
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#
# Runs a configuration, however many jobs it takes: two minutes before the time limit the run stops after its cycle with a
# checkpoint (exit code 85), and the job queues again and goes on from there. A rank is one MPI process; change the
# resources above, or give sbatch others.
#
#   sbatch jobs/slurm.sh CONFIG DIR [OPTION of `autosampling run`]...
#
# Environment: AUTOSAMPLING, the program (default: the one on the path); LAUNCHER (default: srun --mpi=pmix).
set -u
if (($# < 2)); then
    printf 'usage: sbatch jobs/slurm.sh CONFIG DIR [OPTION]...\n' >&2
    exit 2
fi
configuration=$1
run=$2
shift 2

opening=()
if compgen -G "$run/checkpoint/*/index.h5" >/dev/null; then
    opening=(--resume)
elif ((${SLURM_RESTART_COUNT:-0} > 0)) && [[ -d $run ]]; then
    opening=(--overwrite) # this job's own run, which ended before its first checkpoint
fi
read -r -a launcher <<<"${LAUNCHER:-srun --mpi=pmix}"

# Slurm signals this script alone. The launcher passes the signal on to the ranks, and `wait` returns when it has come.
"${launcher[@]}" "${AUTOSAMPLING:-autosampling}" run "$configuration" --output "$run" "${opening[@]}" "$@" &
launched=$!
trap 'kill -USR1 "$launched"' USR1
wait "$launched"
while kill -0 "$launched" 2>/dev/null; do wait "$launched"; done
wait "$launched"
code=$?

if ((code == 85)); then
    printf 'stopped with a checkpoint: queuing again\n'
    scontrol requeue "$SLURM_JOB_ID" && sleep 60 # Slurm ends this script
fi
exit "$code"
