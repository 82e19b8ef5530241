#!/usr/bin/env bash
# tests/e2e/shared_data.sh PROGRAM RANKS MB: the ranks of a node share the data. The sum of their memory, with what they
# share counted once (PSS), is less than 1.1 times the data and what the same ranks take with next to no data.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
ranks=$2 megabytes=$3

# Of all ranks, in MB.
proportional_memory() {
    local rank
    for rank in $(ranks); do awk '/^Pss:/ { print $2 }' "/proc/$rank/smaps_rollup"; done |
        awk '{ sum += $1 } END { print int(sum / 1000) }'
}
has_cycles() { (($(cycles_of "$(newest_checkpoint "$run" || say cycle-0)") >= 20)); }

# Sets memory to what it is after some cycles with so many images of 3072 bytes.
measure() {
    start "$ranks" "$work/run.$1" --set data.synthetic_size=32 --set data.synthetic_channels=3 --set data.synthetic_images="$1" \
        --set model.name=resnet8 --set population.members="$ranks" --set population.cycle_batches=2 --set data.reward_images=20
    await has_cycles
    memory=$(proportional_memory)
    kill -USR1 "$job"
    end_of_job
    [[ $status == 85 ]] || fail "exit code $status, not 85"
}

measure 1000
alone=$memory
images=$((megabytes * 1000000 / 3072 * 5 / 6)) # and a fifth of it to test
measure "$images"
say "$ranks ranks: $alone MB with next to no data, $memory MB with $megabytes MB of data"
((memory * 10 < 11 * (megabytes + alone))) || fail "the ranks don't share the data"
((memory > megabytes)) || fail "the data weren't in memory"
