#!/usr/bin/env bash
# The paper's large networks on files in CIFAR-100's format, a few cycles on 2 ranks: a run that stops and goes on, and an
# exact replay, have the bits of the run that does neither; so has a densenet that saves memory.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python

PYTHONPATH=$root/tests/analysis "$python" -c '
import sys
from pathlib import Path
from cifar_files import write_cifar
write_cifar(Path(sys.argv[1]), ["train.bin", "test.bin"], label_bytes=2, each=100)' "$work/data"

for network in resnet50 densenet121; do
    whole="$work/$network"
    stopped="$work/$network stopped"
    options=("$root/jobs/configs/cifar100-$network-paper.toml" --set "data.path=$work/data" --set data.reward_images=20
        --set training.epochs=0.6 --set training.batch_size=8 --set population.members=2 --set population.cycle_batches=2
        --set exploration.first_epoch=0 --set exploration.interval_epochs=0 --set exploration.interval_cycles=1
        --set exploration.mixing=draws)
    expect 0 'finished: the record is' mpi 2 run "${options[@]}" --output "$whole"
    expect 85 'stopped after 1 of 3 cycles' mpi 2 run "${options[@]}" --output "$stopped" --set run.walltime=0.001
    if [[ $network == densenet121 ]]; then options+=(--set model.save_memory=true); fi
    expect 0 'finished: the record is' mpi 2 run "${options[@]}" --output "$stopped" --resume
    same "$whole" "$stopped"
    expect 0 'the replay is exact' mpi 1 replay "$whole" --exact --output "$whole again"
done
