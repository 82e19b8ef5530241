#!/usr/bin/env bash
# autosampling finish: a record of the cycles that were recorded, from a run that was stopped and from one that was
# killed, both of which can go on after it; none from a run that is going on.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python

check_record() { "$python" "$e2e/check_record.py" "$1" || fail "the record of $1 is wrong"; }

start 2 "$work/run"
await test -e "$run/run.log" # before the first segment, too
expect 4 '^autosampling: another job holds' "$program" finish "$run"
await newest_checkpoint "$run" >/dev/null
expect 4 '^autosampling: another job holds' "$program" finish "$run"
kill -USR1 "$job"
end_of_job
[[ $status == 85 ]] || fail "exit code $status, not 85"
expect 0 'wrote .*run\.h5: [0-9]+ of [0-9]+ cycles' "$program" finish "$run"
check_record "$run"

summary() { "$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$run/summary.json" "$1"; }
start 3 "$run" --resume
await is_training
kill_ranks
expect 0 'wrote .*run\.h5' "$program" finish "$run"
check_record "$run"

length=$(a_little_longer "$run")
train 2 "$run" --resume --set "$length"
link=$(summary link) # 2 where the killed job had closed a segment, else 1
train 2 "$work/whole" --set "$length"
same "$work/whole" "$run"
cp -- "$run/run.h5" "$work/run.h5"
expect 0 'wrote .*run\.h5' "$program" finish "$run" # of a finished run: the same
same "$work/whole" "$run"
[[ $link == [12] && $(summary link) == "$link" && $(summary reward) == accuracy ]] || fail "summary.json of finish: link $(summary link), $(summary reward)"

limited() (ulimit -f 8 && "$@") # 8 kB: no signal without a word, and the file that was there stays
expect 1 'cannot write .*run\.h5 \(File too large; .* wanted, .* free\)' limited "$program" finish "$run"
[[ ! -e $run/run.h5.tmp ]] || fail "finish left run.h5.tmp"
same "$work/whole" "$run"

"$program" finish "$run" >&- || fail "exit code $? of finish with a closed standard output"
grep -q '^host ' "$run/.lock" || fail "what was said to a closed stream is in $run/.lock: $(<"$run/.lock")"
same "$work/whole" "$run"

rm -- "$(find "$run/record" -maxdepth 1 -name 'cycles-*.h5' | sort | tail -n 1)"
expect 4 '^autosampling: .*run\.h5 holds [0-9]+ cycles, the segments [0-9]+' "$program" finish "$run"
same "$work/whole" "$run"

rm -- "$run/run.h5"
mkdir "$run/run.h5"
expect 4 '^autosampling: .*run\.h5 is no file' "$program" finish "$run"
rmdir "$run/run.h5"

mkdir "$work/empty"
expect 4 '^autosampling: no run was begun' "$program" finish "$work/empty"
[[ ! $(ls -A "$work/empty") ]] || fail "finish left something in a folder that is no run"
