#!/usr/bin/env bash
# Record and weights don't depend on the number of ranks: 8 members on 1, 2, 3, 4 and 8.
#
#   ranks.sh PROGRAM [section.key=value]...
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
settings=(--set population.members=8)
for setting in "${@:2}"; do settings+=(--set "$setting"); done

for ranks in 1 2 3 4 8; do
    train "$ranks" "$work/$ranks" "${settings[@]}"
    same "$work/1" "$work/$ranks"
done
say "ok: 1, 2, 3, 4 and 8 ranks"
