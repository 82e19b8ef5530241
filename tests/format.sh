#!/usr/bin/env bash
# Checks that the sources are formatted as .clang-format says; --fix formats them.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

version=14 # others format a few things otherwise
for formatter in .venv/bin/clang-format "clang-format-$version" clang-format; do
    if [[ $("$formatter" --version 2>/dev/null) == *"version $version."* ]]; then
        mapfile -t files < <(find include src tests -name '*.hpp' -o -name '*.cpp')
        if [[ ${1-} == --fix ]]; then exec "$formatter" -i "${files[@]}"; fi
        exec "$formatter" --dry-run --Werror "${files[@]}"
    fi
done
printf 'clang-format %s is not there: jobs/setup.sh --tests installs it\n' "$version"
exit 1
