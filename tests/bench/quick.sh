#!/usr/bin/env bash
# tests/bench/quick.sh BUILD: the comparison with the peers works, with the programs of a build folder that has the
# benchmarks. What it measures in a hurry isn't looked at. Exit code 77 without PyTorch as a whole.
set -euo pipefail
build=$(realpath -- "$1")
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
if ! "${PEERS:-build/bridge-venv/bin/python3}" -c 'import h5py, torch, torchvision' 2>/dev/null; then
    printf 'skipped: build/bridge-venv has no PyTorch and torchvision: tests/run.sh --all installs them\n'
    exit 77
fi
BUILD=$build bash tests/bench/run.sh --quick
"${PEERS:-build/bridge-venv/bin/python3}" - build/bench/quick.json <<'PYTHON'
import json
import sys

rows = {row["name"]: row for row in json.load(open(sys.argv[1]))}
wanted = {"training.resnet8.fp32.plain", "evaluation.resnet8.fp32.best", "cycle.resnet8.tuned", "overhead.quickstart",
          "scaling.2_ranks", "sampling.imagenet", "exchange.resnet18", "record.stall", "checkpoint.stall"}
assert not (missing := wanted - {name for name, row in rows.items() if row["ratio"]}), f"not measured: {missing}"
silent = [name for name, row in rows.items() if row["ratio"] is None and not row["note"]]
assert not silent, f"not measured, without a reason: {silent}"
for name, row in rows.items():
    assert row["ratio"] is None or row["low"] <= row["ratio"] <= row["high"], f"{name}: {row}"
PYTHON
