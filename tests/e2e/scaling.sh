#!/usr/bin/env bash
# jobs/scaling by a small series: its runs, in which order, its table; the same again; what Slurm would be given.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python autosampling
export AUTOSAMPLING=$program LAUNCHER="${mpirun[*]}" RANKS="1 2" REPEAT=2
scale() { "$root/jobs/scaling/$1.sh" "$root/jobs/configs/scaling.toml" "$work/a series" --set model.null_seconds=0.001; }

mkdir "$work/bin"
printf '#!/usr/bin/env bash\nexit 1\n' >"$work/bin/sinfo" # no scheduler answers
chmod +x "$work/bin/sinfo"
PATH=$work/bin:$PATH
scale weak >"$work/weak.log" 2>&1 || fail "exit code $?"
order=$(grep -o 'weak-0.*' "$work/weak.log" | head -n 4 | tr '\n' ' ')
[[ $order == 'weak-00001-1 weak-00002-1 weak-00002-2 weak-00001-2 ' ]] || fail "not interleaved: $order"
scale strong >"$work/strong.log" 2>&1 || fail "exit code $? of strong.sh"
for line in 'weak scaling' 'strong scaling' ' +2 +2 +[0-9.]+ ± ' ' +4096 +4096 ' '^caution: .* there are 2 in all$' 'scaling\.png$'; do
    grep -q -E -e "$line" "$work/strong.log" || fail "no \"$line\" in the table"
done
same "$work/a series/strong-00001-1" "$work/a series/strong-00002-1"
scale weak >"$work/again.log" 2>&1 || fail "exit code $? the second time"
if grep -q 'weak-0' "$work/again.log"; then fail "what was there was run again"; fi
expect 2 'holds a series of other options' "$root/jobs/scaling/weak.sh" "$root/jobs/configs/scaling.toml" \
    "$work/a series" --set model.null_seconds=0.002
RANKS="1 none" expect 2 'whole numbers from 1, not none' scale weak
expect 2 '^usage: RANKS=' "$root/jobs/scaling/weak.sh"
expect 2 'none.toml' "$root/jobs/scaling/weak.sh" "$work/none.toml" "$work/none"
expect 2 '^autosampling: ' "$root/jobs/scaling/weak.sh" "$small" "$work/none" --set no.such=1 # once, not once a run

# A stand-in for sbatch runs what it is given; the launcher is a job's own.
unset LAUNCHER SLURM_JOB_ID
printf '#!/usr/bin/env bash\n' >"$work/bin/sinfo"
cat >"$work/bin/sbatch" <<'STANDIN'
#!/usr/bin/env bash
printf '%s\n' "$*" >>sbatch.options
exec bash -c "${@: -1}"
STANDIN
cat >"$work/bin/srun" <<STANDIN
#!/usr/bin/env bash
while [[ \$1 == -- || \$1 == --* ]]; do shift; done
exec ${mpirun[*]} "\$@"
STANDIN
chmod +x "$work/bin/sbatch" "$work/bin/srun"
cd -- "$work"
RANKS=$'1\n2' REPEAT=1 SBATCH="--time=00:10:00 --ntasks-per-node=2" "$root/jobs/scaling/weak.sh" "$root/jobs/configs/scaling.toml" \
    'jobs %j' --set model.null_seconds=0.001 >submitted.log 2>&1 || fail "exit code $? with sbatch"
[[ $(<submitted.log) == *'when the jobs are done: autosampling-analyse scaling jobs\ %j' ]] || fail "no next step is said"
grep -q -E -e '--dependency=singleton --ntasks=2 --output=jobs %%j/weak-00002-1.log --time=00:10:00 --ntasks-per-node=2 --wrap \[ -f .* \|\| exec srun --mpi=pmix' \
    sbatch.options || fail "sbatch got: $(<sbatch.options)"
[[ -f "jobs %j/weak-00002-1/run.h5" ]] || fail "the submitted job left no run"
say "ok: jobs/scaling"
