#!/usr/bin/env bash
# The variables of launchers, also such as are left over from elsewhere: whatever they say, each process does its work,
# or is refused aloud.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$work"

# Commands that need no MPI.
"$program" defaults >defaults.toml
for rank in OMPI_COMM_WORLD_RANK=2 PMI_RANK=1 PMIX_RANK=3; do
    env $rank "$program" defaults >other.toml
    cmp defaults.toml other.toml || fail "defaults prints something else with $rank"
    expect 2 '^autosampling: .*missing\.toml' env $rank "$program" check missing.toml
    expect 2 '^autosampling: .*RUN' env $rank "$program" finish
done
# shellcheck disable=SC2016 # the ranks expand it
"${mpirun[@]}" -n 3 bash -c '"$0" check "$1" --set "run.seed=$OMPI_COMM_WORLD_RANK$PMI_RANK" >"check$OMPI_COMM_WORLD_RANK$PMI_RANK.txt"' "$program" "$small"
grep -c -h 'the configuration is good' check[012].txt | cmp - <(printf '1\n1\n1\n') || fail "a rank didn't do its work"

# trains VARIABLE=VALUE...: a run of one rank, whatever these variables say.
trains() { expect 0 'finished: the record is' env "$@" "$program" run "$small" --output run --overwrite; }
trains PMI_SIZE=4
# MPICH itself ends where nobody listens at PMI_FD.
if [[ $("$program" info) != *MPICH* ]]; then trains PMI_SIZE=4 PMI_RANK=3 PMI_FD=1000000; fi
trains PMIX_RANK=3
trains PMI_SIZE=1 SLURM_STEP_NUM_TASKS=4
expect 2 '^autosampling: .*resum' env PMIX_RANK=3 "$program" run "$small" --resum

# Three processes of a step that MPI doesn't see as one job: the first of them says so.
step() {
    local number process processes=() status=0
    for number in 0 1 2; do
        SLURM_STEP_NUM_TASKS=3 SLURM_PROCID=$number bash -c 'SLURM_TASK_PID=$$ exec "$@"' bash \
            "$program" run "$small" --output refused &
        processes+=($!)
    done
    for process in "${processes[@]}"; do
        wait "$process" && return 0 || status=$?
    done
    return "$status"
}
expect 2 '^autosampling: the launcher started 3 processes.*unset SLURM_STEP_NUM_TASKS' step
[[ ! -e refused ]] || fail "refused processes left a folder"

# More threads than cores, of which taskset leaves one.
cores=$(taskset -cp $$)
expect 0 'warning: 8 threads share 1 core ' taskset -c "${cores##*[!0-9]}" \
    "$program" run "$small" --output run --overwrite --set run.threads=8 --set training.epochs=1
expect 0 ', 1 rank, 1 thread each,' "$program" run "$small" --output run --overwrite
! grep -q 'share' output.log || fail "a thread on a core of its own is warned of"
