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
# Environment: AUTOSAMPLING, the program (default: the one on the path); LAUNCHER (default: srun --mpi=pmix
# --kill-on-bad-exit, with the job's --cpus-per-task). More cores a task are of use with --set run.threads.
set -u
if (($# < 2)); then
    printf 'usage: sbatch jobs/slurm.sh CONFIG DIR [OPTION]...\n' >&2
    exit 2
fi
configuration=$1
run=$2
shift 2

program=${AUTOSAMPLING:-autosampling}
if ! command -v "$program" >/dev/null; then
    printf '%s: no program %s on %s: set AUTOSAMPLING to the path of autosampling, or put it on the PATH\n' \
        "${0##*/}" "$program" "$(uname -n)" >&2
    exit 2
fi

opening=()
if compgen -G "$run/checkpoint/*/index.h5" >/dev/null; then
    opening=(--resume)
elif ((${SLURM_RESTART_COUNT:-0} > 0)) && [[ -d $run ]]; then
    opening=(--overwrite) # this job's own run, which ended before its first checkpoint
fi
# srun doesn't take the job's cores a task by itself.
read -r -a launcher <<<"${LAUNCHER:-srun --mpi=pmix --kill-on-bad-exit -c ${SLURM_CPUS_PER_TASK:-1}}"

# Slurm signals this script alone. The launcher passes the signal on to the ranks, and `wait` returns when it has come.
"${launcher[@]}" "$program" run "$configuration" --output "$run" "${opening[@]}" "$@" &
launched=$!
signalled=
stop() {
    signalled=yes
    while kill -USR1 "$launched"; do sleep 10; done 2>/dev/null & # again: a launcher without ranks yet drops it
}
trap stop USR1
wait "$launched"
while kill -0 "$launched" 2>/dev/null; do wait "$launched"; done
wait "$launched"
code=$?

if ((code == 85)); then
    printf 'stopped with a checkpoint: queuing again\n'
elif [[ $signalled ]] && ((code == 128 + $(kill -l USR1))); then
    printf 'ended by the signal that asked it to stop, before it could: queuing again\n'
    code=85
fi
if ((code == 85)); then
    scontrol requeue "$SLURM_JOB_ID" && sleep 60 # Slurm ends this script
fi
exit "$code"
