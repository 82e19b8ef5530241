#!/usr/bin/env bash
# Without a GPU, what needs one is refused with the reason, and all else runs on the CPU: whether the program was built
# with CUDA or without.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
info=$("$program" info)
if ! grep -q -x 'device       auto is cpu' <<<"$info"; then
    say "skipped: there is a GPU"
    exit 77
fi
reason='no CUDA in this build'
if grep -q 'CUDA on' <<<"$info"; then
    reason='no CUDA device on'
    for library in CUDA cuDNN NCCL; do
        grep -q -E "^$library +[0-9.]+, /.*\.so" <<<"$info" || fail "info doesn't say where $library was loaded from"
    done
    grep -q -E '^driver +none$' <<<"$info" || fail "info doesn't say that there is no driver"
fi
expect 2 "^autosampling: $reason.*run.device is cuda" mpi 3 run "$small" --set run.device=cuda --output "$work/run"
expect 2 'transport = nccl can.t be had \(members are trained on CPUs\)' \
    mpi 2 run "$small" --set population.transport=nccl --output "$work/run"
expect 2 'run.precision = fp16 is for GPUs' mpi 2 run "$small" --set run.precision=fp16 --output "$work/run"
[[ ! -e $work/run ]] || fail "a refused run left a folder"
expect 0 'transport mpi \(members are trained on CPUs\)' mpi 2 run "$small" --set training.epochs=1 --output "$work/run"
if [[ $reason == *device* ]]; then
    grep -q 'no CUDA device on .*: rank 0 trains on its CPU (2 of 2 ranks do)' "$work/run/run.log" ||
        fail "nothing is said of the GPU"
fi
