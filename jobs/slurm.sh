#!/usr/bin/env bash
#SBATCH --job-name=autosampling
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
#SBATCH --output=%x-%j.log
#SBATCH --no-kill
#
# Runs a configuration under Slurm, however many jobs it takes: two minutes before the time limit the run stops after its
# cycle with a checkpoint, and the job queues again and goes on from there. When a node is lost, it goes on with the
# others. A rank is one MPI process; change the resources above, or give sbatch others.
#
#   sbatch jobs/slurm.sh CONFIG DIR [OPTION of `autosampling run`]...
#   sbatch --array=1-5 jobs/slurm.sh CONFIG DIR [OPTION]...              # five seeds: DIR/seed-1, ...
#   LAUNCHER=mpirun sbatch jobs/slurm.sh CONFIG DIR [OPTION]...          # default: srun --mpi=pmix
#
# chain.sh beside this file has the variables that it takes; JOBS is their folder where Slurm doesn't tell it.
set -u
if (($# < 2)); then
    printf 'usage: sbatch jobs/slurm.sh CONFIG DIR [OPTION]...\n' >&2
    exit 2
fi

# One task of an array may have the number of the whole array.
id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
id=${id:-$SLURM_JOB_ID}

# Slurm runs a copy of this file, and knows where it came from.
job=$(scontrol show job "$id" 2>/dev/null)
source=$(sed -n 's/^ *Command=//p' <<<"$job") # with its arguments
until [[ -f $source || $source != *' '* ]]; do source=${source% *}; done
# shellcheck source=jobs/chain.sh
source "${JOBS:-$(dirname -- "${source:-${BASH_SOURCE[0]}}")}/chain.sh" || exit 2

# Older Slurms don't set it by themselves.
if end=$(sed -n 's/.* EndTime=\([0-9T:-]*\).*/\1/p' <<<"$job") && [[ $end ]]; then
    export SLURM_JOB_END_TIME=${SLURM_JOB_END_TIME:-$(date -d "$end" +%s)}
fi

SEED=${SEED:-${SLURM_ARRAY_TASK_ID:-}}
restarted=$((${SLURM_RESTART_COUNT:-0} > 0))
restarted=${restarted#0}
# srun doesn't take the job's cores a task by itself.
launcher=(srun --mpi=pmix --kill-on-bad-exit=1 "--cpus-per-task=${SLURM_CPUS_PER_TASK:-1}")

queue_again() {
    scontrol requeue "$id" && sleep 60 # Slurm ends this script
}

# Nodes that don't start a process within half a minute are lost; the ranks run on the others from now on.
nodes=()
find_lost_nodes() {
    ((${SLURM_JOB_NUM_NODES:-1} > 1)) || return
    local node alive=() probes=() ranks=$((SLURM_NTASKS / SLURM_JOB_NUM_NODES))
    if ((${#nodes[@]} == 0)); then
        mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
        all_nodes=("${launcher[@]}")
    fi
    export SLURM_OVERLAP=1 # for Slurm the step that has lost its node still goes on
    for node in "${nodes[@]}"; do
        timeout --kill-after=5 30 srun --nodes=1 --ntasks=1 --nodelist="$node" true 2>/dev/null &
        probes+=($!)
    done
    for node in "${!nodes[@]}"; do
        if wait "${probes[node]}"; then alive+=("${nodes[node]}"); else say "no answer from ${nodes[node]}"; fi
    done
    if ((${#alive[@]} == 0 || ${#alive[@]} == ${#nodes[@]})); then return 1; fi
    nodes=("${alive[@]}")
    if [[ ${launcher[0]} == *srun ]]; then
        launcher=("${all_nodes[@]}" "--nodes=${#nodes[@]}" "--ntasks=$((ranks * ${#nodes[@]}))"
            "--nodelist=$(list "${nodes[@]}")")
    else
        launcher=("${all_nodes[@]}" --host "$(list "${nodes[@]/%/:$ranks}")") # mpirun
    fi
}
list() { local IFS=, && printf '%s' "$*"; }

chain "$@"
