#!/usr/bin/env bash
# tests/tidy.sh BUILD LAYER...: clang-tidy, with the checks of .clang-tidy, over the sources of those layers; BUILD is the
# folder they were built in. Exits with 77 where there is no clang-tidy 14 (others have other checks).
set -euo pipefail
build=$(cd -- "$1" && pwd)
shift
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

version=14
tidy=
for candidate in "clang-tidy-$version" clang-tidy; do
    if [[ $("$candidate" --version 2>/dev/null) == *"version $version."* ]]; then
        tidy=$candidate
        break
    fi
done
if [[ ! $tidy ]]; then
    printf 'clang-tidy %s is not there: apt-get install clang-tidy-%s\n' "$version" "$version"
    exit 77
fi

# The compilers' commands without the precompiled header, which is GCC's.
commands=$(mktemp -d)
trap 'rm -rf "$commands"' EXIT
sed -E 's/-include (\\"[^"]*"|[^ ]+)//; s/-fpch-preprocess|-Winvalid-pch//g' "$build/compile_commands.json" \
    >"$commands/compile_commands.json"
find "${@/#/src/}" -name '*.cpp' | while IFS= read -r file; do
    if grep -q -F "/$file\"" "$commands/compile_commands.json"; then printf '%s\0' "$file"; fi # of this build
done | xargs -0 -n 2 -P 2 "$tidy" -p "$commands" --quiet 2>/dev/null
