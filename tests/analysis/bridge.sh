#!/usr/bin/env bash
# tests/analysis/bridge.sh BUILD [VENV]: the tests of the bridge to PyTorch, with the programs of a build folder. They need
# the whole of PyTorch, torchvision and PyTorch Lightning, in VENV (default: BUILD/bridge-venv), which is made where it
# is not there: 5 GB. Exit code 77 where they can't be had.
set -euo pipefail
build=$(realpath -- "$1")
venv=${2:-$build/bridge-venv}
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
if ! "$venv/bin/python3" -c 'import autosampling, lightning, pytest, torch, torchvision' 2>/dev/null; then
    printf 'making %s: PyTorch, torchvision, PyTorch Lightning, 5 GB\n' "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python3" -m pip install --quiet --disable-pip-version-check --editable './analysis[test]' \
        torch==2.11.0 torchvision lightning || {
        printf 'skipped: pip cannot install them (see its message above)\n'
        exit 77
    }
fi
AUTOSAMPLING_BUILD=$build exec "$venv/bin/python3" -m pytest -q -rs -p no:cacheprovider tests/analysis/test_bridge_*.py
