#!/usr/bin/env bash
# What check says of memory, for the data and a rank, is what a run of many images takes more than one of few.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
need_python
: >"$work/empty.toml"

# measure IMAGES SETTING: bytes that check says, and that a run of 8 cycles takes at most.
measure() {
    rm -rf "$work/run"
    "$python" - "$program" "$work" "$@" <<'PYTHON'
import re
import resource
import subprocess
import sys

program, work, images, setting = sys.argv[1:]
settings = ["data.name=synthetic", f"data.synthetic_images={images}", "data.synthetic_size=1", "data.reward_images=100"]
settings += ["model.name=mlp", "training.batch_size=100", "population.members=2", "population.cycle_batches=5"]
settings += [f"training.epochs={4000 / int(images)}", setting]
arguments = [f"{work}/empty.toml", *(f"--set={setting}" for setting in settings)]
said = subprocess.run([program, "check", *arguments], check=True, capture_output=True, text=True).stdout
subprocess.run([program, "run", *arguments, "--output", f"{work}/run"], check=True, stdout=subprocess.DEVNULL)
sizes = re.findall(r"; ([\d.]+) (..) a node|^memory +([\d.]+) (..)", said, flags=re.MULTILINE)
bytes_of = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
print(int(sum(float(a or b) * bytes_of[u or v] for a, u, b, v in sizes)))
print(1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PYTHON
}

for setting in exploration.kind=random exploration.credit=advantage exploration.kind=policy; do
    mapfile -t few < <(measure 20000 "$setting")
    mapfile -t many < <(measure 4000000 "$setting")
    said=$((many[0] - few[0])) taken=$((many[1] - few[1]))
    say "$setting: $((said / 1000000)) MB said, $((taken / 1000000)) MB taken"
    ((said * 100 > taken * 90 && said * 100 < taken * 115)) || fail "that is not the memory that it takes"
done
