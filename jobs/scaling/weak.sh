#!/usr/bin/env bash
# Weak scaling: a member a rank, on more and more ranks. A cycle that takes as long on many as on few would be ideal.
#
#   RANKS="1 2 4 8" jobs/scaling/weak.sh CONFIG DIR [--set section.key=value]...
#
# jobs/scaling/series.sh says the rest.
set -euo pipefail
kind=weak
# shellcheck disable=SC2317 # series.sh calls it
members_on() { printf '%s' "$1"; }
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=jobs/scaling/series.sh
source "$top/jobs/scaling/series.sh"
