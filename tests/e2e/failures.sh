#!/usr/bin/env bash
# Runs that end with an error: it stands in summary.json and in run.log, and autosampling-analyse watch ends.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
export PYTHONPATH=$root/analysis/src

# says STATE ERROR RUN: its summary, with ERROR a part of the error, empty for none.
says() {
    "$python" - "$@" <<'EOF' || fail "summary.json of $3 doesn't say \"$1\" with the error \"$2\""
import json, sys
state, error, run = sys.argv[1:]
summary = json.load(open(run + "/summary.json"))
print(summary["state"], summary["error"])
sys.exit(not (summary["state"] == state and (error in summary["error"] if error else summary["error"] is None)))
EOF
}

# failed ERROR RUN
failed() {
    says failed "$1" "$2"
    [[ $(grep -c -e "error.*$1" "$2/run.log") == 1 ]] || fail "run.log doesn't say once: $1"
    tail -n 1 "$2/run.log" | grep -q ' RESULT state=failed ' || fail "run.log doesn't end with the RESULT"
    if "$python" -c 'import xarray' 2>/dev/null; then
        timeout 60 "$python" -c 'import sys; from autosampling.cli import main; sys.exit(main(sys.argv[1:]))' \
            watch "$2" --interval 1000 >"$work/watch.log" || fail "watch doesn't end"
        grep -q -e "failed: .*$1" "$work/watch.log" || fail "watch doesn't say why the run failed"
    fi
}

# An error that all ranks agree on.
expect 1 '^autosampling: no member was finite' mpi 2 run "$small" --output "$work/overflow" \
    --set training.learning_rate=1e38 --set population.max_retries=1
failed 'no member was finite' "$work/overflow"
[[ ! -e $work/overflow/checkpoint ]] || fail "a run that reached nothing leaves a checkpoint"
train 2 "$work/overflow" --resume
says finished '' "$work/overflow"
tail -n 1 "$work/overflow.log" | grep -q ' RESULT state=finished cycles=40 cycles_planned=40 link=0 ' ||
    fail "the output doesn't end with the RESULT"

# A rank that doesn't answer.
start 3 "$work/silent" --set run.collective_timeout=6
await is_training
says running '' "$run"
stopped=$(ranks | tail -n 1)
kill -STOP "$stopped"
end_of_job
kill -KILL "$stopped" 2>/dev/null || true
[[ $status == 75 ]] || fail "exit code $status, not 75, of a run with a silent rank"
failed 'time-out after 6 s' "$run"

# A write that fails.
start 2 "$work/unwritable"
await newest_checkpoint "$run" >/dev/null
signal_ranks STOP # or the job makes the folder anew between the two
mv "$run/checkpoint" "$run/moved"
: >"$run/checkpoint"
signal_ranks CONT
end_of_job
[[ $status == 1 ]] || fail "exit code $status, not 1, of a run that can't write"
failed "$run/checkpoint" "$run"

# What goes on has not failed.
rm "$run/checkpoint"
mv "$run/moved" "$run/checkpoint"
train 2 "$run" --resume --set "$(a_little_longer "$run")"
says finished '' "$run"
