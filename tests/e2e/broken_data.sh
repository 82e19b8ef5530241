#!/usr/bin/env bash
# Data that are broken: exit code 3, with the file and the place, before anything is written, and soon.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python PIL

"$python" - "$work" <<'PYTHON'
import sys
from pathlib import Path
import h5py, numpy as np
from PIL import Image
work = Path(sys.argv[1])
g = np.random.default_rng(0)
for label in "ab":
    (work / "tree" / label).mkdir(parents=True)
    for number in range(20):
        Image.fromarray(g.integers(0, 256, (40, 40, 3), "u1")).save(work / f"tree/{label}/{number}.JPEG")
with h5py.File(work / "arrays.h5", "w") as file:
    file.create_dataset("x", data=g.normal(size=(500, 16)).astype("f4"), chunks=(50, 16), fletcher32=True)
    file["y"] = np.arange(500) % 5
PYTHON
"$program" pack "$work/tree" "$work/packed.h5" >"$work/pack.log"

# refused SAID NAME FILE: `check` and a run refuse the data set NAME in FILE, and say SAID after the file's name.
refused() {
    expect 3 "$(basename -- "$3")$1" timeout 60 "$program" check "${options[@]}" --set "data.name=$2" --set "data.path=$3"
}
options=("$small" --set data.image_size=16 --set data.reward_images=10 --set training.batch_size=2)

cp -r "$work/tree" "$work/spoilt"
mkdir "$work/spoilt/c"
expect 3 'spoilt/c: a class without images' timeout 60 "$program" pack "$work/spoilt" "$work/none.h5"
echo 'no picture' >"$work/spoilt/c/text.JPEG"
expect 3 'spoilt/c/text\.JPEG: neither JPEG nor PNG' timeout 60 "$program" pack "$work/spoilt" "$work/none.h5"
: >"$work/spoilt/c/text.JPEG"
expect 3 'spoilt/c/text\.JPEG: ' timeout 60 "$program" pack "$work/spoilt" "$work/none.h5"
expect 3 'arrays\.h5: cannot be listed' timeout 60 "$program" pack "$work/arrays.h5" "$work/none.h5"
[[ ! -e $work/none.h5 ]] || fail "a pack that was refused left a file"

"$python" -c 'import sys, h5py; f = h5py.File(sys.argv[1], "a"); f["x_test"] = f["x"][:3]; f["y_test"] = [0, 5, 1]' "$work/arrays.h5"
refused ': y_test has the class 5 in row 1' arrays "$work/arrays.h5"
"$python" -c 'import sys, h5py; f = h5py.File(sys.argv[1], "a"); del f["x_test"], f["y_test"]; f["y"][7] = -1' "$work/arrays.h5"
refused ': y has the class -1 in row 7' arrays "$work/arrays.h5"
"$python" -c 'import sys, h5py; h5py.File(sys.argv[1], "a")["y"][7] = 2' "$work/arrays.h5"
for name in arrays packed; do # so it isn't something else that is refused below
    expect 0 'the configuration is good' "$program" check "${options[@]}" --set "data.name=$name" --set "data.path=$work/$name.h5"
done

# flip FILE PLACE: one wrong byte.
flip() { "$python" -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1)[0]; f.seek(-1, 1); f.write(bytes([b ^ 4]))' "$1" "$2"; }
for name in arrays packed; do
    size=$(stat -c %s "$work/$name.h5")
    bad=$work/bad.h5
    cp "$work/$name.h5" "$bad"
    # In the numbers of a chunk with a checksum, which begins after `place` bytes; in the first image.
    place=$("$python" -c '
import sys, h5py
f = h5py.File(sys.argv[1])
print(f["x"].id.get_chunk_info(3).byte_offset + 100 if "x" in f else f["bytes"].id.get_offset() + int(f["begin"][0]) + 100)' "$bad")
    flip "$bad" "$place"
    if [[ $name == arrays ]]; then
        refused ': cannot be read at x from row 0' arrays "$bad"
    else
        refused ': a/0\.JPEG is damaged' packed "$bad"
    fi
    cp "$work/$name.h5" "$bad"
    truncate -s $((size / 2)) "$bad"
    refused ': ' "$name" "$bad"
    : >"$bad"
    refused ': ' "$name" "$bad"
    expect 3 'bad\.h5: ' timeout 60 "${mpirun[@]}" -n 2 "$program" run "${options[@]}" --output "$work/run" --set "data.name=$name" --set "data.path=$bad"
    rm "$bad"
    mkdir "$bad"
    refused ': is no file but a folder' "$name" "$bad"
    rmdir "$bad"
done
[[ ! -e $work/run ]] || fail "a run with broken data left a directory"
