#!/usr/bin/env bash
# Sourced by the scripts here, each of which tests the program whose path is its first argument, as a user would: by the
# command line, signals and files. Sets
#
#   program, root   the program; the repository
#   small           a configuration of a small population
#   work            a folder for this test, with a space in its name; removed at the end
#   mpirun          the launcher with its options
#
# shellcheck disable=SC2034 # what is set here is used there
set -euo pipefail

program=$(realpath -- "${1:?usage: $0 PROGRAM}")
e2e=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$e2e/../.." && pwd)
small=$e2e/small.toml
# shellcheck source=jobs/setup.sh
source "$root/jobs/setup.sh" # say, fail, mpi_environment
# The launcher of the MPI that the program was built with.
mpi_environment "$(sed -n 's/^MPIEXEC_EXECUTABLE:FILEPATH=//p' "${program%/src/*}/CMakeCache.txt" 2>/dev/null || true)"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0} # MPI libraries leak

planted=() # words before the program: an environment with a fault
work=$(mktemp -d "${TMPDIR:-/tmp}/autosampling e2e.XXXXXX")
job=
at_end() { :; } # for what a script has started besides
clean_up() {
    local status=$?
    at_end
    if [[ $job ]]; then kill "$job" 2>/dev/null || true; fi # mpirun ends its ranks
    wait
    if ((status != 0 && status != 77)); then tail -v -n 20 "$work"/*.log 2>/dev/null || true; fi
    rm -rf -- "$work"
    exit "$status"
}
trap clean_up EXIT

# need_python [MODULE]: sets python to one that reads the record, and has the module; without one the test can't run.
need_python() {
    local wanted="h5py, numpy${1:+, $1}"
    for python in "$root/.venv/bin/python3" python3; do
        if "$python" -c "import $wanted" 2>/dev/null; then return; fi
    done
    say "skipped: no python3 with $wanted"
    exit 77
}

mpi() { "${mpirun[@]}" -n "$1" "${planted[@]}" "$program" "${@:2}"; }

# expect STATUS TEXT COMMAND...: it ends with the status, and says TEXT (an extended regular expression) on one line only.
expect() {
    local status=$1 said=$2 found=0 times
    shift 2
    "$@" >"$work/output.log" 2>&1 </dev/null || found=$?
    times=$(grep -c -E -e "$said" "$work/output.log" || true)
    [[ $found == "$status" ]] || fail "exit code $found, not $status: $*"
    [[ $times == 1 ]] || fail "\"$said\" is said $times times, not once: $*"
    say "ok: exit code $status, \"$said\""
}

# train RANKS RUN ARGUMENT...: the whole of a run that nobody disturbs.
train() {
    local log=$2.log
    mpi "$1" run "$small" --output "$2" "${@:3}" >"$log" 2>&1 || fail "exit code $? of a run on $1 ranks: ${*:3}"
}

# start RANKS RUN ARGUMENT...: a run that would go on for hours, in the background as $job with its output in $job_log.
start() {
    run=$2
    job_log=$work/${2##*/}.job.log # never on a disk that is to be full
    : >"$job_log" # that of the job before it
    "${mpirun[@]}" -n "$1" "${planted[@]}" "$program" run "$small" --output "$run" --set training.epochs=100000 \
        "${@:3}" >"$job_log" 2>&1 &
    job=$!
}

# signal_ranks SIGNAL: to all of them at once.
signal_ranks() {
    local targets
    mapfile -t targets < <(ranks)
    kill "-$1" "${targets[@]}"
}
# kill_ranks: kill -9 of all of them at once, and the end of the job.
kill_ranks() {
    signal_ranks 9
    end_of_job
}

# Sets status to the exit code of the job.
end_of_job() {
    status=0
    wait "$job" || status=$?
    job=
}

# The job's ranks, as process numbers; fails without one.
ranks() {
    local process words found=1
    for process in /proc/[0-9]*; do
        mapfile -d '' -t words 2>/dev/null <"$process/cmdline" || continue # it has ended
        if [[ ${words[0]-} == "$program" && " ${words[*]} " == *" --output $run "* ]]; then
            say "${process#/proc/}"
            found=0
        fi
    done
    return $found
}
is_up() { ranks >/dev/null; }
is_training() { grep -q -E 'cycle [0-9]+/' "$job_log"; }

# await COMMAND...: until it succeeds, as long as the job is there.
await() {
    until "$@"; do
        kill -0 "$job" 2>/dev/null || fail "the job ended before: $*"
        sleep 0.1
    done
}

# The newest checkpoint of RUN that was finished, its folder; fails without one.
newest_checkpoint() {
    # find fails where a folder goes while it looks
    { find "$1/checkpoint" -name index.h5 -printf '%h\n' 2>/dev/null || true; } | sort | tail -n 1 | grep .
}

# The cycles that a checkpoint's folder stands for.
cycles_of() { say "$((10#${1##*cycle-}))"; }

# remove_used FOLDER: which a job may write a last word to meanwhile.
remove_used() { until rm -rf -- "$1" 2>"$work/rm.log"; do sleep 0.1; done; }

# damage FILE [PLACE]: another byte there, or in its middle.
damage() {
    local at=${2:-$(($(stat -c %s -- "$1") / 2))} byte
    byte=$(od -A n -t u1 -j "$at" -N 1 -- "$1")
    printf '%b' "\\x$(printf '%02x' $((byte ^ 255)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

# A length of the run for which there is some more to do after that of RUN, as a setting.
a_little_longer() { say "training.epochs=$(($(cycles_of "$(newest_checkpoint "$1")") / 5 + 3))"; }

# same RUN RUN: records and weights are equal.
same() { "$python" "$e2e/compare_runs.py" "$1" "$2" || fail "the runs differ"; }
