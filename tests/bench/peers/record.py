"""record.py FOLDER: a row a cycle by h5py, and ResNet-18 with its momentum by torch.save.

Prints as JSON microseconds a cycle, written row by row, 64 rows at a time, and these packed as the program's record is,
all until the file is on the disk, and the seconds that a checkpoint takes until it is there.
"""

import json
import os
import sys
import time
from pathlib import Path

import h5py
import numpy as np
from network import ResNet, torch

CYCLES, MEMBERS, DRAWS = 2048, 16, 2560
PACKED = {"scaleoffset": 0}  # as many bits as a chunk needs


def force_to_disk(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def record(path: Path, rows: int, **filters: object) -> float:
    draws = np.random.default_rng(0).integers(0, 45_000, (CYCLES, DRAWS), dtype=np.int32)
    rewards = np.ones((CYCLES, MEMBERS), np.float32)
    start = time.perf_counter()
    with h5py.File(path, "w") as file:
        kept = file.create_dataset("draws", (0, DRAWS), "i4", maxshape=(None, DRAWS), chunks=(rows, DRAWS), **filters)
        reward = file.create_dataset("reward", (0, MEMBERS), "f4", maxshape=(None, MEMBERS), chunks=(64, MEMBERS))
        for begin in range(0, CYCLES, rows):
            end = begin + rows
            for column, values in ((kept, draws), (reward, rewards)):
                column.resize(end, axis=0)
                column[begin:end] = values[begin:end]
            file.flush()
    force_to_disk(path)
    seconds = time.perf_counter() - start
    with h5py.File(path) as file:
        assert (file["draws"][:] == draws).all(), "other draws were recorded"
    return seconds / CYCLES * 1e6


def save(path: Path) -> tuple[int, float]:
    model = ResNet("resnet18")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(torch.zeros(2, 3, 32, 32)).sum().backward()
    optimizer.step()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        with open(f"{path}.new", "wb") as file:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{path}.new", path)
        seconds.append(time.perf_counter() - start)
    return path.stat().st_size, sorted(seconds)[1]


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    microseconds = {
        "row_by_row": record(folder / "rows.h5", 1),
        "rows_64": record(folder / "rows-64.h5", 64),
        "packed": record(folder / "packed.h5", 64, **PACKED),
    }
    size, seconds = save(folder / "state.pt")
    print(json.dumps({"cycles": CYCLES, **microseconds, "bytes": size, "save": seconds}))


if __name__ == "__main__":
    main()
