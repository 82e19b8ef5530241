"""Compares two finished runs: every dataset of run.h5 but times and what is said by rank, and the members' final states.

    compare_runs.py RUN RUN

NaN equals NaN. Prints the first difference of each dataset that differs; the exit code is then 1.
"""

import sys
from pathlib import Path

import h5py
import numpy as np

ATTRIBUTES = ("seed", "dataset_hash", "members", "slots", "draws", "cycles_planned", "training_images", "classes")
# The configuration holds paths and checkpoint intervals, which may differ.
FREE = ("seconds_", "configuration", "host", "device", "cpu", "rank", "process", "command", "environment", "variable")


def record(run: Path) -> dict[str, np.ndarray]:
    """Datasets of run.h5 by name, and the attributes that say what was run."""
    found = {}
    with h5py.File(run / "run.h5", "r") as file:
        for name in ATTRIBUTES:
            found[f"attribute {name}"] = np.asarray(file.attrs[name])

        def take(name: str, item: h5py.HLObject) -> None:
            if isinstance(item, h5py.Dataset) and not name.startswith(FREE):
                found[name] = np.asarray(item[()])

        file.visititems(take)
    return found


def states(run: Path) -> dict[str, np.ndarray]:
    """States of the newest checkpoint, by member."""
    folder = sorted((run / "checkpoint").glob("cycle-*/index.h5"))[-1].parent
    with h5py.File(folder / "index.h5", "r") as index:
        numbers = index["state_of"][...]
    found = {"checkpoint": np.asarray(folder.name)}
    for member, number in enumerate(numbers):
        with h5py.File(folder / f"state-{number}.h5", "r") as file:
            found[f"state of member {member}"] = file["state"][...]
    return found


def difference(a: np.ndarray, b: np.ndarray) -> str | None:
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"{a.dtype} {a.shape} and {b.dtype} {b.shape}"
    unequal = (a != b) & ~((a != a) & (b != b))
    if not unequal.any():
        return None
    at = tuple(np.argwhere(unequal)[0])
    return f"{np.count_nonzero(unequal)} of {a.size} elements, first at {[int(i) for i in at]}: {a[at]} and {b[at]}"


def main() -> int:
    first, second = (record(Path(run)) | states(Path(run)) for run in sys.argv[1:3])
    differences = {name: "only in one" for name in first.keys() ^ second.keys()}
    for name in first.keys() & second.keys():
        a, b = first[name], second[name]
        if name == "state_hash" and a.shape == b.shape:  # 0: not taken, as on a GPU but at checkpoints
            b = np.where((a == 0) | (b == 0), a, b)
        if found := difference(a, b):
            differences[name] = found
    for name, found in sorted(differences.items()):
        print(f"{name} differs: {found}")
    if not differences:
        print(f"equal: {len(first)} arrays over {first['state_hash'].size} cycles")
    return 1 if differences else 0


sys.exit(main())
