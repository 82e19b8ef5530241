#!/usr/bin/env bash
# jobs/slurm.sh and jobs/scaling on a real Slurm, which this script starts for itself as root: a chain of jobs under a limit
# of a minute, a job that is cancelled, an array of seeds, a scaling study, and a start by an srun that doesn't fit.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python autosampling
for command in slurmctld slurmd munged sbatch; do
    if [[ $(id -u) != 0 ]] || ! command -v "$command" >/dev/null; then
        say "skipped: needs root and $command"
        exit 77
    fi
done
unset AUTOSAMPLING LAUNCHER CONTAINER PROFILE SIGNAL LINKS SEED
for variable in $(compgen -e SLURM_) $(compgen -e SBATCH_); do unset "$variable"; done
export AUTOSAMPLING=$program

# One node, this machine, with as many cores as the jobs want. Its files are where no name has a space.
slurm=$(mktemp -d /tmp/autosampling-slurm.XXXXXX)
daemons=()
at_end() {
    scancel --user=root 2>/dev/null || true
    for ((i = 0; i < 100; ++i)); do if [[ ! $(squeue --noheader 2>/dev/null) ]]; then break; fi; sleep 0.1; done
    kill "${daemons[@]}" 2>/dev/null || true
    wait "${daemons[@]}" 2>/dev/null || true
    rm -rf -- "$slurm"
}

export SLURM_CONF=$slurm/slurm.conf
port=$((20000 + RANDOM % 10000))
chmod 755 "$slurm"
mkdir "$slurm/state" "$slurm/spool"
(umask 077 && head -c 1024 /dev/urandom >"$slurm/key")
cat >"$SLURM_CONF" <<EOF
ClusterName=test
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthInfo=socket=$slurm/munge,cred_expire=5
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool
SlurmctldPidFile=$slurm/slurmctld.pid
SlurmdPidFile=$slurm/slurmd.pid
SlurmctldLogFile=$slurm/slurmctld.log
SlurmdLogFile=$slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2
MailProg=/bin/true
ReturnToService=2
NodeName=$(hostname) NodeAddr=127.0.0.1 CPUs=8
PartitionName=all Nodes=ALL Default=YES
EOF
munged --foreground --force --key-file="$slurm/key" --socket="$slurm/munge" --pid-file="$slurm/munged.pid" \
    --seed-file="$slurm/seed" --log-file="$slurm/munged.log" >"$slurm/munged.out" 2>&1 &
daemons+=($!)
until [[ -S $slurm/munge ]]; do sleep 0.1; done
slurmctld -D >"$slurm/slurmctld.out" 2>&1 &
daemons+=($!)
slurmd -D >"$slurm/slurmd.out" 2>&1 &
daemons+=($!)
ready() { [[ $(sinfo --noheader --format=%t 2>/dev/null) == idle ]]; }
for ((i = 0; i < 300; ++i)); do if ready; then break; fi; sleep 0.1; done
ready || fail "Slurm doesn't start"

cd -- "$work"
# submitted OPTION... -- DIR [OPTION]...: a job, whose number is in `number`.
submitted() {
    local options=()
    until [[ $1 == -- ]]; do options+=("$1") && shift; done
    number=$(sbatch --parsable "${options[@]}" "$root/jobs/slurm.sh" "$small" "${@:2}")
}
# over SECONDS: until no job is left.
over() {
    for ((i = 0; i < 2 * $1; ++i)); do if [[ ! $(squeue --noheader) ]]; then return; fi; sleep 0.5; done
    fail "still there after $1 s: $(squeue --noheader)"
}

# Three links under a limit of a minute, and a last one.
LINKS=3 submitted --time=1 --signal=B:USR1@10 -- chain --set training.epochs=100000
over 400
log=autosampling-$number.log
[[ $(grep -c ' RESULT state=stopped ' "$log") == 3 ]] || fail "the chain hasn't three links: $(grep RESULT "$log")"
[[ $(grep -c 'queuing again' "$log") == 2 ]] || fail "it didn't queue again twice"
grep -q 'last of LINKS=3 links' "$log" || fail "the chain has no end"
length=$(a_little_longer chain)
submitted -- chain --set "$length"
over 200
train 2 "$work/whole" --set "$length"
same "$work/whole" "$work/chain"
say "ok: four links equal an uninterrupted run"

# A job that is cancelled leaves what another goes on from.
submitted -- cancelled --set training.epochs=100000
job_log=autosampling-$number.log
until [[ -e $job_log ]] && is_training; do sleep 0.1; done
scancel "$number"
over 60
grep -q 'queuing again' "$job_log" && fail "a cancelled job has queued again"
length=$(a_little_longer cancelled)
train 3 "$work/cancelled" --resume --set "$length"
train 1 "$work/not cancelled" --set "$length"
same "$work/not cancelled" "$work/cancelled"

# An array: a run of each seed, in a directory of its own.
submitted --array=1-3 -- seeds
over 200
for seed in 1 2 3; do
    grep -q "^seed = $seed$" "seeds/seed-$seed/config.toml" || fail "seed-$seed has another seed"
    [[ -f seeds/seed-$seed/run.h5 ]] || fail "seed-$seed isn't finished"
done

# A scaling study: a job for each run, one after the other.
RANKS="1 2 4" REPEAT=2 "$root/jobs/scaling/weak.sh" "$root/jobs/configs/scaling.toml" scaling \
    --set model.null_seconds=0.01 >scaling.log 2>&1 || fail "exit code $? of weak.sh: $(<scaling.log)"
over 200
expect 0 "^ +4 +4 +[0-9.]+ ±" "${python%/*}/autosampling-analyse" scaling scaling

# An srun that doesn't know this MPI: whether its processes are one job, fail or are many, nothing is written by many.
if timeout 60 srun --mpi=none --ntasks=4 "$program" run "$small" --output "$work/refused" >refused.log 2>&1; then
    fail "4 processes that srun doesn't connect have run"
fi
[[ ! -e refused ]] || fail "processes that are no job have left a directory"
say "ok: refused"
