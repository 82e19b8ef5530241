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
# What was found clean stays so while it, the headers that it includes from this folder and the checks are as they were.
{ ninja -C "$build" -t deps 2>/dev/null || true; } | awk -v root="$PWD/" '
    /^[^ ]/ { source = ""; next }
    { sub(/^ +/, ""); if (source == "") source = $0; if (index($0, root) == 1) print source "\t" $0 }' >"$commands/own"
mkdir -p "$build/tidy"
# stamp_of FILE: the name of what says that it is clean.
stamp_of() {
    local own
    own=$(awk -F '\t' -v source="$PWD/$1" '$1 == source { print $2 }' "$commands/own" | sort -u)
    if [[ $own ]]; then
        printf '%s/%s' "$build/tidy" "$({ cat .clang-tidy && tr '\n' '\0' <<<"$own" | xargs -0 cat; } | sha256sum | cut -c 1-32)"
    else
        printf '%s/unknown' "$commands"
    fi
}
# shellcheck disable=SC2016 # the inner shell's
find "${@/#/src/}" -name '*.cpp' | while IFS= read -r file; do
    grep -q -F "/$file\"" "$commands/compile_commands.json" || continue # of another build
    stamp=$(stamp_of "$file")
    [[ -e $stamp ]] || printf '%s\0' "$stamp" "$file"
done | xargs -0 -r -n 2 -P 2 bash -c '"$0" -p "$1" --quiet "$3" 2>/dev/null && : >"$2"' "$tidy" "$commands"
