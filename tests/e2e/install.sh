#!/usr/bin/env bash
# cmake --install into a folder with a space in its name, and a run of what is there.
#
#   install.sh PROGRAM BUILD
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cmake --install "$2" --prefix "$work/a prefix" >"$work/install.log"
built=$program
program="$work/a prefix/bin/autosampling"
[[ $("$program" info) == "$("$built" info)" ]] || fail "it is another program than the one that was built"
train 2 "$work/run"
[[ -f $work/run/run.h5 ]] || fail "no record"

# The job scripts have what they share beside them.
expect 2 'slurm\.sh: no program /none on ' env SLURM_JOB_ID=1 SLURM_NTASKS=1 AUTOSAMPLING=/none \
    bash "$work/a prefix/share/autosampling/jobs/slurm.sh" "$small" "$work/job"
