#!/usr/bin/env bash
# The program beside its peers: builds it in release, prepares the peers in an environment of their own, measures both in
# turns, and prints a table; build/bench/results.json has the same. From anywhere:
#
#   bash tests/bench/run.sh [NAME]...    the rows whose names begin so (training.resnet8, exchange, ...), or all
#   bash tests/bench/run.sh --quick      one short pair of what starts quickly: to see that it works
#
# PAIRS=n: so many pairs instead of 7. BUILD=DIR: measures what is built there. PEERS=PYTHON: one that has PyTorch,
# torchvision and h5py, instead of build/bridge-venv, which is made where it isn't there (5 GB). A figure means something
# on a machine that does nothing else. The exit code is 1 where something couldn't be compared, whatever the figures.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
source jobs/setup.sh

# prepare_peers: sets python to one that sees the packages of PEERS or build/bridge-venv, and has mpi4py.
prepare_peers() {
    local base=${PEERS:-build/bridge-venv/bin/python3} packages
    python=build/bench/venv/bin/python3
    [[ ${PEERS:-} ]] || set_up_bridge
    "$base" -c 'import h5py, torch, torchvision' || fail "$base has no h5py, torch or torchvision: see above"
    [[ -x $python ]] || "$base" -m venv build/bench/venv
    packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    "$base" -c 'import h5py, torch; print(*{m.__path__[0].rpartition("/")[0] for m in (h5py, torch)}, sep="\n")' \
        >"$packages/peers.pth"
    if ! "$python" -c 'import mpi4py.MPI' 2>/dev/null; then
        "$python" -m pip install --quiet --disable-pip-version-check --no-deps mpi4py ||
            fail "pip can't install mpi4py: see its message above"
    fi
    if ! "$python" -c 'import ray.tune' 2>/dev/null; then
        "$python" -m pip install --quiet --disable-pip-version-check 'ray[tune]==2.60.0' ||
            say "pip can't install Ray Tune, so its row is left out: see pip's message above"
    fi
}

said=$("$(system_python)" tests/bench/bench.py --check "$@") # a mistake ends it before anything is built
if [[ $said ]]; then # --help
    say "$said"
    exit
fi
if [[ ! ${BUILD:-} ]]; then
    set_up
    build bench all
fi
mkdir -p build/bench
prepare_peers
mpi_environment
MPIRUN=${mpirun[*]} exec "$python" tests/bench/bench.py "$@"
