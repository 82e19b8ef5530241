#!/usr/bin/env bash
# jobs/compare.sh: all [rows] of its table over two seeds, and again without running anything anew.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
[ -x "$(dirname -- "$python")/autosampling-analyse" ] || { say "skipped: the analysis is not installed" && exit 77; }
export AUTOSAMPLING=$program LAUNCHER="${mpirun[*]}"

# Options that are one row's or another's alone: every row has its own.
odd="$work/odd.toml"
sed -e 's/^interval_cycles.*/interval_epochs = 1/' -e 's/^members = .*/&\nselection = "top-k"/' "$small" >"$odd"
printf '[sampling]\nrule = "infobatch"\n[hyperparameters]\nexplore = "factor"\n' >>"$odd"
compare() {
    "$root/jobs/compare.sh" "$odd" "$work/all [rows]" --seeds "${1-2}" --members "${2-2}" --set training.epochs=2 \
        --set exploration.sigma=0.3 --set population.cycle_batches=5 "${@:3}" # which some rows set, too
}
compare >"$work/first.log" 2>&1 || fail "exit code $?"
rows=$(find "$work/all [rows]" -mindepth 1 -maxdepth 1 -type d | wc -l)
for row in "$work/all [rows]"/*/; do
    grep -q -E "^$(basename -- "$row") +([01]\.[0-9]{4}|-) " "$work/first.log" || fail "no row for $row"
done
grep -q -E '^uniform, best length ' "$work/first.log" || fail "no row for the best length"
grep -q '^2 seeds' "$work/first.log" || fail "the table doesn't say how many seeds"
# One member of 2 epochs: 400 images, cycles of 80.
grep -q -E '^uniform .* 2\.0 +800 +[0-9.]+ +10$' "$work/first.log" || fail "the cost of the uniform member is wrong"

compare >"$work/second.log" 2>&1 || fail "exit code $? the second time"
if grep -q ' seed [01]: ' "$work/second.log"; then fail "what was there was run again"; fi
mkdir "$work/all [rows]/notes"
compare >"$work/third.log" 2>&1 || fail "exit code $? beside a folder of notes"
diff <(tail -n 5 "$work/second.log") <(tail -n 5 "$work/third.log") || fail "another table beside a folder of notes"
expect 2 'holds another comparison' compare 2 3
expect 2 '^--seeds takes a whole number from 1, not 0$' compare 0
expect 2 '^polic is no row: give some of uniform uniform-1_2 ' compare 2 2 --rows uniform,polic
compare 3 2 --rows uniform,class-balanced >"$work/fourth.log" 2>&1 || fail "exit code $? with --rows"
[ "$(grep -c ' seed 2: ' "$work/fourth.log")" = 2 ] || fail "--rows trained other rows"
say "ok: $rows rows"
