#!/usr/bin/env bash
# jobs/pbs.sh, jobs/lsf.sh and jobs/flux.sh with stand-ins for what these schedulers give a job: what they start, when
# the program is told to stop, and how they queue again.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/e2e/chain.sh
source "$e2e/chain.sh"
export AUTOSAMPLING=$program JOBS=$root/jobs
printf '%s\n' node-1 node-1 node-2 >hosts
ln -s starts-ranks bin/mpirun
# What becomes a command of the scheduler prints its options, or what is in a file.
printf '#!/usr/bin/env bash\nprintf "%%s" "$*" >queued\n' >bin/qsub
printf '#!/usr/bin/env bash\nprintf "Job Id: %%s\\n    Resource_List.walltime = 01:00:00\\n" "$2"\n' >bin/qstat
cat >bin/flux <<'EOF'
#!/usr/bin/env bash
case "$1 $2" in
'resource list') printf '6\n' ;;
'job timeleft') cat timeleft ;;
'--parent batch') printf '%s' "$*" >queued ;;
run\ *) exec starts-ranks "$@" ;;
*) exit 1 ;;
esac
EOF
chmod +x bin/qsub bin/qstat bin/flux

starts() { [[ $(<started) == "$1 $program run "* ]] || fail "the launcher got: $(<started)"; }
walltime() { grep -q -E "^walltime = $1\.0( |$)" "$run/config.toml" || fail "$(grep walltime "$run/config.toml"), not $1"; }

# chain_of_two DIR: a job that is stopped and queues again, and one of the same seed that finishes.
chain_of_two() {
    submit "$1"
    run=$1${seed:+/seed-$seed}
    await is_training
    kill -USR1 "$job"
    ends 85 'after [0-9]* cycles (exit code 85): queuing again'
    "${script[@]}" "$small" "$1" --set "$(a_little_longer "$run")" >job.log || fail "exit code $? of a second job"
    grep -q 'going on after cycle' job.log || fail "the second job doesn't go on"
    [[ ! $seed ]] || grep -q "^seed = $seed$" "$run/config.toml" || fail "the seed isn't $seed"
}

# PBS: variables in place of arguments, and a walltime that qstat tells.
variables=(bash -c 'CONFIG=$1 DIR=$2 OPTIONS="${*:3}" exec bash spooled' variables)
cp "$root/jobs/pbs.sh" spooled
export PBS_JOBID=17.server PBS_O_WORKDIR=$work PBS_NODEFILE=$work/hosts
script=("${variables[@]}")
seed=
chain_of_two 'pbs [1]' # no pattern
queued '-v CONFIG,DIR,OPTIONS,JOBS,AUTOSAMPLING spooled'
starts "-n 3 -machinefile $work/hosts"
walltime '35(40|3[0-9])'
seed=2
PBS_ARRAY_INDEX=2 chain_of_two 'pbs [1]'
queued '-v CONFIG,DIR,OPTIONS,JOBS,AUTOSAMPLING,SEED spooled'
expect 2 'usage: qsub ' bash spooled

# LSF: by the exit code 85, for which the job is submitted.
cp "$root/jobs/lsf.sh" spooled
export LS_SUBCWD=$work LSB_JOBINDEX=0 LSB_DJOB_NUMPROC=3 LSB_DJOB_HOSTFILE=$work/hosts
seed=
chain_of_two lsf
not_queued
expect 2 'usage: CONFIG=FILE ' bash spooled
starts "-n 3 -machinefile $work/hosts"
walltime 0
grep -q '^#BSUB -Q 85$' spooled || fail "LSF isn't told to queue again"
seed=4
LSB_JOBINDEX=4 chain_of_two lsf

# Flux: by its parent instance.
cp "$root/jobs/flux.sh" spooled
script=(bash spooled)
seed=
printf 'infinity\n' >timeleft
CORES=2 chain_of_two flux
[[ $(<queued) == "--parent batch spooled $small flux --set training.epochs=100000" ]] || fail "flux got: $(<queued)"
starts "run --ntasks=3 --cores-per-task=2"
walltime 0
printf '5000.7\n' >timeleft
seed=5
SEED=5 RANKS=7 chain_of_two flux
starts "run --ntasks=7 --cores-per-task=1"
walltime 4940
say "ok: jobs/pbs.sh, jobs/lsf.sh, jobs/flux.sh"
