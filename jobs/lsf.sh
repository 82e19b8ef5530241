#!/usr/bin/env bash
#BSUB -J autosampling
#BSUB -n 4
#BSUB -W 04:00
#BSUB -wa USR1
#BSUB -wt 2
#BSUB -Q 85
#BSUB -o autosampling-%J.log
#
# Runs a configuration under LSF, however many jobs it takes: two minutes before the run limit the program is asked to
# stop, and stops after its cycle with a checkpoint. This script's exit code is 85 then, on which LSF queues it again.
# bsub gives a script that it reads no arguments, so they are variables:
#
#   CONFIG=my.toml DIR=runs/first bsub < jobs/lsf.sh
#   CONFIG=my.toml DIR=runs/first OPTIONS="--set training.epochs=20" bsub < jobs/lsf.sh
#   CONFIG=my.toml DIR=runs/seeds bsub -J "seeds[1-5]" < jobs/lsf.sh          # five seeds: DIR/seed-1, ...
#
# Submit from the folder that holds jobs/, or with JOBS=FOLDER. chain.sh there has the variables that it takes.
set -u
cd -- "${LS_SUBCWD:-.}" || exit 2
# shellcheck source=jobs/chain.sh
source "${JOBS:-jobs}/chain.sh" || exit 2
if [[ ! ${CONFIG:-} || ! ${DIR:-} ]]; then refuse "usage: CONFIG=FILE DIR=FOLDER bsub < jobs/lsf.sh"; fi

if ((${LSB_JOBINDEX:-0} > 0)); then SEED=${SEED:-$LSB_JOBINDEX}; fi
launcher=(mpirun -n "$LSB_DJOB_NUMPROC" -machinefile "$LSB_DJOB_HOSTFILE")
queue_again() { :; } # LSF does

read -r -a options <<<"${OPTIONS:-}"
chain "$CONFIG" "$DIR" "${options[@]}"
