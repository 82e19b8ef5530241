#!/usr/bin/env bash
# Gets a data set that the program reads, checks it, and leaves it in a folder for `data.path`.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: jobs/get-data.sh NAME [FOLDER]

NAME    cifar10, cifar100 or mnist
FOLDER  where the files go (default: data/NAME in the repository)

Files that are already in FOLDER are checked and used; what is missing is downloaded with curl or wget. For a machine
without a network put them there first, under their public names: the archive or its unpacked files (cifar10, cifar100),
the four .gz files (mnist).
USAGE
}

fail() {
    printf 'get-data: %s\n' "$*" >&2
    exit 1
}

md5_of() { md5sum <"$1" | cut -d ' ' -f 1; }

download() { # URL FILE
    if command -v curl >/dev/null; then
        curl --fail --location --retry 3 --connect-timeout 20 --no-progress-meter --output "$2" "$1"
    elif command -v wget >/dev/null; then
        wget --tries=3 --connect-timeout=20 --no-verbose --output-document="$2" "$1"
    else
        printf 'get-data: neither curl nor wget is installed\n' >&2
        return 1
    fi
}

# get URL FILE MD5: leaves FILE with that sum; a download has its name only once it is whole.
get() {
    local url=$1 file=$2 expected=$3 found
    if [[ -f $file ]]; then
        found=$(md5_of "$file")
        [[ $found == "$expected" ]] ||
            fail "$file has the MD5 sum $found, expected $expected (damaged or another file): remove it and start again"
        printf 'already there: %s\n' "$file"
        return
    fi
    printf 'downloading %s\n' "$url"
    if ! download "$url" "$file.part"; then
        rm -f "$file.part"
        fail "$url cannot be downloaded (no network?): put ${file##*/} into $folder by hand and start again"
    fi
    found=$(md5_of "$file.part")
    if [[ $found != "$expected" ]]; then
        rm -f "$file.part"
        fail "$url has the MD5 sum $found, expected $expected (cut short or changed there): start again, or get it elsewhere"
    fi
    mv "$file.part" "$file"
}

# all_there PLACE FILE:BYTES[:MD5]...: true if all of the files are in PLACE, false if none is; fails in between.
all_there() {
    local place=$1 entry name bytes md5 missing=() there=0
    shift
    for entry in "$@"; do
        IFS=: read -r name bytes md5 <<<"$entry"
        if [[ ! -f $place/$name ]]; then
            missing+=("$name")
            continue
        fi
        there=$((there + 1))
        [[ $(stat -L -c %s "$place/$name") == "$bytes" ]] ||
            fail "$place/$name has another size than $bytes bytes (damaged or another file): remove it and start again"
        [[ -z $md5 || $(md5_of "$place/$name") == "$md5" ]] ||
            fail "$place/$name has another MD5 sum than $md5 (damaged or another file): remove it and start again"
    done
    ((there == 0 || ${#missing[@]} == 0)) ||
        fail "$place lacks ${missing[*]} (other files of the data set are there): add them, or remove the others"
    ((there > 0))
}

# get_archive ARCHIVE MD5 SUB_FOLDER FILE:BYTES[:MD5]...
get_archive() {
    local archive=$1 md5=$2 sub_folder=$3 place scratch
    shift 3
    for place in "$folder" "$folder/$sub_folder"; do
        if all_there "$place" "$@"; then
            printf 'already there: %d files in %s\n' $# "$place"
            return
        fi
    done
    get "https://www.cs.toronto.edu/~kriz/$archive" "$folder/$archive" "$md5"
    printf 'unpacking %s\n' "$folder/$archive"
    scratch=$(mktemp -d "$folder/unpack.XXXXXX")
    # shellcheck disable=SC2064 # the name of now
    trap "rm -rf $(printf %q "$scratch")" EXIT
    tar -xzf "$folder/$archive" -C "$scratch"
    all_there "$scratch/$sub_folder" "$@" || fail "$folder/$archive holds no folder $sub_folder with the files expected"
    mkdir -p "$folder/$sub_folder"
    mv "$scratch/$sub_folder"/* "$folder/$sub_folder/"
}

get_mnist() {
    local name md5
    while read -r md5 name; do
        get "https://ossci-datasets.s3.amazonaws.com/mnist/$name" "$folder/$name" "$md5"
    done <<'FILES'
f68b3c2dcbeaaa9fbdd348bbdeb94873 train-images-idx3-ubyte.gz
d53e105ee54ea40749a09fcbcd1e9432 train-labels-idx1-ubyte.gz
9fb629c4189551a2d022fa330f9573f3 t10k-images-idx3-ubyte.gz
ec29112dd5afa0611ce80d1b7f02629c t10k-labels-idx1-ubyte.gz
FILES
}

case ${1-} in
-h | --help)
    usage
    exit 0
    ;;
cifar10) size='162 MiB, 176 MiB more unpacked' ;;
cifar100) size='161 MiB, 176 MiB more unpacked' ;;
mnist) size='11 MiB' ;;
*)
    usage >&2
    exit 2
    ;;
esac
if (($# > 2)); then
    usage >&2
    exit 2
fi
name=$1
repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
folder=${2:-$repository/data/$name}
printf '%s into %s; what is not there yet is downloaded (at most %s)\n' "$name" "$folder" "$size"
mkdir -p -- "$folder"
folder=$(cd -- "$folder" && pwd)

case $name in
cifar10)
    get_archive cifar-10-binary.tar.gz c32a1d4ab5d03f1284b67883e8d87530 cifar-10-batches-bin \
        data_batch_1.bin:30730000:5dd7e06a14cb22eb9f671a540d1b7c25 \
        data_batch_2.bin:30730000:5ea93a67294ea407fff1d09f752e9692 \
        data_batch_3.bin:30730000:942cd6a4bcdd0dd3c604fbe906cb4421 \
        data_batch_4.bin:30730000:ae636b3ba5c66a11e91e8cb52e771fcb \
        data_batch_5.bin:30730000:53f37980c15c3d472c316c40844f3f0d \
        test_batch.bin:30730000:803d5f7f4d78ea53de84dbe85f74fb6d
    ;;
cifar100)
    get_archive cifar-100-binary.tar.gz 03b5dce01913d631647c71ecec9e9cb8 cifar-100-binary \
        train.bin:153700000 test.bin:30740000
    ;;
mnist) get_mnist ;;
esac
printf 'ready: data.name = "%s", data.path = "%s"\n' "$name" "$folder"
