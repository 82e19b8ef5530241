#!/usr/bin/env bash
# Sourced by weak.sh and strong.sh: a series of runs over numbers of ranks, several times over, into
# DIR/KIND-RANKS-REPEAT. Each repetition goes through all numbers, every second one backwards, so that what else the
# machine does falls on all of them. Where there is Slurm each run is a job, one after the other; without it, and inside a
# job, all run here, and the table follows. What is finished already is kept: the same command again goes on where it was.
# DIR/series.txt has what the runs of a folder have in common.
#
# jobs/configs/scaling.toml needs no data and no computing: members sleep instead of training. Any other CONFIG will do.
#
# Environment: RANKS (default: 1 2 4 8); REPEAT (default: 3); SBATCH, options for sbatch, such as
# "--ntasks-per-node=8 --time=00:20:00"; AUTOSAMPLING, another program; LAUNCHER (default: srun --mpi=pmix
# --kill-on-bad-exit with Slurm, else mpirun --oversubscribe --bind-to none), which gets the number of ranks as -n.
#
# shellcheck disable=SC2154 # kind, top: set by who sources this
if (($# < 2)); then
    printf 'usage: RANKS="1 2 4 8" jobs/scaling/%s.sh CONFIG DIR [OPTION of autosampling run]...\n' "$kind" >&2
    exit 2
fi
config=$1 output=$2
shift 2
if [[ $output == -* ]]; then output=./$output; fi
read -r -d '' -a ranks <<<"${RANKS:-1 2 4 8}" || true # to the end, over all lines
most=0
for n in "${ranks[@]}" "${REPEAT:=3}"; do
    if [[ ! $n =~ ^[1-9][0-9]*$ ]]; then
        printf 'RANKS and REPEAT are whole numbers from 1, not %s\n' "$n" >&2
        exit 2
    fi
done
for n in "${ranks[@]}"; do if ((n > most)); then most=$n; fi; done

PATH=$top/build/release/src:$top/.venv/bin:$PATH
program=${AUTOSAMPLING:-autosampling}
if ! program=$(command -v -- "$program"); then
    printf 'autosampling is not in %s, nor on the path: run jobs/quickstart.sh, or see INSTALL.md\n' "$top" >&2
    exit 2
fi
submit=
default_launcher='mpirun --oversubscribe --bind-to none'
if command -v sbatch >/dev/null && timeout 20 sinfo >/dev/null 2>&1; then # one that answers
    default_launcher='srun --mpi=pmix --kill-on-bad-exit'
    if [ -z "${SLURM_JOB_ID:-}" ]; then submit=yes; fi
fi
read -r -a launcher <<<"${LAUNCHER:-$default_launcher}"
if [ "$(id -u)" = 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi
export OMP_NUM_THREADS=1

# run_on RANKS RUN OPTION...: runs it, or submits it, unless it is finished.
run_on() {
    local n=$1 run=$2
    shift 2
    if [ -f "$run/run.h5" ]; then return; fi
    local command=("${launcher[@]}" -n "$n" "$program" run "$config" --output "$run" --overwrite
        --set population.members="$(members_on "$n")" "$@")
    if [ "$submit" ]; then
        local kept options
        read -r -a options <<<"${SBATCH:-}"
        printf -v kept '[ -f %q ] || exec ' "$run/run.h5" # by the time that the job starts
        sbatch --job-name="scaling-${output##*/}" --dependency=singleton --ntasks="$n" --output="${run//%/%%}.log" \
            "${options[@]}" --wrap "$kept$(printf '%q ' "${command[@]}")"
    else
        printf '%s %s\n' "$(date -u +%H:%M:%S)" "$run"
        local code=0
        "${command[@]}" >"$run.log" 2>&1 || code=$?
        if ((code != 0)); then
            grep '^autosampling: ' -- "$run.log" >&2 || tail -n 5 -- "$run.log" >&2
            printf 'failed: %s has it all\n' "$run.log" >&2
            exit "$code"
        fi
    fi
}

# Runs of other options would be no series.
asked=$(cat -- "$config" && printf '%s\n' "$@") || exit 2
mkdir -p -- "$output"
if [ ! -f "$output/series.txt" ]; then
    printf '%s\n' "$asked" >"$output/series.txt.$$"
    mv -- "$output/series.txt.$$" "$output/series.txt"
elif [ "$asked" != "$(<"$output/series.txt")" ]; then
    printf '%s holds a series of other options; the difference (there <, asked >):\n' "$output" >&2
    diff "$output/series.txt" - <<<"$asked" >&2 || true
    exit 2
fi
for ((repeat = 1; repeat <= REPEAT; ++repeat)); do
    for n in "${ranks[@]}"; do run_on "$n" "$output/$kind-$(printf '%05d' "$n")-$repeat" "$@"; done
    mapfile -t ranks < <(printf '%s\n' "${ranks[@]}" | tac)
done
if [ "$submit" ]; then
    printf 'when the jobs are done: autosampling-analyse scaling %q\n' "$output"
else
    autosampling-analyse scaling "$output"
fi
