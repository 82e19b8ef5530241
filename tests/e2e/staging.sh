#!/usr/bin/env bash
# Data that are copied to a disk of the node's own: the same run, copies that are kept, taken again, and made again where
# they don't hold; a full disk is told in one message.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python PIL

"$python" - "$work/tree" <<'PYTHON'
import sys
from pathlib import Path
import numpy as np
from PIL import Image
g = np.random.default_rng(0)
for label in "ab":
    (Path(sys.argv[1]) / label).mkdir(parents=True)
    for number in range(60):
        Image.fromarray(g.integers(0, 256, (40, 40, 3), "u1")).save(f"{sys.argv[1]}/{label}/{number}.png")
PYTHON
"$program" pack "$work/tree" "$work/packed.h5" >"$work/pack.log"
photographs=(--set data.name=packed --set "data.path=$work/packed.h5" --set data.image_size=16 --set data.reward_images=20
    --set training.epochs=2)
staged=(--set "data.stage=$work/local disk")
copies() { find "$work/local disk" -name packed.h5; }

train 2 "$work/plain" "${photographs[@]}"
train 2 "$work/staged" "${photographs[@]}" "${staged[@]}"
same "$work/plain" "$work/staged"
grep -q 'staging in .*: 6[0-9][0-9].[0-9] kB copied, 0.0 kB there already' "$work/staged.log" || fail "nothing is said of the copy"
[[ ! $(ls -A "$work/local disk") ]] || fail "copies are left"

staged+=(--set data.keep_staged=true)
train 2 "$work/kept" "${photographs[@]}" "${staged[@]}"
[[ $(copies) ]] || fail "the copy isn't kept"
train 2 "$work/again" "${photographs[@]}" "${staged[@]}"
grep -q '0.0 kB copied' "$work/again.log" || fail "the copy isn't taken again"
printf x | dd of="$(copies)" bs=1 seek=5000 conv=notrunc status=none
train 2 "$work/mended" "${photographs[@]}" "${staged[@]}"
same "$work/plain" "$work/mended"

expect 1 'staging|data\.stage' mpi 2 run "$small" --output "$work/bad" "${photographs[@]}" --set data.stage=/dev/null/there
mkdir "$work/full"
if unshare -m mount -t tmpfs tmpfs "$work/full" 2>/dev/null; then
    # shellcheck disable=SC2016 # the inner shell's arguments
    expect 1 'full: no room for copies of the data .6[0-9]{5} bytes wanted, [0-9]+ free' unshare -m bash -c \
        'mount -t tmpfs -o size=200k tmpfs "$0" && "$@"' "$work/full" "${mpirun[@]}" -n 2 "$program" run "$small" \
        --output "$work/bad" "${photographs[@]}" --set "data.stage=$work/full"
fi
[[ ! -e $work/bad ]] || fail "a run that could not begin left a directory"
