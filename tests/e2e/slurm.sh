#!/usr/bin/env bash
# jobs/slurm.sh with stand-ins for srun and scontrol: what it passes on, when it queues again, what it says.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/chain.sh
source "$e2e/chain.sh"
export SLURM_JOB_ID=17

# A node answers unless it is called lost.
cat >bin/srun <<'EOF'
#!/usr/bin/env bash
if [[ $* == *true ]]; then [[ $* != *lost* ]] && exit; fi
exec starts-ranks "$@"
EOF
cat >bin/scontrol <<'EOF'
#!/usr/bin/env bash
case "$1 $2" in
'show hostnames') printf 'first\nlost\nthird\n' ;;
'show job')
    printf '   StartTime=2026-01-01T00:00:00 EndTime=2126-01-01T00:00:00 Deadline=N/A\n   Command=%s CONFIG DIR\n' "$SCRIPT"
    ;;
*)
    printf '%s\n' "$*" >queued
    exit 1 # the script goes on
    ;;
esac
EOF
chmod +x bin/srun bin/scontrol
export SCRIPT=$root/jobs/slurm.sh
cp "$SCRIPT" spooled # as Slurm does
script=(bash spooled)

expect 2 ': no program autosampling on .*: set AUTOSAMPLING' "${script[@]}" "$small" run
export AUTOSAMPLING=$program

PROFILE=unknown expect 2 ': no profile unknown in jobs/env' "${script[@]}" "$small" run

PROFILE=debian SLURM_CPUS_PER_TASK=3 expect 0 "in time for the job's end at 21" "${script[@]}" "$small" run --set training.epochs=2
[[ $(<started) == '--mpi=pmix --kill-on-bad-exit=1 --cpus-per-task=3 '* ]] || fail "srun got: $(<started)"
not_queued

submit stopped
await is_training
kill -USR1 "$job" # as Slurm does
ends 85 'after [0-9]* cycles (exit code 85): queuing again'
queued 'requeue 17'

submit stopped
await is_training
kill -TERM "$job"
ends 1 'ended by SIGTERM after [0-9]* cycles: not queued again'
not_queued

SIGNAL=TERM LINKS=9 submit stopped
await is_training
kill -TERM "$job"
ends 85 'queuing again'
queued 'requeue 17'

LINKS=2 submit stopped
await is_training
kill -USR1 "$job"
ends 1 'this was the last of LINKS=2 links: not queued again'
not_queued

LINKS=10x expect 2 'LINKS is a whole number from 1, not 10x' "${script[@]}" "$small" never
SIGNAL=FOO expect 2 'SIGNAL is the name of a signal, as USR1, not FOO' "${script[@]}" "$small" never

# A job that was queued again goes on, whatever its directory is called; from a folder with spaces, too.
mkdir "sp ace"
cp -r "$root/jobs" "sp ace/"
SCRIPT="$work/sp ace/jobs/slurm.sh"
submit '-lr[0.1] 1'
await is_training
kill -USR1 "$job"
ends 85 'queuing again'
export SLURM_RESTART_COUNT=1
submit '-lr[0.1] 1'
await is_training
grep -q 'going on after cycle' job.log || fail "a job that was queued again doesn't go on"
kill -USR1 "$job"
ends 85 'queuing again'
# Without its checkpoints what it has recorded isn't overwritten.
rm -r './-lr[0.1] 1/checkpoint'
expect 4 'no usable checkpoint' "${script[@]}" "$small" '-lr[0.1] 1'
[[ $(find './-lr[0.1] 1/record' -name 'cycles-00000000-*.h5') ]] || fail "what was recorded is gone"
# One that was killed between its first segment and its first checkpoint begins again.
find './-lr[0.1] 1/record' -name '*.h5' ! -name 'cycles-00000000-*' -delete
sed -i 's/"cycles": [0-9]*/"cycles": 0/' './-lr[0.1] 1/summary.json'
submit '-lr[0.1] 1'
await is_training
grep -q 'it begins again' job.log || fail "a job that was killed before its first checkpoint doesn't begin again"
kill -USR1 "$job"
ends 85 'queuing again'
unset SLURM_RESTART_COUNT
rm -f queued

# A launcher that drops the signal at first gets it again.
: >deaf
submit late
await test -e waiting
kill -USR1 "$job"
ends 85 'after [0-9]* cycles'
rm -f deaf queued

# Ranks that die before they have done anything.
: >die
submit early
await test -s waiting
kill -USR1 "$job"
ends 138 'no progress in this job (still 0 cycles, exit code 138): not queued again'
not_queued
rm die

# An exit code that says nothing: of a launcher that started nothing, and of one that fails after the run has finished.
printf 0 >lie
submit stopped
ends 1 'no progress in this job (still [1-9][0-9]* cycles, exit code 0)'
not_queued
rm lie
printf 1 >last
export SLURM_ARRAY_JOB_ID=17 SLURM_ARRAY_TASK_ID=3
expect 0 'finished: the record is' "${script[@]}" "$small" seeds
grep -q '^seed = 3$' seeds/seed-3/config.toml || fail "the seed isn't the array's index"
mv last lie
expect 1 'no progress' "${script[@]}" "$small" seeds # what stands there is an earlier job's
not_queued
rm lie

SLURM_ARRAY_TASK_ID=4 submit seeds
await is_training
kill -USR1 "$job"
ends 85 'queuing again'
queued 'requeue 17_4'
unset SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID

# A lost node.
SLURM_JOB_NODELIST=all SLURM_NTASKS=6 SLURM_JOB_NUM_NODES=3 submit fewer
await newest_checkpoint fewer >/dev/null
kill -9 "$(ranks)"
await grep -q 'going on after cycle' job.log
reached=$(newest_checkpoint fewer)
went_on() { [[ $(newest_checkpoint fewer) != "$reached" ]]; }
await went_on
grep -q 'no answer from lost$' job.log || fail "not said: which node is lost"
kill -USR1 "$job"
ends 85 'queuing again'
queued 'requeue 17'
[[ $(<started) == *' --nodes=2 --ntasks=4 --nodelist=first,third '* ]] || fail "srun got: $(<started)"
say "ok: jobs/slurm.sh"
