#!/usr/bin/env bash
# Large records are opened and reported in little memory: see large_record.py. Exit code 77 where there is no room.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d "${TMPDIR:-/tmp}/large record.XXXXXX")
trap 'rm -rf "$work"' EXIT
if (($(df --output=avail -k "$work" | tail -n 1) < 8000000)); then
    printf 'skipped: %s has less than 8 GB left\n' "${TMPDIR:-/tmp}"
    exit 77
fi
for part in "write $work/one" "report $work/one" "segments $work/many"; do
    .venv/bin/python3 tests/analysis/large_record.py "${part%% *}" "${part#* }"
done
