#!/usr/bin/env bash
# Image files of all kinds are decoded and resized as Pillow does: what `pack --raw` has packed is compared with it.
# Damaged files are refused, and a pack that is interrupted leaves nothing.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python PIL

"$python" "$e2e/pictures.py" make "$work/tree"
expect 0 'packed\.h5: [0-9]+ images of 2 classes' "$program" pack --raw "$work/tree" "$work/packed.h5"
"$python" "$e2e/pictures.py" compare "$work/tree" "$work/packed.h5" || fail "pixels are not Pillow's"
expect 0 'packed\.h5: [0-9]+ images of 2 classes' "$program" pack --raw --resize 24 "$work/tree" "$work/packed.h5"
"$python" "$e2e/pictures.py" compare "$work/tree" "$work/packed.h5" 24 || fail "resized pixels are not Pillow's"
expect 0 'packed\.h5: [0-9]+ images of 2 classes' "$program" pack --resize 24 "$work/tree" "$work/packed.h5"
"$python" "$e2e/pictures.py" sizes "$work/packed.h5" 24 || fail "images are not resized"

# Every file cut short by a half, and a JPEG with a warning's worth of damage.
"$python" "$e2e/pictures.py" spoil "$work/tree" "$work/spoilt"
spoilt=$(find "$work/spoilt" -type f | wc -l)
expect 3 "$spoilt images can't be read" "$program" pack "$work/spoilt" "$work/spoilt.h5"
[[ ! -e $work/spoilt.h5 && ! -e $work/spoilt.h5.tmp ]] || fail "a pack that was refused left a file"

"$python" "$e2e/pictures.py" many "$work/many"
"$program" pack "$work/many" "$work/many.h5" --threads 1 >"$work/interrupted.log" 2>&1 &
packing=$!
until [[ -e $work/many.h5.tmp ]]; do
    kill -0 "$packing" || fail "the pack ended before it could be interrupted"
done
kill -INT "$packing"
status=0
wait "$packing" || status=$?
[[ $status == 1 ]] || fail "exit code $status of an interrupted pack"
grep -q 'stopped by a signal' "$work/interrupted.log" || fail "nothing is said of the interruption"
[[ ! -e $work/many.h5 && ! -e $work/many.h5.tmp ]] || fail "an interrupted pack left a file"
