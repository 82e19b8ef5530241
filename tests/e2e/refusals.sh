#!/usr/bin/env bash
# What the program refuses: with which exit code, in words that are said once however many ranks there are, and leaving
# nothing behind; and that the commands that need no mpirun do without, and write nothing.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
mnist="$root/tests/data/mnist-10k"
none="$work/none"
cd -- "$work"

# refused STATUS TEXT ARGUMENT...: the run, on 3 ranks, is refused and leaves no folder.
refused() {
    expect "$1" "^autosampling: .*$2" mpi 3 run "${@:3}" --output "$none"
    [[ $(grep -c '^autosampling: ' output.log) == 1 ]] || fail "more than one message: ${*:3}"
    [[ ! -e $none ]] || fail "a refused run left a folder: ${*:3}"
}

sed 's/^batch_size/batch_sise/' "$small" >unknown.toml
line=$(grep -n batch_sise unknown.toml | cut -d : -f 1)
refused 2 "unknown\.toml:$line: .*batch_sise.*training\.batch_size" unknown.toml
refused 2 'training\.learning_rate.*-1' "$small" --set training.learning_rate=-1
refused 2 'training\.epochs' "$small" --set training.epochs=nan
refused 2 'set: .*learning_rat .*training\.learning_rate' "$small" --set training.learning_rat=1
refused 2 'missing\.toml' missing.toml
printf '[replay]\nmode = "exact"\n' >replay.toml
refused 2 'replay\.toml:2: .*autosampling replay RUN' replay.toml
refused 2 'resum' "$small" --resum
refused 3 "$work/nowhere" "$small" --set data.name=mnist --set "data.path=$work/nowhere"
printf '[data]\nname = "mnist"\npath = "%s"\n' "$work/nowhere" >nowhere.toml
refused 3 "nowhere\.toml:3: data\.path = $work/nowhere does not exist" nowhere.toml
refused 4 'no run was begun' "$small" --resume

# Before it trains, names that its files could not have.
long=$(printf 'x%.0s' {1..256})
expect 2 '^autosampling: .*256 bytes' mpi 3 run "$small" --output "$work/$long"
deep=$work
while ((${#deep} < 3900)); do deep+=/${long:0:100}; done
deep+=/${long:0:$((4061 - ${#deep} - 1))}
expect 2 '^autosampling: .*4061 bytes' mpi 3 run "$small" --output "$deep"
[[ ! -e $work/${long:0:100} ]] || fail "a refused run left a folder"

cp -r -- "$mnist" truncated
truncate -s 100000 truncated/train-images-idx3-ubyte.gz
refused 3 'truncated/train-images-idx3-ubyte\.gz' "$small" --set data.name=mnist --set "data.path=$work/truncated"

SLURM_STEP_NUM_TASKS=4 expect 2 'SLURM_STEP_NUM_TASKS = 4.*srun --mpi' "$program" run "$small" --output "$none"
[[ ! -e $none ]] || fail "a run by a launcher that doesn't fit left a folder"

# A folder that holds something else stays as it is, whatever is asked.
mkdir full
say mine >full/file
expect 2 '^autosampling: .* is not empty: use --resume' mpi 3 run "$small" --output full
expect 2 '^autosampling: .* is no run directory' mpi 3 run "$small" --output full --overwrite
expect 4 '^autosampling: ' mpi 3 run "$small" --output full --resume
[[ $(ls -A full) == file && $(<full/file) == mine ]] || fail "a refused run changed a folder of others"

# Two jobs on one run directory.
start 2 "$work/run"
await is_training
for opening in '' --resume --overwrite; do
    refusal=$(if [[ $opening ]]; then say '4 another.job.holds'; else say '2 is.not.empty'; fi)
    expect "${refusal% *}" "^autosampling: .*${refusal#* }" \
        mpi 2 run "$small" --set training.epochs=100000 --output "$run" ${opening:+"$opening"}
done
is_up || fail "a second job ended the first"
kill -USR1 "$job"
end_of_job
[[ $status == 85 ]] || fail "exit code $status, not 85, of a job that others tried to disturb"
expect 0 'finished: the record is' mpi 2 run "$small" --resume --output "$run" --set "$(a_little_longer "$run")"
expect 2 "^autosampling: the run can't go on with other options" \
    mpi 3 run "$small" --resume --output "$run" --set training.batch_size=8

# Without mpirun, and inside an allocation of several tasks.
export SLURM_STEP_NUM_TASKS=4
mkdir elsewhere
cd elsewhere
"$program" info >../info
grep -q '^LibTorch' ../info || fail "info doesn't name LibTorch"
"$program" defaults >../defaults.toml
expect 2 '^autosampling: \.\./defaults\.toml:[0-9]+: data\.path is missing' "$program" check ../defaults.toml
expect 0 'the configuration is good; nothing was written' "$program" check ../defaults.toml --set "data.path=$mnist"
expect 0 'the configuration is good; nothing was written' "$program" check "$small"
absent() { "$program" check "$small" --without-data 1000,100,10 --set data.name=packed --set data.path=none "$@"; }
expect 2 'data\.reward_path can.t be planned' absent --set data.reward_path=other
expect 2 'data\.augmentation = crop-flip does not go' absent --set data.augmentation=crop-flip
"$program" check "$small" --set population.members=0 --set population.selection=top-k >"$work/plan" || fail "exit code $?"
grep -q 'the plan for 3 members' "$work/plan" || fail "top-k is planned for other members: $(<"$work/plan")"
! grep -q 'all members survive' "$work/plan" || fail "top-k is planned for survivors alone"
states() { "$program" check "$small" --set population.selection=mean --set exploration.credit=advantage "$@" | grep '^memory'; }
teams=(--set population.ranks_per_member=2)
[[ $(states "${teams[@]}" --set population.members=2) == "$(states "${teams[@]}" --set population.members=0)" ]] ||
    fail "the memory of teams depends on who says how many members there are"
expect 2 '^autosampling: .*unknown\.toml' "$program" check ../unknown.toml
expect 2 '^autosampling: ' "$program" finish
onto_a_full_disk() { "$@" >/dev/full; }
for command in info defaults "check $small"; do
    # shellcheck disable=SC2086 # words
    expect 1 '^autosampling: cannot write .*No space left' onto_a_full_disk "$program" $command
done
expect 2 '^autosampling: there is no command unheard-of' "$program" unheard-of
[[ ! $(ls -A) ]] || fail "a command that only looks has written: $(ls -A)"
