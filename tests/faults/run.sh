#!/usr/bin/env bash
# Faults in the middle of a run, and what comes of them: a table with a row a fault. In each the job must end within
# the deadline, with one message that names rank and host; all that a checkpoint stood for must be there; and a resume,
# on another number of ranks, must end as a run that nobody disturbed.
#
#   bash tests/faults/run.sh [--all] [BUILD]      BUILD: where tests/run.sh built the program, build/test
#
# Without --all, one fault of each kind, in a minute or two.
set -euo pipefail
faults=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
all=
if [[ ${1-} == --all ]]; then
    all=yes
    shift
fi
build=$(realpath -- "${1:-$faults/../../build/test}")
# A mount namespace of its own, for small disks.
if [[ ! ${HAS_MOUNTS-} ]] && unshare -m mount -t tmpfs tmpfs /mnt 2>/dev/null; then
    HAS_MOUNTS=yes exec unshare -m bash "${BASH_SOURCE[0]}" ${all:+--all} "$build"
fi
# shellcheck source=tests/e2e/lib.sh
source "$faults/../e2e/lib.sh" "$build/src/autosampling"
need_python
if grep -q __asan_init "$program"; then
    say "skipped: what is planted can't be preloaded beside a sanitizer"
    exit 77
fi
deadline=40 # seconds; run.collective_timeout and what a busy machine needs
host=$(uname -n)
at="$work/now" # what is planted strikes once this is there

# plant FAULT RANKS: into the jobs that begin from now on (plant.cpp).
plant() { planted=(env "PLANT=$1" "PLANT_RANKS=$2" "PLANT_AT=$at" "LD_PRELOAD=$build/tests/libplant.so"); }

# begin RANKS [section.key=value]...: a job with a checkpoint, whom the fault meets now.
begin() {
    settings=()
    local setting
    for setting in "${@:2}"; do settings+=(--set "$setting"); done
    start "$1" "${place:-$work}/run" "${settings[@]}" --set run.collective_timeout=6
    await newest_checkpoint "$run" >/dev/null
    reached=$(cycles_of "$(newest_checkpoint "$run")")
    struck=$EPOCHREALTIME
    touch "$at"
}

# ends STATUS TEXT: the job ends in time with that exit code, and TEXT, an extended regular expression, in one line; with
# an empty one nobody is left to say anything.
ends() {
    local said=$1 text=$2 last=$((SECONDS + deadline))
    while kill -0 "$job" 2>/dev/null || is_up; do
        if ((SECONDS >= last)); then
            ranks | xargs -r kill -9
            fail "it hangs for $deadline s"
        fi
        sleep 0.1
    done
    seconds=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $struck }")
    end_of_job
    [[ $status == "$said" ]] || fail "exit code $status, not $said"
    [[ ! $text || $(grep -c -E -e "$text" "$job_log") == 1 ]] || fail "not said once: $text"
    said="$(grep -c '^autosampling: ' "$job_log" || true)"
    ((said <= 1)) || fail "$said messages"
}

# Files that were good are good, and a resume goes on from what was reached.
goes_on() {
    local cycles epochs
    rm -f -- "$at"
    planted=()
    cycles=$(cycles_of "$(newest_checkpoint "$run")")
    ((cycles >= reached)) || fail "checkpoint $reached is gone"
    epochs=$(((cycles / 5 + 42) / 40 * 40)) # so that few reference runs are enough
    train "$1" "$run" --resume "${settings[@]}" --set training.epochs=$epochs
    grep -q "going on after cycle $cycles " "$run.log" || fail "it doesn't go on after cycle $cycles"
    local whole="$work/whole ${settings[*]} $epochs"
    if [[ ! -e $whole ]]; then train 2 "$whole" "${settings[@]}" --set training.epochs=$epochs; fi
    same "$whole" "$run" >"$work/compared.log"
}

# row NAME COMMAND...: one of the table. Sets failed.
row() {
    local outcome="$work/outcome" columns
    : >"$outcome"
    rm -rf -- "$work/run" "$work/planted whole" "$at"
    if (
        trap 'if [[ $job ]]; then kill "$job"; fi 2>/dev/null' EXIT
        set -e
        "${@:2}"
        printf '%s|%s|%s\n' "$status" "$seconds" "${verdict-said once, kept, equal}" >"$outcome"
    ) >"$work/row.out" 2>&1; then
        IFS='|' read -r -a columns <"$outcome"
    else
        failed=yes
        columns=('' '' "FAILED: $(tail -n 1 "$work/row.out")")
        cp -- "$work/run.job.log" "$work/failed.log" 2>/dev/null || true # shown at the end
    fi
    printf '%-44s %5s %7s  %s\n' "$1" "${columns[@]}"
}

killed_rank() {
    begin 3
    kill -9 "$(ranks | tail -n 1)"
    ends 137 "process rank [0-9]+ .*on node $host exited on signal 9"
    goes_on 2
}
killed_all() {
    begin 2
    signal_ranks 9
    ends 137 "process rank [0-9]+ .*on node $host exited on signal 9"
    goes_on 3
}
killed_launcher() {
    begin 2
    kill -9 "$job"
    ends 137 ''
    verdict="nobody left to say it, kept, equal"
    goes_on 1
}
stopped_rank() {
    begin 3
    local victim
    victim=$(ranks | tail -n 1)
    kill -STOP "$victim"
    ends 75 "^autosampling: .*silent: rank [0-9] on $host"
    goes_on 2
}
# planted_on RANK FAULT STATUS TEXT [section.key=value]...: TEXT after the names of rank and host.
planted_on() {
    plant "$2" "$1"
    begin 3 "${@:5}"
    ends "$3" "^autosampling: rank $1 on $host: .*$4"
    goes_on $(($1 + 1))
}
full_disk() {
    place="$work/disk"
    mkdir -p "$place"
    mount -t tmpfs -o size=16m tmpfs "$place"
    begin 2
    dd if=/dev/zero of="$place/filler" bs=64k status=none 2>/dev/null || true
    # Without a name where both ranks come upon it at once.
    ends 1 "^autosampling: (rank [01] on $host: )?cannot .*No space left.* free"
    rm -- "$place/filler"
    goes_on 3
    umount "$place"
}
read_only_disk() {
    mkdir -p "$work/disk"
    mount -t tmpfs -o ro tmpfs "$work/disk"
    job_log="$work/run.job.log" struck=$EPOCHREALTIME
    "${mpirun[@]}" -n 2 "$program" run "$small" --output "$work/disk/run" >"$job_log" 2>&1 &
    job=$! run="$work/disk/run"
    ends 1 "^autosampling: rank 0 on $host: cannot make the run directory .*Read-only"
    umount "$work/disk"
    verdict="said once, nothing begun"
}
moved_away() {
    begin 2
    mv "$run" "$run.moved"
    ends 4 "^autosampling: .*go on .*--output $run.moved"
    run=$run.moved
    goes_on 3
    rm -rf -- "$run"
}
record_taken() {
    plant take 0
    begin 2
    ends 4 "^autosampling: rank 0 on $host: no segment in .*put it back"
    [[ ! -e $run/record ]] || fail "there is a folder record/ anew"
    mv -- "$run/record.taken" "$run/record"
    goes_on 3
}
removed() {
    begin 2
    mv "$run" "$run.gone" # at once, as the job makes files meanwhile
    remove_used "$run.gone"
    ends 4 "^autosampling: .*(removed, and its record|are in .* now)"
    train 2 "$run" --set training.epochs=40
    verdict="said once, lost, begins again"
}
# not_finite RANK: a reference run of its own, as the record knows of it.
not_finite() {
    plant nan:35 "$1"
    begin 2 record.checkpoint_cycles=10
    kill -USR1 "$job"
    local names="rank $1 on $host"
    ends 85 "warning cycle 3: member [0-9], ${names/rank all/rank 0}, is not finite"
    train 2 "$work/planted whole" "${settings[@]}" --set training.epochs=40
    planted=()
    train 3 "$run" "${settings[@]}" --resume --set training.epochs=40
    same "$work/planted whole" "$run"
    verdict="said once, goes on, equal"
}
has_two_checkpoints() { (($(find "$run/checkpoint" -name index.h5 | wc -l) >= 2)); }
# spoiled HOW: the newest checkpoint's state or index, at a random byte.
spoiled() {
    begin 2
    await has_two_checkpoints # while the oldest one goes, a third may be there
    kill_ranks
    has_two_checkpoints || fail "there is no checkpoint but the newest"
    local newest file size
    newest=$(newest_checkpoint "$run")
    file=$newest/index.h5
    if ((RANDOM % 2)); then file=$(find "$newest" -name 'state-*' | sort -R | tail -n 1); fi
    size=$(stat -c %s -- "$file")
    case $1 in
    flipped) damage "$file" $((RANDOM * RANDOM % size)) ;;
    cut) truncate -s $((RANDOM * RANDOM % size)) -- "$file" ;;
    esac
    cp -- "$job_log" "$work/before.log"
    status=0 seconds=0
    local cycles epochs
    cycles=$(cycles_of "$newest")
    epochs=$(((cycles / 5 + 42) / 40 * 40))
    train 3 "$run" --resume --set training.epochs=$epochs
    [[ $(grep -c "checkpoint passed over: $newest" "$run.log") == 1 ]] || fail "not said once: ${file#"$run/"}"
    grep -q 'going on after cycle' "$run.log" || fail "it begins anew"
    local whole="$work/whole  $epochs"
    if [[ ! -e $whole ]]; then train 2 "$whole" --set training.epochs=$epochs; fi
    same "$whole" "$run"
}
both_bad() {
    begin 2
    kill_ranks
    local file
    for file in "$run"/checkpoint/*/index.h5; do damage "$file"; done
    struck=$EPOCHREALTIME
    "${mpirun[@]}" -n 3 "$program" run "$small" --output "$run" --resume >"$job_log" 2>&1 &
    job=$!
    ends 4 "^autosampling: no usable checkpoint in $run .*autosampling finish .* collects"
    "$program" finish "$run"
    verdict="said once, finish collects what is kept"
}
jumping_clock() {
    plant "clock:$1" all
    begin 3
    sleep 1
    kill -USR1 "$job"
    ends 85 'stopped after'
    goes_on 2
}
# script NAME ARGUMENT...: of tests/e2e, with its own checks.
script() {
    struck=$EPOCHREALTIME
    bash "$e2e/$1.sh" "$program" "${@:2}" && status=0 || status=$?
    seconds=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $struck }")
    ((status == 0 || status == 77)) || fail "tests/e2e/$1.sh: exit code $status"
    verdict="as tests/e2e/$1.sh expects"
    if ((status == 77)); then verdict="skipped: can't be tried here"; fi
}

failed=
printf '%-44s %5s %7s  %s\n' fault exit seconds 'message, record, result of a resume'
row 'kill -9 of one rank' killed_rank
row 'kill -9 of mpirun' killed_launcher
row 'SIGSTOP of one rank' stopped_rank
row 'exception on one rank' planted_on 1 exception 1 'MPI_Iallgatherv failed'
row 'no memory in training' planted_on 2 memory-training 1 'no memory'
row 'no memory in the writer' planted_on 1 memory-writer 1 'no memory' population.selection=none
row 'NaN on rank 1' not_finite 1
row 'a byte of the newest checkpoint flipped' spoiled flipped
row 'directory moved away' moved_away
row 'record taken away while it is written' record_taken
if [[ ${HAS_MOUNTS-} ]]; then row 'disk full' full_disk; else say "disk full: skipped, as no tmpfs can be mounted"; fi
if [[ $all ]]; then
    row 'kill -9 of all ranks' killed_all
    row 'no memory in the exchange' planted_on 1 memory-exchange 1 'MPI_I(send|recv) failed' \
        population.selection=mean exploration.credit=advantage # within a node other states go without messages
    row 'no memory in the writer of the record' planted_on 0 memory-writer 1 'no memory'
    row 'quota reached' planted_on 0 write:122 1 'quota exceeded'
    row 'quota of another rank reached' planted_on 2 write:122 1 'quota exceeded' population.selection=none
    row 'input/output error' planted_on 0 write:5 1 'Input/output error'
    row 'read-only in mid-run' planted_on 0 open:30 1 'Read-only file system'
    if [[ ${HAS_MOUNTS-} ]]; then row 'read-only from the start' read_only_disk; fi
    row 'directory removed' removed
    for rank in 0 all; do row "NaN on rank $rank" not_finite "$rank"; done
    row 'the newest checkpoint cut short' spoiled cut
    row 'both checkpoints bad' both_bad
    row 'clock a day ahead' jumping_clock 86400
    row 'clock a day back' jumping_clock -86400
    row '/dev/shm too small' script small_shm
    row '200 kills, ranks from 1 to 4' script kill_resume 200
fi
[[ ! $failed ]]
