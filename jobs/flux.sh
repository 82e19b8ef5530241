#!/usr/bin/env bash
# flux: --job-name=autosampling
# flux: --nslots=4
# flux: --cores-per-slot=1
# flux: --time-limit=4h
# flux: --output=autosampling-{{id}}.log

# Runs a configuration under Flux, however many jobs it takes: the program stops in time for the limit, with a
# checkpoint, and this script submits itself again. Options on the command line of flux batch hold for the first job alone,
# so change them in a copy of this file.
#
#   flux batch jobs/flux.sh CONFIG DIR [OPTION of `autosampling run`]...
#   for seed in 1 2 3; do SEED=$seed flux batch jobs/flux.sh CONFIG DIR; done          # DIR/seed-1, ...
#
# Submit from the folder that holds jobs/, or with JOBS=FOLDER. chain.sh there has the variables that it takes, besides
# RANKS (default: one a core) and CORES, of each rank (default: 1).
set -u
# shellcheck source=jobs/chain.sh
source "${JOBS:-jobs}/chain.sh" || exit 2

CORES=${CORES:-1}
launcher=(flux run "--ntasks=${RANKS:-$(($(flux resource list --states=all --no-header --format='{ncores}') / CORES))}"
    "--cores-per-task=$CORES")

# A whole number, or "infinity".
seconds_left() { flux job timeleft 2>/dev/null | sed -n 's/^\([0-9]\{1,9\}\)\(\..*\)\{0,1\}$/\1/p'; }

queue_again() { flux --parent batch "$0" "${arguments[@]}"; }

arguments=("$@")
if (($# < 2)); then refuse "usage: flux batch jobs/flux.sh CONFIG DIR [OPTION]..."; fi
chain "$@"
