#!/usr/bin/env bash
# tests/gpu/headers.sh BUILD: a build with AUTOSAMPLING_CUDA has its headers of CUDA from LibTorch's wheels or from the
# toolkit that it was given, and none from another one of this machine's, which the next machine may lack.
set -euo pipefail
build=$1
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
source jobs/setup.sh # say, fail

mapfile -t read_headers < <(ninja -C "$build" -t deps |
    awk '/^[^ ]/ { in_cuda = $1 ~ /\/cuda\// } in_cuda && NF == 1 { print $1 }' | sort -u)
[[ ${read_headers[*]} == *cuda_runtime_api.h* ]] || fail "$build isn't a build with AUTOSAMPLING_CUDA by Ninja"
given=$(sed -n -E 's/^LibTorch_(CUDART|CUDA_CRT|CUDA_CCCL|NCCL)_INCLUDE_DIR:PATH=//p' "$build/CMakeCache.txt" |
    xargs -d '\n' realpath -- | sort -u)
others=$(cd -- "$build" && realpath -- "${read_headers[@]}" | grep -E '/(cuda|nccl|nvidia)[^/]*/' |
    grep -v -F -e "$OLDPWD/src/" -e "$OLDPWD/tests/" -e /torch/include/ -e "$given" || true)
[[ ! $others ]] || fail "headers of another CUDA were read: $others"
say "the headers of CUDA that were read are those in $(tr '\n' ' ' <<<"$given")"
