#!/usr/bin/env bash
# The ranks' resident memory stays as it is: less than 5 % more after 400 cycles than after 100.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

memory_of_ranks() { # kB
    local rank
    for rank in $(ranks); do awk '/^VmRSS/ { print $2 }' "/proc/$rank/status"; done
}
has_cycles() { (($(cycles_of "$(newest_checkpoint "$run" || say cycle-0)") >= $1)); }

start 2 "$work/run" --set data.name=mnist --set data.path="$root/tests/data/mnist-10k" --set training.batch_size=64 \
    --set exploration.credit=advantage --set exploration.first_epoch=0
await has_cycles 100
mapfile -t before < <(memory_of_ranks)
await has_cycles 400
mapfile -t after < <(memory_of_ranks)
kill -USR1 "$job"
end_of_job
[[ $status == 85 ]] || fail "exit code $status, not 85"
[[ ${#before[@]} == 2 && ${#after[@]} == 2 ]] || fail "the ranks' memory was not found"
for rank in 0 1; do
    say "rank $rank: ${before[rank]} kB after 100 cycles, ${after[rank]} kB after 400"
    ((after[rank] * 100 < before[rank] * 105)) || fail "memory grows"
done
