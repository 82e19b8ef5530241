#!/usr/bin/env bash
# Sets everything up on a Debian 12 or Ubuntu 24.04, builds the program, and runs it on real images: a population of
# small networks on the part of MNIST that comes with the source. What is there already is used. From anywhere:
#
#   bash jobs/quickstart.sh
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
source jobs/setup.sh

set_up
build release
mpi_environment

run=("${mpirun[@]}" -n 2 build/release/src/autosampling run jobs/configs/quickstart.toml --output run-quickstart --overwrite)
say "running: ${run[*]}"
"${run[@]}"

.venv/bin/python3 - run-quickstart <<'PYTHON'
import sys
import h5py

run = sys.argv[1]
with h5py.File(f"{run}/run.h5") as record:
    cycles, members = record["reward"].shape
    rows = {
        "members": members,
        "cycles": cycles,
        "best reward": f"{record['reward'][-1, record['winner'][-1]]:.4f}  (last cycle's winner, reward set)",
        "test accuracy": f"{record['test_accuracy'][-1]:.4f}  (the same, test set)",
        "record": f"{run}/run.h5",
    }
print()
for name, value in rows.items():
    print(f"  {name:15}{value}")
print(f"""
Next:
  .venv/bin/autosampling-analyse report {run} --output report
  build/release/src/autosampling defaults
  bash jobs/get-data.sh cifar10 && build/release/src/autosampling check jobs/configs/cifar10-resnet8.toml""")
PYTHON
