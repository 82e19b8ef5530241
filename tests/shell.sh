#!/usr/bin/env bash
# Checks all shell scripts with shellcheck: errors and warnings, not remarks.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

version=0.11 # others have other checks
for checker in .venv/bin/shellcheck shellcheck; do
    if [[ $("$checker" --version 2>/dev/null) == *"version: $version."* ]]; then
        mapfile -t files < <(find jobs tests -name '*.sh')
        exec "$checker" --external-sources --severity=warning "${files[@]}"
    fi
done
printf 'shellcheck %s is not there: jobs/setup.sh --tests installs it\n' "$version"
exit 1
