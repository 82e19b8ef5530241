#!/usr/bin/env bash
# Jobs that are stopped: by SIGUSR1 to one rank, by SIGUSR1 to mpirun, by wall time, by the end of the batch job, by
# SIGTERM, SIGINT, the end of the terminal or of the reader of their output, and while they are starting. One run goes
# through all of them, and in the end equals one that nobody disturbed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
stopped="$work/stopped"

# expect_stop WHAT [STATUS]: the job stops after some cycle with a checkpoint of that cycle, and says so with exit code 85
# (or STATUS).
expect_stop() {
    local cycles
    end_of_job
    [[ $status == 85 || $status == "${2-}" ]] || fail "exit code $status, not 85, after $1"
    [[ $(grep -c 'stopped after' "$job_log") == 1 ]] || fail "not said once: stopped after $1"
    cycles=$(grep -o -P 'stopped after \K[0-9]+' "$job_log")
    [[ $(cycles_of "$(newest_checkpoint "$stopped")") == "$cycles" ]] || fail "no checkpoint of cycle $cycles after $1"
    tail -n 1 "$stopped/run.log" | grep -q " RESULT state=stopped cycles=$cycles .* state_hash=[0-9a-f]\{16\}$" ||
        fail "run.log doesn't end with the RESULT after $1"
    [[ ! -e $stopped/run.h5 ]] || fail "a record as of a finished run after $1"
    say "ok: stopped after $cycles cycles by $1"
}

start 3 "$stopped" --set record.checkpoint_cycles=0
await is_training
kill -USR1 "$(ranks | tail -n 1)"
expect_stop "SIGUSR1 to one rank"

start 2 "$stopped" --resume
await is_training
kill -USR1 "$job"
# MPICH's launcher passes the signal on, but may then end with 0, whatever its processes end with.
expect_stop "SIGUSR1 to mpirun" "$("${mpirun[0]}" --version | sed -n 's/^HYDRA .*/0/p')"

start 4 "$stopped" --resume --set run.walltime=2
expect_stop "wall time"

SLURM_JOB_END_TIME=$(date -d '15 seconds' +%s) start 2 "$stopped" --resume
expect_stop "the end of the batch job"
grep -q "in time for the job's end at 20" "$job_log" || fail "not said: when the batch job ends"

start 2 "$stopped" --resume
await is_training
kill -TERM "$job"
end_of_job
((status != 0)) || fail "a job ended by SIGTERM has exit code 0"

start 2 "$stopped" --resume
await is_training
kill -HUP "$(ranks | head -n 1)"
expect_stop "SIGHUP to one rank"

start 2 "$stopped" --resume
await is_training
kill -INT "$(ranks | tail -n 1)"
expect_stop "SIGINT to one rank"

# Nobody reads its output any more.
status=0
"$program" run "$small" --output "$stopped" --resume --set training.epochs=100000 2>&1 | head -n 3 >"$job_log" ||
    status=${PIPESTATUS[0]}
[[ $status == 85 ]] || fail "exit code $status, not 85, of a job whose reader is gone"
grep -q 'stopped after' <(tail -n 2 "$stopped/run.log") || fail "not in run.log: stopped, as the reader is gone"

# A signal is held back from the first moment, before the libraries have started.
has_signal() { # LINE NUMBER: whether /proc/.../status has this signal in that line
    [[ /proc/$job/exe -ef $program ]] || return # a shell that starts a program holds signals back, too
    local mask
    mask=$(sed -n "s/^$1:\t//p" "/proc/$job/status")
    ((0x$mask >> ($2 - 1) & 1))
}
for signal in USR1 TERM HUP INT; do
    number=$(kill -l "$signal")
    held=
    for _ in {1..20}; do # a busy machine may not show the moment
        "$program" run "$small" --output "$stopped" --resume --set training.epochs=100000 >"$job_log" 2>&1 &
        job=$!
        until has_signal SigBlk "$number" && held=yes || has_signal SigCgt "$number"; do :; done
        kill -"$signal" "$job"
        expect_stop "SIG$signal at the start"
        if [[ $held ]]; then break; fi
    done
    [[ $held ]] || fail "SIG$signal isn't held back while the program starts"
done

length=$(a_little_longer "$stopped")
train 1 "$stopped" --resume --set "$length"
SLURM_JOB_END_TIME=1000000000 train 2 "$work/whole" --set "$length" # left over from another job
same "$work/whole" "$stopped"
