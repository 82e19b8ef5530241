#!/usr/bin/env bash
# A program that was built without CUDA refuses run.device = cuda, and says why.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
if "$program" info | grep -q 'CUDA on'; then
    say "skipped: built with CUDA"
    exit 77
fi
expect 2 '^autosampling: .*cuda.*(without|CUDA)' mpi 3 run "$small" --set run.device=cuda --output "$work/run"
[[ ! -e $work/run ]] || fail "a refused run left a folder"
