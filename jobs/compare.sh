#!/usr/bin/env bash
# What does the learned sampling buy, and what of it do simpler means buy, too? Runs the search, its parts and its plain
# rivals over several seeds and prints the table: each row with its own cost, paired with the uniform member by seed.
#
#   jobs/compare.sh CONFIG OUTPUT [--seeds S] [--ranks R] [--members P] [--rows ROW,...] [--set section.key=value]...
#   sbatch --ntasks=2 --array=0-4 jobs/compare.sh CONFIG OUTPUT --seeds 5    a seed a task; the table when all are there
#
# CONFIG gives data, network and training, and the mixtures' exploration; its epochs are those of one member. --rows
# trains these alone, such as uniform,policy,replay-policy. What is there already is kept: the same command again goes on
# where it was. From the source's folder it takes the program and the analysis that the quickstart made there, else those
# on the path. Environment: AUTOSAMPLING, another program; LAUNCHER (default: mpirun --oversubscribe --bind-to none),
# which gets the number of ranks as -n.
set -euo pipefail

usage() {
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}
(($# >= 2)) || usage
config=$1 output=$2
shift 2
seeds=5 ranks=2 members=8 wanted=() epochs='' settings=()
check_number() {
    if [[ $2 =~ ^[1-9][0-9]*$ ]]; then return; fi
    printf '%s takes a whole number from 1, not %s\n' "$1" "$2" >&2
    exit 2
}
while (($# > 0)); do
    (($# >= 2)) || usage
    case $1 in
    --seeds) check_number "$@" && seeds=$2 ;;
    --ranks) check_number "$@" && ranks=$2 ;;
    --members) check_number "$@" && members=$2 ;;
    --rows) IFS=, read -r -a wanted <<<"$2" ;;
    --set)
        case $2 in # some rows have epochs of their own
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

alone=(population.members=1 exploration.kind=none)
population=(population.members="$members")
# A policy's rewards count at the ends of its rounds alone: shorter cycles would only be tested more often. Averaged after
# each batch, members would be one with a larger batch.
policy=("${population[@]}" exploration.kind=policy population.cycle_batches=10)
averaged=("${population[@]}" exploration.kind=random exploration.uniform=member population.selection=mean
    population.cycle_batches=10)
# What a configuration may vary that the rows do without.
settings+=(--set population.ranks_per_member=1 --set hyperparameters.explore=none)

# Sets options: section.key=value... of one row, which go before those of the command line and before what most rows
# have. (The program takes an option once.)
set_options() {
    options=()
    local option
    for option in "$@"; do options+=(--set "$option"); done
    for option in "${settings[@]}" population.selection=best sampling.rule=uniform ${epochs:+training.epochs="$epochs"}; do
        if [[ $option != --set && " $* " != *" ${option%%=*}="* ]]; then options+=(--set "$option"); fi
    done
}
set_options "${alone[@]}"
plan=$("$program" check "$config" "${options[@]}")
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
# start ROW RANKS COMMAND...: runs the command into OUTPUT/ROW/seed-SEED unless that is finished already. Without a seed
# it only notes the row.
start() {
    local row=$1 n=$2 folder=$output/$1/seed-$seed
    shift 2
    if [ -z "$seed" ]; then rows+=("$row"); fi
    if [ -z "$seed" ] || [[ " ${wanted[*]} " != *" $row "* ]]; then return; fi
    if [ -f "$folder/run.h5" ]; then return; fi
    mkdir -p -- "$output/$row"
    printf '%s seed %s: %s\n' "$(date -u +%H:%M:%S)" "$seed" "$row"
    local opening=--overwrite checkpoints=("$folder"/checkpoint/*/index.h5) # without one the pattern itself
    if [ -e "${checkpoints[0]}" ]; then opening=--resume; fi
    if ! "${launcher[@]}" -n "$n" "$program" "$@" --output "$folder" "$opening" >"$folder.log" 2>&1; then
        grep '^autosampling: ' -- "$folder.log" >&2 || tail -n 5 -- "$folder.log" >&2
        printf 'failed: %s has it all\n' "$folder.log" >&2
        exit 1
    fi
}

# train ROW RANKS section.key=value...: a run with these options.
train() {
    set_options run.seed="$seed" "${@:3}"
    start "$1" "$2" run "$config" "${options[@]}"
}

run_seed() {
    seed=$1
    local part rule length shortest=$epochs
    train uniform 1 "${alone[@]}"
    for part in 2 4 8; do # fewer epochs are a rival: against wrong labels they beat much
        length=$(part_of "$part")
        if [ "$length" = "$shortest" ]; then continue; fi
        train "uniform-1_$part" 1 "${alone[@]}" training.epochs="$length"
        shortest=$length
    done
    train uniform-with-reward-examples 1 "${alone[@]}" data.train_on_reward=true
    train uniform-with-replacement 1 "${alone[@]}" exploration.uniform=replacement
    for rule in class-balanced loss-rank small-loss infobatch; do
        train "$rule" 1 "${alone[@]}" sampling.rule="$rule"
    done
    train best-of-independent "$ranks" "${population[@]}" exploration.kind=random exploration.uniform=member \
        population.selection=none
    train selection-uniform-member "$ranks" "${population[@]}" exploration.kind=random exploration.uniform=member
    train selection-uniform-lineage "$ranks" "${population[@]}" exploration.kind=random exploration.uniform=lineage
    train averaged-uniform-member "$ranks" "${averaged[@]}"
    # As often averaged; a policy that is not searched for: P(x) ~ 1 / size of the class.
    train averaged-class-balanced "$ranks" "${policy[@]}" population.selection=mean \
        'exploration.signals=["class"]' 'exploration.weights=["class.size=-1"]' exploration.sigma=0 \
        exploration.interval_epochs=0 exploration.interval_cycles=1
    train mixture-winner "$ranks" "${population[@]}" exploration.kind=mixture exploration.credit=winner \
        exploration.first_epoch=1 exploration.mixing=draws
    train mixture-advantage "$ranks" "${population[@]}" exploration.kind=mixture exploration.credit=advantage
    start replay-static 1 replay "$output/mixture-advantage/seed-$seed" --static
    start replay-dynamic 1 replay "$output/mixture-advantage/seed-$seed" --dynamic
    train policy "$ranks" "${policy[@]}" population.selection=mean
    train policy-best "$ranks" "${policy[@]}"
    start replay-policy 1 replay "$output/policy/seed-$seed" --policy
    start replay-policy-convnet 1 replay "$output/policy/seed-$seed" --policy --set model.name=convnet
    train uniform-convnet 1 "${alone[@]}" model.name=convnet
}

run_seed ''
for row in "${wanted[@]}"; do
    if [[ " ${rows[*]} " == *" $row "* ]]; then continue; fi
    printf '%s is no row: give some of %s\n' "$row" "${rows[*]}" >&2
    exit 2
done
if ((${#wanted[@]} == 0)); then wanted=("${rows[@]}"); fi
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    run_seed "$SLURM_ARRAY_TASK_ID"
else
    for number in $(seq 0 $((seeds - 1))); do run_seed "$number"; done
fi
missing=0
for row in "${wanted[@]}"; do
    for number in $(seq 0 $((seeds - 1))); do
        if [ ! -f "$output/$row/seed-$number/run.h5" ]; then missing=$((missing + 1)); fi
    done
done
if ((missing == 0)); then
    autosampling-analyse decomposition "$output"
else
    printf 'still missing: %s of the runs; the table is printed when all are there\n' "$missing"
fi
