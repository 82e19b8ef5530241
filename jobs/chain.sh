#!/usr/bin/env bash
# Sourced by slurm.sh, pbs.sh, lsf.sh and flux.sh: a run as a chain of jobs. Each job, a *link*, goes on from the last
# checkpoint. When it has ended, summary.json says what it has done, whatever its exit code: if the run isn't finished,
# but further than before, the job queues again.
#
# Such a script sets, then calls `chain CONFIG DIR [OPTION of autosampling run]...`:
#
#   launcher           what starts the ranks, as an array
#   queue_again        a function: has the job queue again, and may end it
#   seconds_left       a function: prints the seconds that the job may still take, where the scheduler tells
#   find_lost_nodes    a function: after a link that failed, takes lost nodes out of `launcher`; fails without any
#
# Environment, for all of them:
#
#   AUTOSAMPLING   the program (default: the one on the path)
#   LAUNCHER       what starts the ranks, instead of the script's own choice: mpirun, say
#   CONTAINER      an Apptainer image that has the program
#   PROFILE        a machine's profile: jobs/env/PROFILE.sh is sourced first
#   SIGNAL         the signal by which the scheduler warns of the job's end (default: USR1)
#   LINKS          the most links that a run may have (default: 100)
#   SEED           of an array of jobs, the job's own: run.seed, and the directory is DIR/seed-SEED
#
# The exit code is 0 for a finished run, 85 for one that queues again, else that of the program, or 1.

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
refuse() {
    say "$*" >&2
    exit 2
}
seconds_left() { :; }
find_lost_nodes() { false; }

if [[ ${PROFILE:-} ]]; then
    # shellcheck disable=SC1090 # the user's choice
    source "$(dirname -- "${BASH_SOURCE[0]}")/env/$PROFILE.sh" || refuse "no profile $PROFILE in jobs/env"
fi

# any FOLDER/PATTERN: whether there is such a file. What is quoted of it isn't a pattern.
any() { [[ -e $1 ]]; }

# Of the last job that wrote it.
summary() { sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" "$run/summary.json" 2>/dev/null; }

# Asks the run to stop after its cycle, once it can hear it: a launcher without ranks yet drops the signal.
stop() {
    stopped_by=${stopped_by:-$1}
    while kill -USR1 "$launched"; do sleep 10; done 2>/dev/null &
}

# link OPTION...: one job of the chain, to its end. Sets code, and stopped_by, the signal that asked it to stop.
link() {
    local opening=() limit
    if any "$run"/checkpoint/*/index.h5; then
        opening=(--resume)
    elif [[ $restarted && -d $run ]]; then # this job's own run, which ended before its first checkpoint
        if any "$run"/record/*.h5; then opening=(--resume); else opening=(--overwrite); fi
    fi
    limit=$(seconds_left)
    if [[ $limit && " $*" != *" run.walltime="* ]]; then
        limit=$((limit - (limit < 600 ? limit / 10 : 60)))
        opening+=(--set "run.walltime=$((limit > 1 ? limit : 1))") # 0 would be no limit
    fi

    "${launcher[@]}" "${program[@]}" run "$configuration" --output "$run" "${opening[@]}" "$@" &
    launched=$!
    wait "$launched" # returns when a signal has come
    while kill -0 "$launched" 2>/dev/null; do wait "$launched"; done
    wait "$launched"
    code=$?
    restarted=yes
}

# Whether the run is finished. A link that failed before it began leaves what an earlier one has written.
is_finished() { [[ $(summary state) == finished ]] && { ((code == 0)) || [[ $(summary time) != "$time_before" ]]; }; }

chain() {
    local configuration=$1 run=$2 program=("${AUTOSAMPLING:-autosampling}") code stopped_by='' launched cycles_before
    local time_before cycles signal warning=${SIGNAL:-USR1} links=${LINKS:-100} restarted=${restarted:-}
    shift 2
    if [[ $run == -* ]]; then run=./$run; fi
    if [[ ! $links =~ ^[1-9][0-9]*$ ]]; then refuse "LINKS is a whole number from 1, not $links"; fi
    if ! kill -l "${warning#SIG}" >/dev/null 2>&1; then refuse "SIGNAL is the name of a signal, as USR1, not $warning"; fi
    warning=${warning#SIG}
    if [[ ${LAUNCHER:-} ]]; then read -r -a launcher <<<"$LAUNCHER"; fi
    if [[ ${CONTAINER:-} ]]; then
        program=(apptainer exec "$CONTAINER" autosampling)
    elif ! command -v "${program[0]}" >/dev/null; then
        refuse "no program ${program[0]} on $(uname -n): set AUTOSAMPLING to the path of autosampling, or put it on the PATH"
    fi
    if [[ ${SEED:-} ]]; then
        run=$run/seed-$SEED
        set -- --set "run.seed=$SEED" "$@"
    fi
    for signal in "$warning" TERM INT; do
        # shellcheck disable=SC2064 # this signal
        trap "stop $signal" "$signal"
    done

    while true; do
        cycles_before=$(summary cycles)
        time_before=$(summary time)
        link "$@"
        cycles=$(summary cycles)
        if is_finished; then exit 0; fi
        if [[ $stopped_by ]] || ! find_lost_nodes; then break; fi
        say "going on without the lost nodes"
    done

    if ((code == 0 || code == 85)); then local unfinished=1; else local unfinished=$code; fi
    if [[ $stopped_by && $stopped_by != "$warning" ]]; then
        say "ended by SIG$stopped_by after ${cycles:-0} cycles: not queued again"
    elif ((${cycles:-0} <= ${cycles_before:-0})); then
        say "no progress in this job (still ${cycles:-0} cycles, exit code $code): not queued again"
    elif (($(summary link) + 1 >= links)); then
        say "after ${cycles} cycles this was the last of LINKS=$links links: not queued again"
    else
        say "after ${cycles} cycles (exit code $code): queuing again"
        queue_again
        exit 85
    fi
    exit "$unfinished"
}
