#!/usr/bin/env bash
# Looks for inputs on which a reader crashes, leaks, takes too much memory or time, or throws what is no Error: each
# target for so many seconds, from the stored inputs on. Prints a table; the exit code is 1 where something was found.
#
#   bash tests/fuzz/run.sh SECONDS [TARGET...]      idx cifar packed arrays segment checkpoint run message toml
#
# A finding stays in build/fuzz/findings/; `FUZZ=TARGET build/fuzz/tests/fuzz/fuzz_core FILE` runs it again. New inputs
# that reach more are kept in build/fuzz/corpus/; --store adds the smallest set of them to the stored ones.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
# shellcheck source=jobs/setup.sh
source jobs/setup.sh
store=
if [[ ${1-} == --store ]]; then
    store=yes
    shift
fi
seconds=${1:?usage: tests/fuzz/run.sh [--store] SECONDS [TARGET...]}
targets=("${@:2}")
if ((${#targets[@]} == 0)); then targets=(idx cifar packed arrays segment checkpoint run message toml); fi

if ! is_there libFuzzer; then
    say "skipped: no clang++ with libFuzzer (Debian: clang-14, libclang-rt-14-dev)"
    exit 77
fi
CXX=$(clang_compiler) CC=$(clang_compiler | sed 's/++//') # for a first configuration
export CXX CC
for program in fuzz_core fuzz_options; do build fuzz $program; done
mpi_environment
export UBSAN_OPTIONS=print_stacktrace=1 # leaks are looked for, too
mkdir -p build/fuzz/findings

failed=0
printf '%-12s %12s %10s %8s  %s\n' target executions coverage inputs findings
for target in "${targets[@]}"; do
    program=build/fuzz/tests/fuzz/fuzz_core
    if [[ $target == toml ]]; then program=build/fuzz/tests/fuzz/fuzz_options; fi
    stored=tests/fuzz/corpus/$target corpus=build/fuzz/corpus/$target log=build/fuzz/$target.log
    mkdir -p "$corpus"
    status=0
    FUZZ=$target "$program" -max_total_time="$seconds" -max_len=65536 -timeout=30 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$target-" "$corpus" "$stored" >"$log" 2>&1 || status=$?
    found=none
    if ((status != 0)); then
        failed=1
        found="exit code $status, see $log"
    fi
    printf '%-12s %12s %10s %8s  %s\n' "$target" "$(grep -o -P 'number_of_executed_units: \K\d+' "$log" || true)" \
        "$(grep -o -P 'cov: \K\d+' "$log" | tail -n 1)" "$(find "$corpus" "$stored" -type f | wc -l)" "$found"
    if [[ $store ]]; then
        FUZZ=$target "$program" -merge=1 -max_len=4096 "$stored" "$corpus" >>"$log" 2>&1 ||
            fail "the inputs of $target can't be merged: see $log"
    fi
done
exit $failed
