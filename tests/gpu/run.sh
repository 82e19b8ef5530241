#!/usr/bin/env bash
# What only a machine with a GPU can show, of a program that was built for it (AUTOSAMPLING_CUDA): its versions; the tests
# of training on a GPU; which way states travel and batches are made; a run that is stopped and resumed, and an exact
# replay, both with run.deterministic; the time of a batch in each precision. Without a GPU it is skipped, and on the
# machines where this program was tested it was.
#
#   run.sh PROGRAM
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../e2e/lib.sh"
info=$("$program" info)
if ! grep -q -E '^device +auto is cuda' <<<"$info"; then
    say "skipped: there is no GPU that the program can use"
    exit 77
fi
need_python
say "$info"
"${program%/src/*}/tests/test_training" --gtest_filter='Gpu.*' || fail "training on the GPU is not the CPU's"

small_network=(--set model.name=convnet --set data.synthetic_size=16 --set run.device=cuda)
expect 0 'transport (nccl|mpi-staged) \(' mpi 1 run "$small" "${small_network[@]}" --output "$work/one"
grep -q 'batches     resident (' "$work/one/run.log" || fail "a small data set is not on the GPU"
expect 0 'transport mpi-staged \(ranks 0 and 1 share the GPU' \
    env CUDA_VISIBLE_DEVICES=0 "${mpirun[@]}" -n 2 "$program" run "$small" "${small_network[@]}" --output "$work/two"

certain=("${small_network[@]}" --set run.deterministic=true)
train 1 "$work/whole" "${certain[@]}"
expect 85 'stopped after' mpi 1 run "$small" "${certain[@]}" --set run.walltime=0.001 --output "$work/cut"
train 1 "$work/cut" "${certain[@]}" --resume
same "$work/whole" "$work/cut"
expect 0 'the replay is exact' mpi 1 replay "$work/whole" --exact --output "$work/exact"

for precision in fp32 bf16 fp16; do
    "$program" check "$small" --measure --set run.device=cuda --set run.precision="$precision" --set model.name=resnet18 \
        --set data.synthetic_size=32 --set data.synthetic_channels=3 --set training.batch_size=128 \
        --set data.synthetic_images=3000 |
        sed -n "s/^time  */resnet18, $precision: /p"
done
