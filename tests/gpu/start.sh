#!/usr/bin/env bash
# What bundle.sh puts in the place of each program: starts it with the libraries of the bundle and of python3's PyTorch.
set -euo pipefail
bundle=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
name=${0##*/}
fail() {
    printf '%s: %s\n' "$name" "$*" >&2
    exit 1
}

if [[ ${OPAL_PREFIX-} != "$bundle" ]]; then # else the bundle's mpirun has set this for its ranks
    torch=$(python3 -c 'from importlib.util import find_spec; print(find_spec("torch").submodule_search_locations[0])' \
        2>/dev/null) || fail "python3 has no torch: put the environment that has PyTorch first in PATH"
    wanted=$(<"$bundle/programs/torch-version")
    grep -q "^__version__ = '$wanted" "$torch/version.py" ||
        fail "$torch isn't PyTorch $wanted, which the program was built with: take the environment that has it"
    export LD_LIBRARY_PATH=$bundle/lib:$torch/lib:$torch/../nvidia/cu13/lib
    export OPAL_PREFIX=$bundle PMIX_INSTALL_PREFIX=$bundle PMIX_MCA_pcompress_base_silence_warning=1
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    # One machine, without ssh, and perhaps a container.
    export OMPI_MCA_plm=isolated OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader OMPI_MCA_btl_vader_single_copy_mechanism=none
fi
exec -a "$0" "$bundle/programs/$name" "$@"
