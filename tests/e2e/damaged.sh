#!/usr/bin/env bash
# Damaged, missing and foreign files: a resume goes on from what is whole, in the end with the same record, and says what
# it passed over; where nothing is to go on from, the run stays as it is.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python

# But for the lock, which names its last holder.
contents() { (cd -- "$1" && find . -type f ! -name .lock -exec sha256sum {} + | sort -k 2); }

# expect_loss_of_nothing TEXT COMMAND...: exit code 4, and the run $damaged is as it was.
expect_loss_of_nothing() {
    local before
    before=$(contents "$damaged")
    expect 4 "$@"
    [[ $(contents "$damaged") == "$before" ]] || fail "files of the run were changed: ${*:2}"
}

whole="$work/whole"
train 2 "$whole"
damaged="$work/damaged"
again() {
    rm -rf -- "$damaged"
    cp -r -- "$whole" "$damaged"
}

for file in index.h5 'state-*.h5'; do
    again
    newest=$(newest_checkpoint "$damaged")
    for found in "$newest"/$file; do damage "$found"; done
    expect 0 "checkpoint passed over: $newest/.* is damaged" mpi 3 run "$small" --output "$damaged" --resume
    same "$whole" "$damaged"
done

again
for found in "$damaged"/checkpoint/*/index.h5; do damage "$found"; done
expect_loss_of_nothing '^autosampling: no usable checkpoint' mpi 3 run "$small" --output "$damaged" --resume

again
segment=$(find "$damaged/record" -name 'cycles-00000000-*.h5')
damage "$segment"
expect_loss_of_nothing "^autosampling: $segment is damaged" "$program" finish "$damaged"
expect 0 "the record is mended from run.h5: $segment is damaged" mpi 3 run "$small" --output "$damaged" --resume
same "$whole" "$damaged"

again
rm -- "$damaged/run.h5"
damage "$segment"
expect_loss_of_nothing "^autosampling: no usable checkpoint .*$segment is damaged" \
    mpi 3 run "$small" --output "$damaged" --resume
cp -- "$whole/record/${segment##*/}" "$segment"
train 2 "$damaged" --resume # restored from a copy, as the message says
same "$whole" "$damaged"

again
rm -- "$damaged/run.h5" "$(find "$damaged/record" -maxdepth 1 -name 'cycles-*.h5' | sort | tail -n 1)"
expect 0 'checkpoint passed over: .*the record is whole up to cycle [0-9]+ only' \
    mpi 3 run "$small" --output "$damaged" --resume
same "$whole" "$damaged"

again # what the program didn't make: passed over, and kept
newest=$(newest_checkpoint "$damaged")
cp -r -- "$newest" "$damaged/checkpoint/cycle-00000500"
mkdir "$damaged/checkpoint/cycle-00000003"
echo notes >"$damaged/checkpoint/cycle-00000003/notes"
length=$(a_little_longer "$whole")
expect 0 'checkpoint passed over: .*cycle-00000500 is damaged .its index is that of cycle' \
    mpi 3 run "$small" --output "$damaged" --resume --set "$length"
train 2 "$work/longer" --set "$length"
same "$work/longer" "$damaged"
[[ $(<"$damaged/checkpoint/cycle-00000003/notes") == notes ]] || fail "the notes are gone"

again # a finished run has nothing to do
before=$(contents "$damaged")
expect 0 'finished already' mpi 3 run "$small" --output "$damaged" --resume
[[ $(contents "$damaged") == "$before" ]] || fail "the resume of a finished run changed it"
