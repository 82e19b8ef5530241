#!/usr/bin/env bash
# Replays of a search on real images: exact ones end with its very weights; dynamic and static ones take other options.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python

final_hash() { "$python" -c 'import h5py, sys; print(h5py.File(sys.argv[1] + "/run.h5")["state_hash"][-1])' "$1"; }

for rule in best truncation; do
    searched="$work/$rule"
    mpi 2 run "$root/jobs/configs/quickstart.toml" --output "$searched" --set model.name=mlp --set training.epochs=2 \
        --set data.path="$root/tests/data/mnist-10k" --set population.selection="$rule" >"$searched.log" 2>&1 ||
        fail "exit code $? of the search"
    replayed="$work/$rule exact"
    expect 0 'the replay is exact' mpi 1 replay "$searched" --exact --output "$replayed"
    [[ $(final_hash "$searched") == "$(final_hash "$replayed")" ]] || fail "other weights after an exact replay, $rule"
done

searched="$work/best"
expect 2 '^autosampling: .*exact.*training\.learning_rate' \
    mpi 2 replay "$searched" --exact --set training.learning_rate=0.01 --output "$work/refused"
[[ ! -e $work/refused ]] || fail "a refused replay left a folder"
for option in sampling.rule=infobatch exploration.kind=mixture population.members=2 replay.source=elsewhere; do
    expect 2 "^autosampling: --set can't change ${option%=*} in a replay" \
        mpi 2 replay "$searched" --dynamic --set "$option" --output "$work/refused"
done
expect 2 '^autosampling: --set: section \[replay\] is not for a search' \
    mpi 2 run "$small" --set replay.mode=dynamic --set "replay.source=$searched" --output "$work/refused"
expect 4 '^autosampling: .*run\.h5 is missing' mpi 2 replay "$work" --exact --output "$work/refused"
[[ ! -e $work/refused ]] || fail "a refused replay left a folder"
expect 0 'finished: the record is' \
    mpi 1 replay "$searched" --dynamic --set model.name=convnet --set training.epochs=0.5 --output "$work/dynamic"
expect 0 'finished: the record is' \
    mpi 1 replay "$searched" --static --set training.learning_rate=0.01 --output "$work/static"
