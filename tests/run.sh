#!/usr/bin/env bash
# Sets up what is missing, builds everything with warnings as errors, and runs the tests. From anywhere:
#
#   bash tests/run.sh              the quick ones
#   bash tests/run.sh --all        the long ones, too
#   bash tests/run.sh --sanitize   the same, built with AddressSanitizer and UndefinedBehaviorSanitizer
#   bash tests/run.sh --cuda       what AUTOSAMPLING_CUDA may change, built with it in the same folder; needs no GPU
#
# The exit code is ctest's. A test that can't run here is listed at the end as skipped, with its name.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
source jobs/setup.sh

usage() {
    say 'usage: tests/run.sh [--all] [--sanitize], or tests/run.sh --cuda' >&2
    exit 2
}

preset="test"
needs=--tests
options=()
selection=(--label-regex '^quick$')
for argument; do
    case $argument in
    --all) selection=() ;;
    --sanitize) preset=asan ;;
    --cuda)
        (($# == 1)) || usage
        needs=--cuda options=(-DAUTOSAMPLING_CUDA=ON)
        selection=(--tests-regex '^(comm|training|population)\.|^style\.cuda|^e2e\.no_gpu$|^gpu$')
        ;;
    *) usage ;;
    esac
done

set_up "$needs"
if ((${#selection[@]} == 0)); then set_up_long_tests; fi
build "$preset" all "${options[@]}"
mpi_environment
exec ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j 2 "${selection[@]}"
