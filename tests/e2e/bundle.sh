#!/usr/bin/env bash
# The archive of tests/gpu/bundle.sh, in a root with Python, PyTorch and the basic programs and nothing else: a search
# on two ranks of a CPU has the ordinary one's record.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
skip() {
    say "skipped: $*"
    exit 77
}
torch=$(ldd "$program" | awk '$1 == "libtorch_cpu.so" { print $3 }')
torch=$(realpath -- "${torch%/*}/..")
[[ -f $torch/version.py ]] || skip "$torch is not Python's"
"${mpirun[0]}" --version | grep -q -E '(Open MPI|OpenRTE)\) 4\.' || skip "the launcher isn't Open MPI 4's"
unshare=(unshare --mount)
if [[ $(id -u) != 0 ]]; then unshare+=(--map-root-user); fi
"${unshare[@]}" chroot / true 2>/dev/null || skip "no other root can be had (unshare, chroot)"

bash "$root/tests/gpu/bundle.sh" "$program" "$work/bundle.tar.xz"
(($(stat -c %s -- "$work/bundle.tar.xz") < 40000000)) || fail "the bundle is 40 MB or larger"

bare=$work/bare
python3=$(system_python)
standard=$("$python3" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
mkdir -p "$bare"/{dev,proc,tmp,usr/bin,packages/torch,packages/nvidia} "$bare$standard"
tar -C "$bare" -xf "$work/bundle.tar.xz"
programs=()
for name in bash env dirname basename realpath mkdir mktemp rm cat cp id sed grep awk tail sleep timeout; do
    file=$(realpath -- "$(command -v "$name")")
    cp "$file" "$bare/usr/bin/$name"
    programs+=("$file")
done
file=$("$python3" -c 'import os, sys; print(os.path.realpath(sys.executable))')
cp "$file" "$bare/usr/bin/python3"
mapfile -t libraries < <({
    ldd "${programs[@]}" "$file" | grep -o '/[^ :]*\.so[^ :]*'
    ldd "$program" | grep -o '/[^ ]*/lib\(stdc++\|gcc_s\|dl\|rt\|pthread\|util\|resolv\|m\)\.so[^ ]*'
} | sort -u)
cp -L --parents "${libraries[@]}" "$bare"

# in_bare COMMAND...: it, there.
in_bare() {
    # shellcheck disable=SC2016 # it expands the arguments
    "${unshare[@]}" bash -c 'cd -- "$1"
        for place in torch nvidia; do mount -o bind,ro "$2/../$place" "packages/$place"; done
        mount -o bind,ro "$3" ".$3"
        mount --rbind /dev dev && mount --rbind /proc proc
        exec chroot . /usr/bin/env -i "${@:4}"' in_bare "$bare" "$torch" "$standard" \
        PATH=/autosampling/bin:/usr/bin PYTHONPATH=/packages HOME=/tmp OMP_NUM_THREADS=1 "ASAN_OPTIONS=$ASAN_OPTIONS" "$@"
}

# The place of a library may differ.
info() { "$@" info | sed 's|, /.*||'; }
there=$(info in_bare autosampling) || fail "the program doesn't start there"
[[ $there == "$(info "$program")" ]] || fail "it is another program than the one that was built"
train 2 "$work/run"
in_bare mpirun --oversubscribe --bind-to none -n 2 autosampling run /autosampling/tests/e2e/small.toml --output /run \
    >"$work/bare.log" 2>&1 || fail "exit code $? of the search there"
same "$work/run" "$bare/run"
expect 77 'skipped: there is no GPU' in_bare bash /autosampling/tests/gpu/run.sh /autosampling/bin/autosampling
