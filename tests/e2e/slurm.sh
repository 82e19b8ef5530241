#!/usr/bin/env bash
# jobs/slurm.sh with stand-ins for srun and scontrol: what it passes on, when it queues again, what it says.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$work"
unset LAUNCHER AUTOSAMPLING SLURM_RESTART_COUNT SLURM_CPUS_PER_TASK
export SLURM_JOB_ID=17

# srun keeps its options and starts the program, or what dies of the signal.
mkdir bin
cat >bin/srun <<'EOF'
#!/usr/bin/env bash
printf '%s\n' "$*" >srun.options
while [[ $1 == -* ]]; do
    if [[ $1 == -c ]]; then shift; fi
    shift
done
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
exec "$@"
EOF
printf '#!/usr/bin/env bash\nprintf "%%s\\n" "$*" >scontrol.options\nexit 1\n' >bin/scontrol # 1: the script goes on
chmod +x bin/srun bin/scontrol
export PATH=$work/bin:$PATH

script=(bash "$root/jobs/slurm.sh")
queued_again() { [[ -e scontrol.options && $(<scontrol.options) == 'requeue 17' ]] && rm scontrol.options; }

expect 2 'slurm\.sh: no program autosampling on .*: set AUTOSAMPLING' "${script[@]}" "$small" run
export AUTOSAMPLING=$program

SLURM_CPUS_PER_TASK=3 expect 0 'finished: the record is' "${script[@]}" "$small" run --set training.epochs=2
[[ $(<srun.options) == '--mpi=pmix --kill-on-bad-exit -c 3 '* ]] || fail "srun got: $(<srun.options)"
queued_again && fail "a finished run is queued again"

"${script[@]}" "$small" stopped --set training.epochs=100000 >job.log 2>&1 &
job=$!
await test -e stopped/checkpoint
kill -USR1 "$job" # as Slurm does
end_of_job
[[ $status == 85 ]] || fail "exit code $status, not 85, of a job that was asked to stop"
queued_again || fail "a stopped run isn't queued again"

# A launcher that drops the signal at first gets it again.
: >deaf
"${script[@]}" "$small" late --set training.epochs=100000 >job.log 2>&1 &
job=$!
await test -e waiting
kill -USR1 "$job"
end_of_job
[[ $status == 85 ]] || fail "exit code $status, not 85, of a job whose launcher dropped the signal"
queued_again || fail "a job whose launcher dropped the signal isn't queued again"
rm deaf waiting

: >die
"${script[@]}" "$small" early >job.log 2>&1 &
job=$!
await test -s waiting
kill -USR1 "$job"
end_of_job
[[ $status == 85 ]] || fail "exit code $status, not 85, of a job whose ranks died of the signal"
queued_again || fail "a job whose ranks died of the signal isn't queued again"

rm waiting
"${script[@]}" "$small" elsewhere >job.log 2>&1 &
job=$!
await test -s waiting
kill -USR1 "$(<waiting)"
end_of_job
[[ $status == 138 ]] || fail "exit code $status, not 138, of a job whose ranks died of a signal from elsewhere"
queued_again && fail "a job whose ranks died of a signal from elsewhere is queued again"
say "ok: jobs/slurm.sh"
