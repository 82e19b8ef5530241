#!/usr/bin/env bash
# tests/bench/instructions.sh BUILD: what sampling asks of the processor, in instructions (callgrind's) rather than in
# seconds, so that it doesn't matter what else the machine does. Each may take twice what it took when this was written.
# Exit code 77 without valgrind.
set -euo pipefail
bench=$(realpath -- "$1")/tests/bench
if ! command -v valgrind >/dev/null; then
    printf 'skipped: there is no valgrind here: tests/run.sh --all installs it\n'
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failed=0

# count PROGRAM [ARGUMENT]...
count() {
    valgrind --tool=callgrind --callgrind-out-file="$work/calls" "$bench/$1" "${@:2}" >"$work/log" 2>&1 ||
        { cat -- "$work/log" && exit 1; }
    callgrind_annotate --inclusive=yes "$work/calls" >"$work/functions"
}
# allow FUNCTION MILLIONS
allow() {
    local millions
    millions=$(awk -v f="autosampling::$1(" 'index($0, f) { gsub(",", "", $1); printf "%.1f", $1 / 1e6; exit }' "$work/functions")
    printf '%-45s%10s million instructions, at most %s\n' "$1" "${millions:-no}" "$2"
    awk -v m="${millions:-1e9}" -v most="$2" 'BEGIN { exit !(m <= most) }' || failed=1
}

# Of 20 cycles of 2,560 draws by three samplers, and of twice 100,000 draws that are counted first.
count sampling_speed 20 50000
allow Sampler::draw 210
allow Sampler::count 36
allow Sampler::estimate 40
count policy_speed 20 50000
allow PolicyDistribution::thin 8700
exit "$failed"
