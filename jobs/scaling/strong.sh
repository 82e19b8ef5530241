#!/usr/bin/env bash
# Strong scaling: the same members on more and more ranks, as many as the most ranks or MEMBERS. A cycle that takes half
# as long on twice the ranks would be ideal.
#
#   RANKS="1 2 4 8" jobs/scaling/strong.sh CONFIG DIR [--set section.key=value]...
#
# jobs/scaling/series.sh says the rest.
set -euo pipefail
kind=strong
# shellcheck disable=SC2317 # series.sh calls it
members_on() { printf '%s' "${MEMBERS:-$most}"; }
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=jobs/scaling/series.sh
source "$top/jobs/scaling/series.sh"
