#!/usr/bin/env bash
# Sourced by the tests of job scripts, after lib.sh: stand-ins, and what a job of a chain is to do. Sets up the folder
# $work/bin on the path; script is the job script with what runs it.
#
#   started, queued   files: the options of the last launch; those of the command by which the job queues again
#   deaf, die, lie    while there is such a file, a launcher drops signals at first, dies of them, or starts nothing and
#                     ends with the exit code in the file; `last` is its exit code when the ranks have ended
# shellcheck disable=SC2034,SC2154 # of lib.sh, and for it
cd -- "$work" || exit
mkdir bin
export PATH=$work/bin:$PATH
unset AUTOSAMPLING LAUNCHER CONTAINER PROFILE SIGNAL LINKS SEED
for variable in $(compgen -e SLURM_); do unset "$variable"; done

cat >bin/starts-ranks <<'EOF'
#!/usr/bin/env bash
printf '%s\n' "$*" >started
until [[ $1 == "$AUTOSAMPLING" ]]; do shift; done
if [[ -e deaf ]]; then # as mpirun is before it has ranks
    trap '' USR1
    : >waiting
    sleep 1
    trap - USR1
fi
if [[ -e die ]]; then
    printf '%s' "$$" >waiting
    exec sleep 100 # as the program does before it can catch a signal
fi
if [[ -e lie ]]; then exit "$(<lie)"; fi
if [[ ! -e last ]]; then exec "$@"; fi
"$@"
exit "$(<last)"
EOF
chmod +x bin/starts-ranks

# submit DIR [OPTION]...: a job that would go on for hours, in the background.
submit() {
    run=$1
    job_log=$work/job.log
    rm -f waiting queued
    : >"$job_log"
    "${script[@]}" "$small" "$1" --set training.epochs=100000 "${@:2}" >"$job_log" 2>&1 &
    job=$!
}

# ends CODE TEXT: the job's exit code, and what it says once.
ends() {
    end_of_job
    [[ $status == "$1" ]] || fail "exit code $status, not $1: $2"
    [[ $(grep -c -e "$2" "$job_log") == 1 ]] || fail "not said once: $2"
    say "ok: exit code $1, \"$2\""
}

# queued COMMAND: whether the job has queued again by it.
queued() { [[ -e queued && $(<queued) == "$1" ]] || fail "not queued again by: $1"; }
not_queued() { [[ ! -e queued ]] || fail "queued again: $(<queued)"; }
