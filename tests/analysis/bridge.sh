#!/usr/bin/env bash
# tests/analysis/bridge.sh BUILD [PYTHON]: the tests of the bridge to PyTorch, with the programs of a build folder. They
# need the whole of PyTorch, torchvision and PyTorch Lightning, by default in build/bridge-venv, which `tests/run.sh --all`
# makes. Exit code 77 where they aren't there.
set -euo pipefail
build=$(realpath -- "$1")
python=${2:-build/bridge-venv/bin/python3}
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
if ! "$python" -c 'import autosampling, lightning, pytest, torch, torchvision' 2>/dev/null; then
    printf 'skipped: %s has no PyTorch, torchvision and PyTorch Lightning: tests/run.sh --all installs them\n' "$python"
    exit 77
fi
AUTOSAMPLING_BUILD=$build exec "$python" -m pytest -q -p no:cacheprovider tests/analysis/test_bridge_*.py
