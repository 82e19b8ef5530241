#!/usr/bin/env bash
# What does the learned sampling buy, and what of it do simpler means buy, too? Runs the search, its parts and its plain
# rivals over several seeds and prints the table: each row with its own cost, paired with the uniform member by seed.
#
#   jobs/compare.sh CONFIG OUTPUT [--seeds S] [--ranks R] [--members P] [--set section.key=value]...
#   sbatch --ntasks=2 --array=0-4 jobs/compare.sh CONFIG OUTPUT --seeds 5    a seed a task; the table when all are there
#
# CONFIG gives data, network and training, and the mixtures' exploration; its epochs are those of one member. What is
# there already is kept: the same command again goes on where it was. From the source's folder it takes the program and
# the analysis that the quickstart made there, else those on the path. Environment: AUTOSAMPLING, another program;
# LAUNCHER (default: mpirun --oversubscribe --bind-to none), which gets the number of ranks as -n.
set -euo pipefail

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}
(($# >= 2)) || usage
config=$1 output=$2
shift 2
seeds=5 ranks=2 members=8 epochs='' settings=()
while (($# > 0)); do
    (($# >= 2)) || usage
    case $1 in --seeds | --ranks | --members)
        if ! [[ $2 =~ ^[1-9][0-9]*$ ]]; then
            printf '%s takes a whole number from 1, not %s\n' "$1" "$2" >&2
            exit 2
        fi
        ;;
    esac
    case $1 in
    --seeds) seeds=$2 ;;
    --ranks) ranks=$2 ;;
    --members) members=$2 ;;
    --set)
        case $2 in # an option may be set only once, and some rows have epochs of their own
        training.epochs=*) epochs=${2#*=} ;;
        *) settings+=(--set "$2") ;;
        esac
        ;;
    *) usage ;;
    esac
    shift 2
done

top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
if [ ! -f "$top/jobs/compare.sh" ]; then top=${SLURM_SUBMIT_DIR:-$PWD}; fi # Slurm runs a copy that lies elsewhere
PATH=$top/build/release/src:$top/.venv/bin:$PATH
program=${AUTOSAMPLING:-autosampling}
for needed in "$program" autosampling-analyse; do
    if ! command -v -- "$needed" >/dev/null; then
        printf '%s is not in %s, nor on the path: run jobs/quickstart.sh, or see INSTALL.md\n' "$needed" "$top" >&2
        exit 2
    fi
done
program=$(command -v -- "$program")
read -r -a launcher <<<"${LAUNCHER:-mpirun --oversubscribe --bind-to none}"
if [ "$(id -u)" = 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
export OMP_NUM_THREADS=1

# The number of epochs, divided; whole ones, as a test is made after each.
part_of() {
    awk -v e="$epochs" -v p="$1" 'BEGIN { part = int(e / p + 0.5); print part < 1 ? 1 : part }'
}
one=(--set population.members=1)
population=(--set population.members="$members")
uniform=(--set exploration.kind=none "${one[@]}")
# Draws with replacement from a distribution that stays uniform: explored once, before anything is counted.
replacement=(--set exploration.kind=mixture --set exploration.first_epoch=0 --set exploration.interval_epochs=0
    --set exploration.interval_cycles=1000000000 --set exploration.mixing=draws --set exploration.uniform_epochs=0
    --set exploration.perturbation=0 --set exploration.replacement=true)
mixture=(--set exploration.kind=mixture)
best=(--set population.selection=best)
# What a configuration may vary that the rows do without.
settings+=(--set population.ranks_per_member=1 --set hyperparameters.explore=none)

plan=$("$program" check "$config" "${settings[@]}" "${uniform[@]}" "${best[@]}" --set sampling.rule=uniform)
: "${epochs:=$(sed -n 's/^length *\([0-9.]*\) epochs.*/\1/p' <<<"$plan")}"

# One comparison a folder: a row whose seeds were trained otherwise would be an average of nothing.
mkdir -p -- "$output"
asked=$(cat -- "$config" && printf '%s\n' "--members $members" "--set training.epochs=$epochs" "${settings[@]}")
if [ ! -f "$output/comparison.txt" ]; then
    printf '%s\n' "$asked" >"$output/comparison.txt.$$"
    mv -- "$output/comparison.txt.$$" "$output/comparison.txt"
elif [ "$asked" != "$(<"$output/comparison.txt")" ]; then
    printf '%s holds another comparison; the difference (there <, asked >):\n' "$output" >&2
    diff "$output/comparison.txt" - <<<"$asked" >&2 || true
    exit 2
fi

rows=()
# start ROW RANKS COMMAND...: runs the command into OUTPUT/ROW/seed-SEED unless that is finished already.
start() {
    local row=$1 n=$2 folder=$output/$1/seed-$seed
    shift 2
    rows+=("$row")
    if [ -f "$folder/run.h5" ]; then return; fi
    mkdir -p -- "$output/$row"
    printf '%s seed %s: %s\n' "$(date -u +%H:%M:%S)" "$seed" "$row"
    local opening=--overwrite
    if compgen -G "$folder/checkpoint/*/index.h5" >/dev/null; then opening=--resume; fi
    if ! "${launcher[@]}" -n "$n" "$program" "$@" --output "$folder" "$opening" >"$folder.log" 2>&1; then
        grep '^autosampling: ' -- "$folder.log" >&2 || tail -n 5 -- "$folder.log" >&2
        printf 'failed: %s has it all\n' "$folder.log" >&2
        exit 1
    fi
}

run_seed() {
    seed=$1
    local any_rule=(--set run.seed="$seed" "${settings[@]}") shortest=$epochs
    local any_length=("${any_rule[@]}" --set sampling.rule=uniform)
    local any_selection=("${any_length[@]}" --set training.epochs="$epochs")
    local common=("${any_selection[@]}" "${best[@]}")
    start uniform 1 run "$config" "${common[@]}" "${uniform[@]}"
    for part in 2 4 8; do # fewer epochs are a rival: against wrong labels they beat much
        if [ "$(part_of "$part")" = "$shortest" ]; then continue; fi
        shortest=$(part_of "$part")
        start "uniform-1_$part" 1 run "$config" "${any_length[@]}" "${best[@]}" "${uniform[@]}" \
            --set training.epochs="$shortest"
    done
    start uniform-with-reward-examples 1 run "$config" "${common[@]}" "${uniform[@]}" --set data.train_on_reward=true
    start uniform-with-replacement 1 run "$config" "${common[@]}" "${replacement[@]}" "${one[@]}"
    for rule in class-balanced loss-rank small-loss infobatch; do
        start "$rule" 1 run "$config" "${any_rule[@]}" --set training.epochs="$epochs" "${best[@]}" "${uniform[@]}" \
            --set sampling.rule="$rule"
    done
    start best-of-independent "$ranks" run "$config" "${any_selection[@]}" "${population[@]}" \
        --set exploration.kind=random --set exploration.uniform=member --set population.selection=none
    start selection-uniform-member "$ranks" run "$config" "${common[@]}" "${population[@]}" \
        --set exploration.kind=random --set exploration.uniform=member
    start selection-uniform-lineage "$ranks" run "$config" "${common[@]}" "${population[@]}" \
        --set exploration.kind=random --set exploration.uniform=lineage
    start mixture-winner "$ranks" run "$config" "${common[@]}" "${population[@]}" "${mixture[@]}" \
        --set exploration.credit=winner --set exploration.first_epoch=1 --set exploration.mixing=draws
    start mixture-advantage "$ranks" run "$config" "${common[@]}" "${population[@]}" "${mixture[@]}" \
        --set exploration.credit=advantage
    start replay-static 1 replay "$output/mixture-advantage/seed-$seed" --static
    start replay-dynamic 1 replay "$output/mixture-advantage/seed-$seed" --dynamic
}

if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    run_seed "$SLURM_ARRAY_TASK_ID"
else
    for number in $(seq 0 $((seeds - 1))); do run_seed "$number"; done
fi
missing=0
for row in "${rows[@]}"; do
    for number in $(seq 0 $((seeds - 1))); do
        if [ ! -f "$output/$row/seed-$number/run.h5" ]; then missing=$((missing + 1)); fi
    done
done
if ((missing == 0)); then
    autosampling-analyse decomposition "$output"
else
    printf 'still missing: %s of the runs; the table is printed when all are there\n' "$missing"
fi
