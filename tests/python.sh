#!/usr/bin/env bash
# Checks the Python package and its tests: format and rules by ruff, the package's types by mypy; --fix formats them.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
bin=$PWD/.venv/bin
if [[ ! -x $bin/ruff || ! -x $bin/mypy ]]; then
    printf '%s has no ruff or mypy: jobs/setup.sh --tests installs them\n' "$bin"
    exit 1
fi
files=(analysis/src analysis/examples tests/analysis tests/bench tests/gpu jobs)
options=(--no-cache --quiet --config analysis/pyproject.toml)
if [[ ${1-} == --fix ]]; then
    "$bin/ruff" check "${options[@]}" --fix "${files[@]}"
    exec "$bin/ruff" format "${options[@]}" "${files[@]}"
fi
"$bin/ruff" check "${options[@]}" "${files[@]}"
"$bin/ruff" format "${options[@]}" --check "${files[@]}"
cd analysis
exec "$bin/mypy" --cache-dir=/dev/null
