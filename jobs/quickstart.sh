#!/usr/bin/env bash
# Sets everything up on a Debian 12 or Ubuntu 24.04, builds the program, and runs it on real images: a population of
# small networks on the part of MNIST that comes with the source, many of its labels wrong; a search for a policy of
# sampling, and one fresh network that is trained by it; and one network that is trained as long without a search. What is
# there already is used. From anywhere:
#
#   bash jobs/quickstart.sh
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
source jobs/setup.sh

set_up
build release all
mpi_environment

# train RANKS OPTIONS...
train() {
    local run=("${mpirun[@]}" -n "$1" build/release/src/autosampling run jobs/configs/quickstart.toml --overwrite "${@:2}")
    say "running: ${run[*]}"
    "${run[@]}"
}
train 2 --output run-quickstart
train 1 --output run-quickstart-uniform --set population.members=1 --set exploration.kind=none
train 2 --output run-quickstart-policy --set exploration.kind=policy --set population.cycle_batches=10 \
    --set population.selection=best
"${mpirun[@]}" -n 1 build/release/src/autosampling replay run-quickstart-policy --policy --overwrite \
    --output run-quickstart-replay

.venv/bin/python3 - run-quickstart run-quickstart-uniform run-quickstart-policy run-quickstart-replay <<'PYTHON'
import sys
import h5py


def test_accuracy(run):
    with h5py.File(f"{run}/run.h5") as record:
        return record["test_accuracy"][-1]


run, uniform, policy, replay = sys.argv[1:]
with h5py.File(f"{run}/run.h5") as record:
    cycles, members = record["reward"].shape
    wrong = (record["label"][...] != record["true_label"][...]).mean()
    epochs = record["epoch"][-1]
    rows = {
        "members": members,
        "cycles": cycles,
        "best reward": f"{record['reward_accuracy'][-1, record['winner'][-1]]:.4f}  (accuracy of the last cycle's winner on the reward set)",
        "test accuracy": f"{record['test_accuracy'][-1]:.4f}  (the same, test set; {wrong:.0%} of the training labels are wrong)",
        "policy search": f"{test_accuracy(policy):.4f}  (which images to draw, in 4 numbers: {policy})",
        "its replay": f"{test_accuracy(replay):.4f}  (one fresh network that draws by these numbers: {replay})",
        "no search": f"{test_accuracy(uniform):.4f}  (one network, uniform draws, {epochs} epochs too: {uniform})",
        "record": f"{run}/run.h5",
    }
print()
for name, value in rows.items():
    print(f"  {name:15}{value}")
print(f"""
Next:
  .venv/bin/autosampling-analyse report {run} {uniform} --output report
  build/release/src/autosampling defaults
  bash jobs/get-data.sh cifar10 && build/release/src/autosampling check jobs/configs/cifar10-resnet8.toml""")
PYTHON
