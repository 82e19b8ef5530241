#!/usr/bin/env bash
# The report of a run on real images, and that of several runs, in headless Chromium: see browser.py. Exit code 77 where
# there is no Chromium.
#
#   browser.sh PROGRAM
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../e2e/lib.sh"
python=$root/.venv/bin/python3
if ! command -v chromium chromium-browser google-chrome >/dev/null; then
    say "skipped: no Chromium (apt-get install chromium)"
    exit 77
fi
images=(--set data.name=mnist --set "data.path=$root/tests/data/mnist-10k" --set data.label_noise=0.3
    --set population.cycle_batches=20 --set training.epochs=3)
for seed in 0 1; do train 2 "$work/run $seed" "${images[@]}" --set run.seed=$seed --set exploration.credit=advantage; done
train 2 "$work/other" "${images[@]}" --set exploration.credit=winner

analyse() { "$root/.venv/bin/autosampling-analyse" "$@" >"$work/analyse.log" 2>&1 || fail "exit code $?: $*"; }
analyse report "$work/run 0" --output "$work/one"
grep -q 'id="suspect-sheet"' "$work/one/report.html" || fail "no contact sheet"
analyse report "$work/run 0" "$work/run 1" "$work/other" --output "$work/several"
for report in one several; do
    "$python" "$root/tests/analysis/browser.py" "$work/$report/report.html" "$work/$report/screenshots"
done
