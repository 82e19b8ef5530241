#!/usr/bin/env bash
#PBS -N autosampling
#PBS -l select=1:ncpus=4:mpiprocs=4
#PBS -l walltime=04:00:00
#PBS -j oe
#PBS -r n
#
# Runs a configuration under PBS (OpenPBS, PBS Professional), however many jobs it takes: the program stops in time for
# the walltime, with a checkpoint, and this script submits itself again. qsub gives a script no arguments, so they are
# variables; directives on qsub's command line hold for the first job alone, so change them in a copy of this file.
#
#   qsub -v CONFIG=my.toml,DIR=runs/first jobs/pbs.sh
#   qsub -v CONFIG=my.toml,DIR=runs/first,OPTIONS="--set training.epochs=20" jobs/pbs.sh
#   qsub -J 1-5 -v CONFIG=my.toml,DIR=runs/seeds jobs/pbs.sh          # five seeds: DIR/seed-1, ...
#
# Submit from the folder that holds jobs/, or with JOBS=FOLDER. chain.sh there has the variables that it takes.
set -u
cd -- "${PBS_O_WORKDIR:-.}" || exit 2
# shellcheck source=jobs/chain.sh
source "${JOBS:-jobs}/chain.sh" || exit 2
if [[ ! ${CONFIG:-} || ! ${DIR:-} ]]; then refuse "usage: qsub -v CONFIG=FILE,DIR=FOLDER jobs/pbs.sh"; fi

SEED=${SEED:-${PBS_ARRAY_INDEX:-}}
launcher=(mpirun -n "$(wc -l <"$PBS_NODEFILE")" -machinefile "$PBS_NODEFILE")

seconds_left() {
    local hours minutes seconds
    IFS=: read -r hours minutes seconds \
        < <(qstat -f "$PBS_JOBID" | sed -n 's/^ *Resource_List\.walltime = //p') || return 0
    printf '%s' $((10#$hours * 3600 + 10#$minutes * 60 + 10#$seconds - SECONDS))
}

queue_again() {
    local name passed=CONFIG,DIR
    for name in OPTIONS JOBS AUTOSAMPLING LAUNCHER CONTAINER PROFILE SIGNAL LINKS SEED; do
        if [[ ${!name:-} ]]; then
            export "${name?}"
            passed+=,$name
        fi
    done
    qsub -v "$passed" "$0"
}

read -r -a options <<<"${OPTIONS:-}"
chain "$CONFIG" "$DIR" "${options[@]}"
