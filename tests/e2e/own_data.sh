#!/usr/bin/env bash
# The user's own data: arrays of classes and of real numbers, and photographs that are packed first. They train, learn,
# resume and are reported on; bad files are refused.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python

"$python" - "$work" <<'PYTHON'
import sys
import h5py, numpy as np
g = np.random.default_rng(0)
x, w = g.normal(size=(2000, 4, 4)).astype("f4"), g.normal(size=(16, 5))
with h5py.File(sys.argv[1] + "/classes.h5", "w") as file:
    file.create_dataset("x", data=x, chunks=(100, 4, 4), compression="gzip")
    file["y"] = (x.reshape(2000, 16) @ w).argmax(1)
with h5py.File(sys.argv[1] + "/numbers.h5", "w") as file:
    file["x"], file["y"] = 1000 + 7 * x, (x.reshape(2000, 16) @ w[:, :2]).astype("f4")
PYTHON
arrays() { printf '%s\n' --set data.name=arrays --set "data.path=$work/$1.h5" --set data.reward_images=200; }
mapfile -t classes < <(arrays classes)
mapfile -t numbers < <(arrays numbers)
numbers+=(--set data.standardise=true)

longer=(--set training.epochs=20 --set training.schedule=constant)
train 2 "$work/classes" "${classes[@]}" "${longer[@]}"
train 2 "$work/numbers" "${numbers[@]}" "${longer[@]}"
"$python" - "$work" <<'PYTHON' || fail "the arrays weren't learned, or are recorded wrongly"
import json, sys
import h5py, numpy as np
with h5py.File(sys.argv[1] + "/classes/run.h5") as run:
    assert run["test_accuracy"][-1] > 0.8, run["test_accuracy"][...]
with h5py.File(sys.argv[1] + "/numbers/run.h5") as run:
    assert np.isnan(run["test_accuracy"][...]).all()
    loss = run["test_loss"][...]
    assert loss[-1] < 0.1 * h5py.File(sys.argv[1] + "/numbers.h5")["y"][...].var(), loss
    assert np.array_equal(run["reward"][...], -run["reward_loss"][...])
summary = json.load(open(sys.argv[1] + "/numbers/summary.json"))
assert summary["test_accuracy"] is None and summary["test_loss"] == loss[-1], summary
PYTHON
grep -q 'test loss of the winner' "$work/numbers/run.log" || fail "the log says nothing of the loss"

# Columns of one's own: a policy goes by them. The recorded run knows them when their file is gone.
"$python" - "$work" <<'PYTHON'
import sys
import h5py, numpy as np
with h5py.File(sys.argv[1] + "/columns.h5", "w") as file:
    file["signals/source"] = ["web", "book"] * 1000
    file["signals/length"] = np.arange(2000) / 7
    file["signals/gap"] = np.where(np.arange(2000) == 1234, np.nan, 0)
PYTHON
columns=(--set exploration.kind=policy --set exploration.interval_cycles=0 --set "data.signals=$work/columns.h5")
by_columns=("${columns[@]}" --set 'exploration.signals=["loss", "column:source", "column:length"]')
expect 0 'policy +5 weights: loss\.rank, loss\.extremes, column:source=book, column:source=web, column:length$' \
    "$program" check "$small" "${classes[@]}" "${by_columns[@]}"
expect 0 '^reads .*/columns\.h5$' "$program" check "$small" "${classes[@]}" "${by_columns[@]}"
train 2 "$work/columns" "${classes[@]}" "${by_columns[@]}"
expect 0 'finished: the record is' mpi 1 replay "$work/columns" --policy --output "$work/columns replayed"
for gap in gap lengths; do
    expect 3 "signals/$gap" mpi 2 run "$small" --output "$work/bad" "${classes[@]}" "${columns[@]}" \
        --set "exploration.signals=[\"column:$gap\"]"
done
rm "$work/columns.h5"
expect 0 'history\.h5' "$program" history "$work/columns"
expect 3 'columns\.h5: no such file \(data\.signals\)' mpi 1 replay "$work/columns" --policy --output "$work/bad"

# A policy goes on to other data, which have a normalisation and a reward set of their own.
"$python" -c 'import sys, h5py; print(*h5py.File(sys.argv[1])["split/reward"], sep="\n")' "$work/classes/run.h5" \
    >"$work/rows.txt" # none that is tested
train 2 "$work/rows" --set data.name=arrays --set "data.path=$work/classes.h5" --set "data.reward_rows=$work/rows.txt" \
    --set data.standardise=true --set data.reward_images=0 --set exploration.kind=policy --set 'exploration.signals=["loss"]'
other=(--set data.name=mnist --set "data.path=$root/tests/data/mnist-10k" --set training.epochs=1)
expect 0 'finished: the record is' mpi 1 replay "$work/rows" --policy "${other[@]}" --output "$work/rows replayed"
grep -q '^standardise = false' "$work/rows replayed/config.toml" || fail "the arrays' normalisation went on to others"
grep -q '^reward_rows = ""' "$work/rows replayed/config.toml" || fail "the arrays' reward set went on to others"
grep -q '^reward_images = 800$' "$work/rows replayed/config.toml" || fail "the arrays' number of reward examples went on to others"
# What is set stays, also where it is what the run had.
train 2 "$work/digits" "${other[@]:0:4}" --set training.epochs=0.1 --set data.reward_images=300 --set 'data.mean=[0]' \
    --set 'data.std=[1]' --set exploration.kind=policy --set 'exploration.signals=["loss"]'
expect 0 'finished: the record is' mpi 1 replay "$work/digits" --policy --set data.name=synthetic --set data.synthetic_images=2000 \
    --set data.reward_images=300 --set 'data.mean=[0]' --set 'data.std=[1]' --set "run.output=$work/digits replayed"
for option in 'reward_images = 300' 'mean = \[0' 'std = \[1'; do
    grep -q "^$option" "$work/digits replayed/config.toml" || fail "of the replay's own options this is lost: $option"
done

"$python" "$root/jobs/mixture.py" "$work/mixture.h5"
(cd -- "$work" && expect 0 'column:source=forms, column:source=scans, column:source=web$' "$program" check "$root/jobs/configs/mixture.toml")

# What HDF5 can't read is said, and so is one row of 2000 that is spoilt.
"$python" - "$work" <<'PYTHON'
import sys
import h5py, numpy as np
with h5py.File(sys.argv[1] + "/lzf.h5", "w") as file:
    file.create_dataset("x", data=np.ones((2000, 3), "f4"), chunks=(100, 3), compression="lzf")
    file["y"] = np.arange(2000) % 4
PYTHON
mapfile -t lzf < <(arrays lzf)
expect 3 'x was written with lzf, which this HDF5 can.t read' "$program" check "$small" "${lzf[@]}"
"$python" -c 'import sys, h5py; h5py.File(sys.argv[1], "a")["x"][1234, 1, 2] = float("nan")' "$work/classes.h5"
expect 3 'x has the value nan in row 1234' mpi 2 run "$small" --output "$work/bad" "${classes[@]}"
expect 2 'label noise and imbalance are for classes' mpi 2 run "$small" --output "$work/bad" "${numbers[@]}" --set data.label_noise=0.1

if "$python" -c 'import PIL' 2>/dev/null; then
    "$python" - "$work/tree" <<'PYTHON'
import sys
from pathlib import Path
import numpy as np
from PIL import Image
g = np.random.default_rng(0)
for label, colour in enumerate([(200, 40, 40), (40, 200, 40), (40, 40, 200)]):
    folder = Path(sys.argv[1]) / f"class {label + 8}"
    folder.mkdir(parents=True)
    for number in range(40):
        pixels = np.clip(g.normal(colour, 40, size=(g.integers(40, 60), g.integers(40, 60), 3)), 0, 255)
        Image.fromarray(pixels.astype("u1")).save(folder / f"{number}.JPEG")
PYTHON
    expect 0 'packed\.h5: 120 images of 3 classes' "$program" pack "$work/tree" "$work/packed.h5"
    photographs=(--set data.name=packed --set "data.path=$work/packed.h5" --set data.image_size=16 --set data.reward_images=20
        --set data.augmentation=resized-crop --set data.decode_threads=2 --set model.name=convnet)
    photographs+=(--set training.schedule=constant)
    train 2 "$work/whole" "${photographs[@]}" --set training.epochs=8
    train 1 "$work/parts" "${photographs[@]}" --set training.epochs=3
    train 2 "$work/parts" "${photographs[@]}" --set training.epochs=8 --resume
    same "$work/whole" "$work/parts"
    "$python" -c 'import sys, h5py; assert h5py.File(sys.argv[1])["test_accuracy"][-1] > 0.9' "$work/whole/run.h5" ||
        fail "three colours weren't learned"
    echo 'no picture' >"$work/tree/class 9/text.JPEG"
    expect 3 'text\.JPEG: neither JPEG nor PNG' "$program" pack "$work/tree" "$work/again.h5"
    [[ ! -e $work/again.h5 && ! -e $work/again.h5.tmp ]] || fail "a pack that was refused left a file"
    expect 0 '120 images of 3 classes, .*, 1 left out' "$program" pack "$work/tree" "$work/again.h5" --skip-unreadable
fi
