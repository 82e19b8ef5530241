"""Times open and report on a record of 10^6 cycles x 64 members x 64 draws: prints seconds, memory and page size.

python tests/analysis/large_record.py FOLDER      (6 GB; the record is kept, and used again)
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import h5py
import numpy as np
from recorded_runs import DIMENSIONS, Data, Shape, make_data, write_file

from autosampling import open_run
from autosampling.report import write_report

CYCLES, BLOCK = 1_000_000, 50_000
SHAPE = Shape(cycles=50, planned=CYCLES, members=64, slots=1, draws=64, images=50_000, classes=10, reward_images=1000)


def write_large(path: Path) -> None:
    """A small run's by-cycle datasets repeated, with noise; one epoch in 100."""
    small = make_data(SHAPE)
    epochs = CYCLES * SHAPE.draws // SHAPE.images
    number = np.arange(1, epochs + 1)
    ends: Data = {
        "epoch": (("epoch",), number.astype(np.int32)),
        "epoch_cycle": (("epoch",), -(-number * SHAPE.images // SHAPE.draws) - 1),
        "test_accuracy": (("epoch",), 0.9 - 0.5 / number),
        "test_loss": (("epoch",), 1 / number),
        "distribution_entropy": (("epoch",), np.log(SHAPE.images) - 0.1 / number),
    }
    by_cycle = {name: item for name, item in small.items() if item[0][0] == "cycle"}
    whole = {name: item for name, item in small.items() if item[0][0] != "cycle"} | ends
    whole["cycle"] = (("cycle",), np.arange(CYCLES))
    whole["member_holder"] = (("member",), np.zeros(64))
    whole["slot_holder"] = (("slot",), np.zeros(1))
    whole["draw_holder"] = (("draw",), np.zeros(64))
    write_file(path, SHAPE, whole, "autosampling run")
    random = np.random.default_rng(0)
    with h5py.File(path, "a") as file:
        for name, (dims, values) in by_cycle.items():
            if name in DIMENSIONS:
                continue
            shape = (CYCLES, *values.shape[1:])
            options = {"compression": 1, "shuffle": True} if values.dtype.kind in "iu" else {}
            rows = max(1, (1 << 20) // max(1, values[0].nbytes))
            chunks = (min(CYCLES, rows), *shape[1:])
            dataset = file.create_dataset(name, shape, values.dtype, chunks=chunks, **options)
            for axis, dim in enumerate(dims):
                dataset.dims[axis].attach_scale(file[dim])
            block = np.tile(values, (BLOCK // len(values), *[1] * (values.ndim - 1)))
            if values.dtype.kind == "f":
                block = block + 0.01 * random.random(block.shape)
            if name == "schedule":
                block = random.integers(0, SHAPE.images, block.shape, np.int32)
            for first in range(0, CYCLES, BLOCK):
                dataset[first : first + BLOCK] = block


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "run.h5").exists():
        write_large(folder / "new.h5")
        with (folder / "new.h5").open("ab") as file:
            file.write(b"XXH3-64\0" + bytes(8))
        (folder / "new.h5").rename(folder / "run.h5")
        return
    begin = time.perf_counter()
    run = open_run(folder)
    opened = time.perf_counter()
    page = write_report([run], folder / "report")
    done = time.perf_counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"open {opened - begin:.2f} s, report {done - opened:.1f} s, {memory:.2f} GiB, ", end="")
    print(f"page {page.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
