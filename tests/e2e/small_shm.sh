#!/usr/bin/env bash
# A container's small /dev/shm, one that is full and one that can't be written: the data set lies elsewhere, the result
# is the same, and it is said.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
if ! unshare -m mount -t tmpfs tmpfs /dev/shm 2>/dev/null; then
    say "skipped: no other /dev/shm can be mounted here"
    exit 77
fi
data=(--set data.synthetic_images=40000 --set data.synthetic_size=28 --set training.epochs=0.02) # 38 MB

# within SIZE COMMAND...: with such a /dev/shm.
within() {
    local size=$1
    shift
    # shellcheck disable=SC2016 # the inner shell's arguments
    unshare -m bash -c 'mount -t tmpfs -o "size=$0" tmpfs /dev/shm && "$@"' "$size" "$@"
}

train 2 "$work/plain" "${data[@]}"
for size in 1m 4m 32m; do
    within "$size" "${mpirun[@]}" -n 2 "$program" run "$small" --output "$work/run.$size" "${data[@]}" >"$work/$size.log" 2>&1 ||
        fail "exit code $? with a /dev/shm of $size"
    grep -q "warning: no room for 38 MB .*/dev/shm: [0-9]* MB free.*a mapped file in" "$work/$size.log" ||
        fail "nothing is said of a /dev/shm of $size"
    same "$work/plain" "$work/run.$size"
done
mkdir "$work/full" # a folder of temporary files with room for MPI alone, too: a copy a rank
# shellcheck disable=SC2016 # the inner shell's arguments
within 4m timeout 120 bash -c 'mount -t tmpfs -o size=24m tmpfs "$0" && TMPDIR=$0 "$@"' "$work/full" \
    "${mpirun[@]}" -n 2 "$program" run "$small" --output "$work/copies" "${data[@]}" >"$work/copies.log" 2>&1 ||
    fail "exit code $? with a full TMPDIR"
grep -q "warning: no room for 38 MB .*each rank has a copy" "$work/copies.log" || fail "nothing is said of the copies"
same "$work/plain" "$work/copies"
