#!/usr/bin/env bash
# tests/analysis/run.sh BUILD: the tests of the Python package that need no PyTorch, with the environment that tests/run.sh
# made and the program of a build folder. Exit code 77 where there is no such environment.
set -euo pipefail
build=$(realpath -- "$1")
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
python=.venv/bin/python3
if ! "$python" -c 'import autosampling, pytest' 2>/dev/null; then
    printf 'skipped: %s has no pytest or not the package: tests/run.sh installs them\n' "$python"
    exit 77
fi
AUTOSAMPLING_BUILD=$build exec "$python" -m pytest -q -p no:cacheprovider tests/analysis/test_analysis_*.py
