#!/usr/bin/env bash
# A run whose ranks are all killed at random moments, and that is resumed on another number of ranks each time: every file
# with a final name opens at every moment, each job goes on from the newest checkpoint that the one before it finished,
# what a resume sets aside doesn't grow, and in the end record and weights are those of a run that nobody disturbed.
#
#   kill_resume.sh PROGRAM KILLS [section.key=value]...
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
kills=$2
settings=()
for setting in "${@:3}"; do settings+=(--set "$setting"); done
seed=${SEED:-$RANDOM}
RANDOM=$seed
say "moments by SEED=$seed"

cut="$work/cut"
mkdir "$cut"
"$python" "$e2e/watch_files.py" "$cut" "$work/stop" >"$work/watch.log" 2>&1 &
watch=$!

opening=--overwrite
resumed=0
for ((try = 1; try <= kills; ++try)); do
    reached=$(newest_checkpoint "$cut" || true)
    start $((try % 4 + 1)) "$cut" "${settings[@]}" "$opening"
    await is_up
    if ((try % 4)); then await is_training; fi # else while it starts
    moment=$((RANDOM % 2000)) # not in a subshell, which draws others
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
    kill_ranks
    if grep -q 'going on after cycle' "$job_log"; then
        resumed=$((resumed + 1))
        grep -q "going on after cycle $(cycles_of "$reached") " "$job_log" || fail "kill $try lost more than ${reached##*/}"
    fi
    if newest_checkpoint "$cut" >/dev/null; then opening=--resume; fi
done
((resumed >= kills / 2)) || fail "only $resumed of $kills jobs went on from a checkpoint"
length=$(a_little_longer "$cut")
train 3 "$cut" "${settings[@]}" --set "$length" --resume
touch "$work/stop"
wait "$watch" || fail "$(<"$work/watch.log")"
say "$(<"$work/watch.log")"
aside=$(find "$cut/record" -path "*/superseded/*" -type f | wc -l)
((aside <= 3)) || fail "$aside files are set aside"

train 2 "$work/whole" "${settings[@]}" --set "$length"
same "$work/whole" "$cut"
say "ok: $kills kills, $resumed jobs that went on, $aside files set aside"
