#!/usr/bin/env bash
# jobs/get-data.sh without a network: files that are there, damaged ones, downloads that fail or bring something else.
set -euo pipefail

script=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../jobs" && pwd)/get-data.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/get data.XXXXXX") # with a space
trap 'rm -rf "$work"' EXIT
failures=0

# A curl that serves $work/served, or fails as without a network where there is no such file; it notes each call.
mkdir "$work/bin"
cat >"$work/bin/curl" <<'CURL'
#!/usr/bin/env bash
printf '%s\n' "$*" >>"$WORK/calls"
while [[ $1 != --output ]]; do shift; done
cp "$WORK/served" "$2" 2>/dev/null || exit 6
CURL
chmod +x "$work/bin/curl"
export WORK=$work PATH=$work/bin:$PATH

# expect WHAT STATUS TEXT DOWNLOADS ARGUMENT...: the script ends so, says so, and starts so many downloads.
expect() {
    local what=$1 status=$2 said=$3 downloads=$4 found=0
    shift 4
    : >"$work/calls"
    bash "$script" "$@" >"$work/output" 2>&1 || found=$?
    if [[ $found == "$status" && $(<"$work/output") == *"$said"* && $(wc -l <"$work/calls") == "$downloads" ]]; then
        printf 'ok: %s\n' "$what"
    else
        printf 'FAILED: %s: status %s (expected %s), %s downloads (expected %s), output (expected "%s"):\n' \
            "$what" "$found" "$status" "$(wc -l <"$work/calls")" "$downloads" "$said"
        cat "$work/output"
        failures=$((failures + 1))
    fi
}

expect_none_left() { # FOLDER
    if find "$1" -name '*.part' -o -name 'unpack.*' | grep -q .; then
        printf 'FAILED: something half done is left in %s\n' "$1"
        failures=$((failures + 1))
    fi
}

# Files of CIFAR-100's sizes; sparse, so that they take no room.
make_cifar100() { # FOLDER
    mkdir -p "$1"
    truncate -s 153700000 "$1/train.bin"
    truncate -s 30740000 "$1/test.bin"
}

expect 'no name is a usage error' 2 'usage:' 0
expect 'a wrong name is a usage error' 2 'usage:' 0 imagenet "$work/x"
expect 'help' 0 'FOLDER' 0 --help

for name in cifar10 cifar100 mnist; do
    expect "$name without a network" 1 'by hand' 1 "$name" "$work/none $name"
    expect_none_left "$work/none $name"
done

echo 'not a data set' >"$work/served"
for name in cifar10 cifar100 mnist; do
    expect "$name with a wrong sum is not kept" 1 'MD5 sum' 1 "$name" "$work/wrong $name"
    expect_none_left "$work/wrong $name"
    [[ -z $(find "$work/wrong $name" -type f) ]] || { echo "FAILED: kept a wrong file"; failures=$((failures + 1)); }
done

mkdir -p "$work/damaged"
echo damaged >"$work/damaged/cifar-10-binary.tar.gz"
expect 'a damaged archive is refused, not replaced' 1 'remove it' 0 cifar10 "$work/damaged"
echo damaged >"$work/damaged/train-images-idx3-ubyte.gz"
expect 'a damaged file is refused, not replaced' 1 'remove it' 0 mnist "$work/damaged"

make_cifar100 "$work/flat"
expect 'unpacked files are used' 0 'ready' 0 cifar100 "$work/flat"
make_cifar100 "$work/deep/cifar-100-binary"
expect 'unpacked files in the sub-folder are used' 0 'ready' 0 cifar100 "$work/deep"
expect 'twice in a row' 0 'already there' 0 cifar100 "$work/deep"
rm "$work/flat/test.bin"
expect 'a missing file is named' 1 'lacks test.bin' 0 cifar100 "$work/flat"
truncate -s 5 "$work/flat/test.bin"
expect 'a short file is named' 1 'test.bin has another size' 0 cifar100 "$work/flat"
mkdir "$work/ten"
for file in data_batch_{1..5} test_batch; do truncate -s 30730000 "$work/ten/$file.bin"; done
expect 'CIFAR-10 of the right size and the wrong sum' 1 'data_batch_1.bin has another MD5 sum' 0 cifar10 "$work/ten"

# From here on md5sum is ours, too, since no archive made here has the true sum.
cat >"$work/bin/md5sum" <<'SUM'
#!/usr/bin/env bash
cat >/dev/null
echo "03b5dce01913d631647c71ecec9e9cb8  -"
SUM
chmod +x "$work/bin/md5sum"
make_cifar100 "$work/source/cifar-100-binary"
tar -cf - -C "$work/source" cifar-100-binary | gzip -1 >"$work/served"
expect 'an archive is downloaded and unpacked' 0 'unpacking' 1 cifar100 "$work/fetched"
expect_none_left "$work/fetched"
expect 'and used from then on' 0 'already there' 0 cifar100 "$work/fetched"
rm -r "$work/fetched/cifar-100-binary"
expect 'an archive that is there is unpacked' 0 'unpacking' 0 cifar100 "$work/fetched"
tar -czf "$work/fetched/cifar-100-binary.tar.gz" -C "$work/bin" curl
rm -r "$work/fetched/cifar-100-binary"
expect 'an archive of something else is refused' 1 'holds no folder' 0 cifar100 "$work/fetched"
expect_none_left "$work/fetched"

((failures == 0)) || { printf '%d failed\n' "$failures"; exit 1; }
echo 'all passed'
