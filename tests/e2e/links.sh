#!/usr/bin/env bash
# The user's umask holds for all that a run makes. Its directory may be a symbolic link; what links in the place of its
# files lead to is not written.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
umask 027

mkdir "$work/there"
ln -s there "$work/run"
train 2 "$work/run"
"$program" finish "$work/run" >/dev/null
"$program" history "$work/run" >/dev/null
loose=$(find "$work/there" \( -type f ! -perm 640 \) -o \( -type d ! -perm 750 \))
[[ ! $loose ]] || fail "not as the umask says: $loose"

mkdir "$work/elsewhere"
for name in config.toml summary.json run.h5 history.h5; do
    mv "$work/run/$name" "$work/elsewhere"
    ln -s "../elsewhere/$name" "$work/run/$name"
done
(cd "$work/elsewhere" && sha256sum -- *) >"$work/sums"
length=$(a_little_longer "$work/run")
train 3 "$work/run" --resume --set "$length"
(cd "$work/elsewhere" && sha256sum --check --quiet "$work/sums") || fail "what the links led to was written"
train 1 "$work/whole" --set "$length"
same "$work/whole" "$work/run"

mv "$work/run/run.log" "$work/elsewhere"
ln -s ../elsewhere/run.log "$work/run/run.log"
expect 1 '^autosampling: .*run\.log .it is a symbolic link' \
    mpi 2 run "$small" --output "$work/run" --resume --set "$(a_little_longer "$work/run")"

# Nor does a pipe, on which nobody listens, hold a job up.
rm "$work/run/run.log" "$work/run/summary.json"
mkfifo "$work/run/run.log" "$work/run/summary.json"
expect 1 '^autosampling: .*run\.log .it is a pipe' \
    timeout 60 "${mpirun[@]}" -n 2 "$program" run "$small" --output "$work/run" --resume --set "$(a_little_longer "$work/run")"
rm "$work/run/run.log"
train 2 "$work/run" --resume --set "$(a_little_longer "$work/run")"
[[ -f $work/run/summary.json ]] || fail "a pipe stands in the place of summary.json"
