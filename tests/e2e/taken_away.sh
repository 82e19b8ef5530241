#!/usr/bin/env bash
# A run directory that is moved or removed under its job: the job ends with one message that says what is left, and never
# writes into what has taken its place.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python

# ends_with TEXT: the job, with exit code 4 and one message.
ends_with() {
    end_of_job
    [[ $status == 4 ]] || fail "exit code $status, not 4, of a job without its directory"
    [[ $(grep -c '^autosampling: ' "$job_log") == 1 ]] || fail "not one message"
    grep -q "^autosampling: .*$run is no longer this job's directory .*$1" "$job_log" || fail "not said: $1"
}

start 2 "$work/run"
await newest_checkpoint "$run" >/dev/null
mv "$run" "$work/moved"
ends_with "are in $work/moved now, go on .*--resume --output $work/moved"
train 2 "$work/moved" --resume --set "$(a_little_longer "$work/moved")"

# Its segments alone: what would stand for cycles that aren't there is not written.
start 2 "$work/run"
await newest_checkpoint "$run" >/dev/null
mv "$run/record" "$work/record"
end_of_job
[[ $status == 4 ]] || fail "exit code $status, not 4, of a job without its segments"
grep -q '^autosampling: .*no segment in .*put it back' "$job_log" || fail "not said: put it back"
! compgen -G "$run/record/*" >/dev/null || fail "there is a segment without those before it"
rm -rf "$run/record"
mv "$work/record" "$run"
train 2 "$run" --resume --set "$(a_little_longer "$run")"
rm -rf "$run"

start 3 "$work/run"
await newest_checkpoint "$run" >/dev/null
mv "$run" "$work/gone"
remove_used "$work/gone"
train 2 "$run" # another of the same name
ends_with "\(removed, and its record\|are in $work/gone now\)" # the latter if it looked between the two
train 1 "$work/whole"
same "$work/whole" "$run"
