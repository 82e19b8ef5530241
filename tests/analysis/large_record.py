"""Opens and reports large records: prints seconds, memory and page size; fails where the last two are too large.

large_record.py write FOLDER       a record of 10^6 cycles x 64 members x 64 draws, 5 GB
large_record.py report FOLDER      opens and reports it
large_record.py segments FOLDER    writes, opens and reports one of 2,000 segments, with 256 open files
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import h5py
import numpy as np
from recorded_runs import DIMENSIONS, Data, Shape, make_data, write_file, write_segments

from autosampling import open_run
from autosampling.record_file import append_checksum
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
            options = {"scaleoffset": 0} if values.dtype.kind in "iu" else {}
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


def write_segmented(folder: Path) -> None:
    shape = Shape(cycles=20_000, planned=20_000, members=8, slots=1, draws=64, images=5000, classes=10)
    write_segments(folder, shape, bounds=tuple(range(0, shape.cycles + 1, shape.cycles // 2000)))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


def measure(folder: Path) -> bool:
    """Whether memory and page are small enough."""
    begin = time.perf_counter()
    run = open_run(folder)
    opened = time.perf_counter()
    page = write_report([run], folder / "report")
    done = time.perf_counter()
    gibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    mebibytes = page.stat().st_size / 2**20
    print(f"open {opened - begin:.2f} s, report {done - opened:.1f} s, {gibibytes:.2f} GiB, page {mebibytes:.2f} MiB")
    return gibibytes < 2 and mebibytes < 5


def main() -> int:
    action, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    if action == "write":
        write_large(folder / "run.h5")
        append_checksum(folder / "run.h5")
        return 0
    if action == "segments":
        write_segmented(folder)
    return 0 if measure(folder) else 1


if __name__ == "__main__":
    sys.exit(main())
