#!/usr/bin/env bash
# The folder is the layer: a file may include its own layer and those of lower rank. Lists each include that breaks it,
# and each file in a folder that is no layer. With a folder as argument, checks the sources there instead.
#
#   base -> comm, data, sampling, record -> training -> options -> population -> app
set -euo pipefail
cd -- "${1:-$(dirname -- "${BASH_SOURCE[0]}")/..}"

declare -A rank=([base]=0 [comm]=1 [data]=1 [sampling]=1 [record]=1 [training]=2 [options]=3 [population]=4 [app]=5)
# Headers of libraries that a layer below the given rank must not see, and the layers that may though.
declare -A lowest_rank=(["torch/"]=2 ["ATen/"]=2 ["c10/"]=2 [mpi.h]=4 [hdf5.h]=4)
declare -A allowed=([mpi.h]=comm [hdf5.h]="base data record")

breaches=0
breach() {
    printf '%s\n' "$*"
    breaches=$((breaches + 1))
}

checked=0
while IFS= read -r file; do
    layer=${file#include/autosampling/}
    layer=${layer#src/}
    layer=${layer%%/*}
    [[ $file != src/main.cpp && $file != src/cmake/* ]] || continue
    if [[ ! ${rank[$layer]-} ]]; then
        breach "$file: $layer is no layer"
        continue
    fi
    checked=$((checked + 1))
    while IFS=: read -r line included; do
        other=${included#autosampling/}
        other=${other%%/*}
        if [[ $included == autosampling/* && ! ${rank[$other]-} ]]; then
            breach "$file:$line: includes $included, of no layer"
        elif [[ $included == autosampling/* && $other != "$layer" ]] && ((rank[$other] >= rank[$layer])); then
            breach "$file:$line: $layer includes $included, a layer that is not below it"
        fi
        for library in "${!lowest_rank[@]}"; do
            if [[ $included == "$library"* && " ${allowed[$library]-} " != *" $layer "* ]] && ((rank[$layer] < lowest_rank[$library])); then
                breach "$file:$line: $layer includes $included"
            fi
        done
    done < <(grep -n -E '^ *# *include' "$file" | sed -E 's/# *include *["<]([^">]+).*/\1/')
done < <(find include src -name '*.hpp' -o -name '*.cpp' | sort)

# Member states are handles in population/: it looks into them in host memory where initial weights are read and given
# to all, and where a checkpoint is written.
host_memory='on_host|from_host|data_ptr|from_blob|accessor|\.item<|\.cpu\(\)|\.host\(\)|\.(on|to)\((at::)?kCPU'
while IFS= read -r found; do
    case ${found%%:*} in
        src/population/initial_weights.cpp | src/population/population.cpp | src/population/recorder.cpp) ;;
        *) breach "$found: a member's state in host memory" ;;
    esac
done < <(grep -n -E -r "$host_memory" include/autosampling/population src/population 2>/dev/null)

# Headers of CUDA and NCCL are for the folders cuda/, which a build without AUTOSAMPLING_CUDA leaves out.
while IFS= read -r found; do
    [[ ${found%%:*} == src/*/cuda/* ]] || breach "$found: outside of a folder cuda/"
done < <(grep -n -E -r '^ *# *include *["<](cu(da|dnn|blas)[a-z_]*\.h|nccl\.h|(ATen|c10)/cuda/)' include src 2>/dev/null)

# Nothing runs a shell or another program.
while IFS= read -r found; do
    breach "$found: runs another program"
done < <(grep -n -E -r '\b(system|popen|posix_spawnp?|exec[lv][pe]*)\(' include/autosampling src 2>/dev/null)

((checked > 0)) || breach "no source files under $PWD"
if ((breaches > 0)); then exit 1; fi
printf '%d files keep to the layers\n' "$checked"
