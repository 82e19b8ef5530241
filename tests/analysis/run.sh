#!/usr/bin/env bash
# tests/analysis/run.sh: the tests of the Python package that need no PyTorch, with the environment that tests/run.sh made.
# Exit code 77 where that has no pytest.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
python=.venv/bin/python3
if ! "$python" -c 'import autosampling, pytest' 2>/dev/null; then
    printf 'skipped: %s has no pytest or not the package: tests/run.sh installs them\n' "$python"
    exit 77
fi
exec "$python" -m pytest -q -p no:cacheprovider tests/analysis/test_analysis_run.py \
    tests/analysis/test_analysis_measures.py tests/analysis/test_analysis_command.py
