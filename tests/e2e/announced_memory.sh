#!/usr/bin/env bash
# What check says of memory, for the data and a rank, is what a run of many images takes more than one of few; a run of
# large states takes no more than it says.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
: >"$work/empty.toml"

# measure SETTING...: bytes that check says, and that a run takes at most.
measure() {
    rm -rf "$work/run"
    "$python" - "$program" "$work" "$@" <<'PYTHON'
import re
import resource
import subprocess
import sys

program, work, *settings = sys.argv[1:]
settings = ["data.name=synthetic", "data.synthetic_size=1", "data.reward_images=100", *settings]
arguments = [f"{work}/empty.toml", *(f"--set={setting}" for setting in settings)]
said = subprocess.run([program, "check", *arguments], check=True, capture_output=True, text=True).stdout
subprocess.run([program, "run", *arguments, "--output", f"{work}/run"], check=True, stdout=subprocess.DEVNULL)
sizes = re.findall(r"; ([\d.]+) (..) a node|^memory +([\d.]+) (..)", said, flags=re.MULTILINE)
bytes_of = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
print(int(sum(float(a or b) * bytes_of[u or v] for a, u, b, v in sizes)))
print(1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PYTHON
}

# compare NAME: what `many` says and takes more than `few`, into `said` and `taken`.
compare() {
    said=$((many[0] - few[0])) taken=$((many[1] - few[1]))
    say "$1: $((said / 1000000)) MB said, $((taken / 1000000)) MB taken"
}

# images IMAGES SETTING: 8 cycles.
images() {
    measure "data.synthetic_images=$1" "training.epochs=$("$python" -c "print(4000 / $1)")" "$2" \
        model.name=mlp training.batch_size=100 population.members=2 population.cycle_batches=5
}

for setting in exploration.kind=random exploration.credit=advantage exploration.kind=policy; do
    mapfile -t few < <(images 20000 "$setting")
    mapfile -t many < <(images 4000000 "$setting")
    compare "$setting"
    ((said * 100 > taken * 90 && said * 100 < taken * 115)) || fail "that is not the memory that it takes"
done

# states PARAMETERS SETTING...: 20 cycles.
states() {
    measure model.name=null "model.null_parameters=$1" data.synthetic_images=2000 training.batch_size=10 \
        population.cycle_batches=2 training.epochs=0.2 exploration.kind=random "${@:2}"
}

# What a run of large states takes is at most what was said, but for the 64 MB that the heap grows by.
for members in 2 4 "4 population.selection="{truncation,tournament,mean}; do
    read -ra settings <<<"population.members=$members"
    mapfile -t few < <(states 1000000 "${settings[@]}")
    mapfile -t many < <(states 11000000 "${settings[@]}")
    compare "${settings[*]}"
    ((said + 64000000 > taken)) || fail "it takes more memory than was said"
done
