#!/usr/bin/env bash
# What only a machine with a GPU can show, of a program that was built for it (AUTOSAMPLING_CUDA), in its build folder
# or in the bundle that bundle.sh makes: the versions; training on a GPU against the CPU's; that a cycle waits for the
# GPU once; NCCL on 2 and 4 ranks; which way states travel and batches are made; where there are two GPUs, NCCL between
# them, for states and within a member of two ranks; what part of a cycle coordination takes; a rank that stops, and one
# that is killed; a run that is stopped and resumed, and its exact replays with CUDA graphs and without, in
# run.deterministic; and a table of speeds beside PyTorch's, which goes into RESULTS.json, too (gpu.json in the folder
# above the program's). It should take less than 9 minutes, of which the table is 4 to 6.
#
#   bash tests/gpu/run.sh PROGRAM [RESULTS.json]
#
# Without a GPU it is skipped, and on the machines where this program was tested it was.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/../e2e/lib.sh"
info=$("$program" info)
if ! grep -q -E '^device +auto is cuda' <<<"$info"; then
    say "skipped: there is no GPU that the program can use"
    exit 77
fi
say "$info"
tests=${program%/*}/../tests
for file in "$tests"/test_{training,comm}; do
    [[ -x $file ]] || fail "$file is missing: build with AUTOSAMPLING_TESTS"
done
# coordination LOG: what share of its time a rank neither trains, measures nor waits, tests included, in a run of one
# member a rank whose log has each cycle of each member.
coordination() {
    awk '/: member 0 / { for (i = 1; i < NF; ++i) if ($i ~ /^(trained|measured|waited)$/) busy += $(i + 1) }
        / elapsed / { for (i = 1; i < NF; ++i) if ($i == "elapsed")
            all = $(i + 2) == "min" ? 60 * $(i + 1) + $(i + 3) : $(i + 1) }
        END { printf "coordination: %.1f %% of cycles of 20 batches (goal: under 3)\n", 100 * (1 - busy / all) }' "$1"
}
part() { say "$(printf '%4d s' "$SECONDS")  $*"; }
if [[ ${CUDA_VISIBLE_DEVICES-} ]]; then
    IFS=, read -r -a gpus <<<"$CUDA_VISIBLE_DEVICES"
else
    mapfile -t gpus < <(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null || printf '0\n')
fi

part "training against the CPU's"
"$tests/test_training" --gtest_filter='Gpu.*' || fail "training on the GPU is not the CPU's"
"$tests/test_training" --gtest_filter='GpuWaits.*' || fail "a cycle waits for the GPU more than once"

# NCCL takes ranks with other NCCL_HOSTIDs for ranks of other hosts, and so lets them share a GPU: what is asked of it
# and in which order, not its speed. For tests alone.
for ranks in 2 4; do
    part "NCCL on $ranks ranks of one GPU"
    each=()
    for ((rank = 0; rank < ranks; ++rank)); do
        each+=(: -n 1 env "NCCL_HOSTID=rank-$rank" "$tests/test_comm" '--gtest_filter=*TransportContract.*/nccl_on_gpu')
    done
    CUDA_VISIBLE_DEVICES=${gpus[0]} NCCL_SOCKET_IFNAME=lo NCCL_NET=Socket NCCL_NVLS_ENABLE=0 "${mpirun[@]}" \
        "${each[@]:1}" >"$work/nccl.log" 2>&1 || fail "NCCL on $ranks ranks of one GPU"
    if grep SKIPPED "$work/nccl.log"; then fail "NCCL was not tried on $ranks ranks of one GPU"; fi
done

part "runs"
small_network=(--set model.name=convnet --set data.synthetic_size=16 --set run.device=cuda)
expect 0 'transport (nccl|mpi-staged) \(' mpi 1 run "$small" "${small_network[@]}" --output "$work/one"
grep -q 'batches     resident (' "$work/one/run.log" || fail "a small data set is not on the GPU"
if ((${#gpus[@]} > 1)); then
    part "two GPUs"
    pair=("${small_network[@]}" --set run.deterministic=true)
    for transport in nccl mpi-staged; do
        expect 0 "transport $transport \\(" mpi 2 run "$small" "${pair[@]}" --set "population.transport=$transport" \
            --output "$work/$transport"
    done
    hashes=$(sed -n 's/.*"state_hash": //p' "$work"/{nccl,mpi-staged}/summary.json | sort -u)
    [[ $(wc -l <<<"$hashes") == 1 ]] || fail "other weights by NCCL than by MPI"
    expect 0 'finished: the record is' mpi 2 run "$small" "${pair[@]}" --set population.members=1 \
        --set population.ranks_per_member=2 --set exploration.kind=none --output "$work/team"
fi

part "coordination"
members=$((${#gpus[@]} < 4 ? ${#gpus[@]} : 4))
train "$members" "$work/share" --set run.device=cuda --set run.precision=bf16 --set run.log_level=debug \
    --set model.name=resnet18 --set data.synthetic_size=32 --set data.synthetic_channels=3 \
    --set data.synthetic_images=52000 --set data.reward_images=1000 --set training.batch_size=128 \
    --set population.cycle_batches=20 --set "population.members=$members" --set training.epochs=10
coordination "$work/share/run.log"

export CUDA_VISIBLE_DEVICES=${gpus[0]}
expect 0 'transport mpi-staged \(ranks 0 and 1 share the GPU' \
    mpi 2 run "$small" "${small_network[@]}" --output "$work/two"

start 2 "$work/silent" "${small_network[@]}" --set run.collective_timeout=10
await is_training
stopped=$(ranks | tail -n 1)
kill -STOP "$stopped"
end_of_job
kill -KILL "$stopped" 2>/dev/null || true
[[ $status == 75 ]] || fail "exit code $status, not 75, of a run with a silent rank"

start 2 "$work/killed" "${small_network[@]}"
await newest_checkpoint "$run" >/dev/null
kill -KILL "$(ranks | tail -n 1)"
end_of_job
[[ $status != 0 ]] || fail "exit code 0 of a run whose rank was killed"
train 2 "$run" "${small_network[@]}" --set "$(a_little_longer "$run")" --resume

# An exact replay is a run that nothing stops: the states and losses of the run that was stopped are its, too.
certain=("${small_network[@]}" --set run.deterministic=true)
expect 85 'stopped after' mpi 1 run "$small" "${certain[@]}" --set run.walltime=0.001 --output "$work/cut"
train 1 "$work/cut" "${certain[@]}" --resume
for graphs in true false; do
    expect 0 'the replay is exact' mpi 1 replay "$work/cut" --exact --set "run.cuda_graphs=$graphs" \
        --output "$work/$graphs"
done

part "speed"
for python in "$root/.venv/bin/python3" python3 ''; do
    if [[ $python ]] && "$python" -c 'import numpy, torch; torch.cuda.init()' 2>/dev/null; then break; fi
done
member=$(find "$tests" -name member_speed -type f | head -n 1)
if [[ ! $python || ! $member ]]; then
    say "no table of speeds: it needs a python3 with PyTorch and numpy, and a build with AUTOSAMPLING_BENCHMARKS"
else
    PYTHONPATH=$root/tests/bench/peers "$python" "$root/tests/gpu/speed.py" "$member" "${2:-${program%/*}/../gpu.json}"
fi
part "all is well"
