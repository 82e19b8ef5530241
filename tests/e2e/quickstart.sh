#!/usr/bin/env bash
# README's first command, from another folder: its table, its record and its uniform member.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
bash "$root/jobs/quickstart.sh" >"$work/quickstart.log" 2>&1 || fail "exit code $?: $(tail -n 1 "$work/quickstart.log")"
for row in members cycles 'best reward' 'test accuracy' 'policy search' 'its replay' 'no search' record; do
    grep -q "^  $row  " "$work/quickstart.log" || fail "no row \"$row\" in the table"
done
for run in run-quickstart run-quickstart-uniform run-quickstart-policy run-quickstart-replay; do
    "$python" -c 'import sys, h5py; assert len(h5py.File(sys.argv[1])["reward"]) > 0' "$root/$run/run.h5" ||
        fail "the record of $run doesn't open or is empty"
done
say "ok: the table and two records"
