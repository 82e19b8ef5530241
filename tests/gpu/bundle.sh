#!/usr/bin/env bash
# Makes an archive of under 40 MB that brings this program to a machine with Python, PyTorch and its packages of CUDA,
# and nothing else: no MPI, HDF5 or Boost, and no network. From a build with tests and Open MPI 4, on a machine whose
# glibc isn't newer than the other's:
#
#   bash tests/gpu/bundle.sh PROGRAM ARCHIVE.tar.xz
#
# And there, where python3 has the PyTorch of the build's version:
#
#   tar -xf ARCHIVE.tar.xz        or: python3 -m tarfile -e ARCHIVE.tar.xz
#   cd autosampling
#   export PATH=$PWD/bin:$PATH
#   autosampling info
#   mpirun -n 2 autosampling run tests/e2e/small.toml --output /tmp/run
#   bash tests/gpu/run.sh bin/autosampling
set -euo pipefail
if [[ $# != 2 || $2 != *.tar.xz ]]; then
    printf 'usage: bundle.sh PROGRAM ARCHIVE.tar.xz\n' >&2
    exit 2
fi
program=$(realpath -e -- "$1")
build=${program%/src/*}
archive=$(realpath -- "$2")
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
source jobs/setup.sh # say, fail

[[ -f $build/CMakeCache.txt ]] || fail "$program is in no folder of a build: give the one that CMake has made"
launcher=$(sed -n 's/^MPIEXEC_EXECUTABLE:FILEPATH=//p' "$build/CMakeCache.txt")
grep -q -E '(Open MPI|OpenRTE)\) 4\.' <<<"$("$launcher" --version)" ||
    fail "$launcher isn't Open MPI 4's (others aren't known to run from another place): configure with that"
tests=("$build"/tests/test_{comm,training})
if [[ -x $build/tests/bench/member_speed ]]; then tests+=("$build/tests/bench/member_speed"); fi
for file in "${tests[@]}"; do [[ -x $file ]] || fail "$file is missing: build with AUTOSAMPLING_TESTS"; done

work=$(mktemp -d "${TMPDIR:-/tmp}/autosampling bundle.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
bundle=$work/autosampling
mkdir -p "$bundle"/{bin,programs,lib,jobs,tests/bench/peers}
cp jobs/setup.sh "$bundle/jobs"
cp -r tests/gpu "$bundle/tests"
cp --parents tests/e2e/{lib.sh,small.toml,compare_runs.py} "$bundle"
cp tests/bench/peers/network.py "$bundle/tests/bench/peers"
"$program" info | sed -n 's/^LibTorch *//p' >"$bundle/programs/torch-version"

# put FROM TO: a stripped program, and at TO what starts it.
put() {
    strip -o "$bundle/programs/${2##*/}" "$1"
    install -m 755 tests/gpu/start.sh "$bundle/$2"
}
grep -q 'CUDA on' <<<"$("$program" info)" ||
    say "$program is built without CUDA: there it will train on the CPU alone (AUTOSAMPLING_CUDA=ON for GPUs)"
put "$program" bin/autosampling
put "$(realpath -- "$launcher")" bin/mpirun
for file in "${tests[@]}"; do put "$file" "tests/${file##*/}"; done

# Open MPI's plug-ins and words, and those of the PMIx that it starts ranks with, at their places below a prefix.
mpi_path() { "${launcher%/*}/ompi_info" --parsable --path "$1" | cut -d : -f 3; }
prefix=$(mpi_path prefix)
plugins=$(mpi_path pkglibdir)
words=$(mpi_path pkgdatadir)
mkdir -p "$bundle/${plugins#"$prefix"/}" "$bundle/${words#"$prefix"/}"
cp -rL "$plugins/." "$bundle/${plugins#"$prefix"/}"
cp -rL "$words/." "$bundle/${words#"$prefix"/}"
pmix=$(ldd "$plugins"/mca_pmix_*.so | awk '$1 ~ /^libpmix\.so/ { print $3; exit }')
if [[ $pmix ]]; then # else it is Open MPI's own
    pmix=$(dirname -- "$(realpath -- "$pmix")")
    cp -rL "$pmix/pmix" "$bundle/lib"
    mkdir -p "$bundle/share"
    cp -rL "$pmix/../share/pmix" "$bundle/share"
fi

# The libraries that all of this loads, but for glibc's, the compiler's, PyTorch's and CUDA's.
mapfile -t loaders < <(find "$bundle" -name '*.so')
ldd "$program" "${tests[@]}" "$launcher" "${loaders[@]}" | awk '$2 == "=>" { print $1, $3 }' | sort -u |
    while read -r name file; do
        case $name in
        libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libutil.so.* | libresolv.so.*) continue ;;
        libstdc++.so.* | libgcc_s.so.*) continue ;;
        esac
        case $file in
        not) fail "the library $name, which the program or Open MPI loads, isn't found here" ;;
        */torch/lib/* | */nvidia/*) ;;
        *) cp -L "$file" "$bundle/lib/$name" ;;
        esac
    done

tar -C "$work" -cf - autosampling | xz -T 0 -1 >"$archive"
say "$archive: $(($(stat -c %s -- "$archive") / 1000000)) MB"
