"""Checks run.h5 of a run with selection best and winner credit on its own, without the program.

    check_record.py RUN

It holds the cycles of the segments and no others; each winner is the best of the recorded rewards, and every member goes
on from it; the counts are those of the winners' draws, and the distribution is the one that METHOD.md makes of them.
"""

import sys
from pathlib import Path

import h5py
import numpy as np

run = Path(sys.argv[1])
segments = [h5py.File(path, "r") for path in sorted(run.glob("record/cycles-*.h5"))]
record = h5py.File(run / "run.h5", "r")


def winner(reward: np.ndarray, loss: np.ndarray) -> int:
    """The highest reward, then the lowest loss on the reward set, then the lowest number; NaN can't win."""
    return min(np.flatnonzero(np.isfinite(reward)), key=lambda member: (-reward[member], loss[member], member))


cycles = record["cycle"][...]
assert cycles.size, "no cycle"
np.testing.assert_array_equal(cycles, np.arange(cycles.size))
for name in ("cycle", "reward", "winner", "parent", "survivor_schedule", "state_hash"):
    np.testing.assert_array_equal(record[name][...], np.concatenate([segment[name][...] for segment in segments]), name)

winners = record["winner"][...]
expected = [winner(*row) for row in zip(record["reward"][...], record["reward_loss"][...])]
np.testing.assert_array_equal(winners, expected, "winner")
np.testing.assert_array_equal(record["line"][...], winners, "line")
np.testing.assert_array_equal(record["parent"][...], np.tile(winners[:, None], record["parent"].shape[1]), "parent")
schedule = record["survivor_schedule"][:, 0]
np.testing.assert_array_equal(record["schedule"][...], schedule, "schedule")

count = np.bincount(schedule.ravel(), minlength=record["count"].size)
np.testing.assert_array_equal(record["count"][...], count, "count")
weight = np.log1p((count + 1) / (count.mean() + 1))
np.testing.assert_allclose(record["probability"][...], weight / weight.sum(), rtol=1e-12, err_msg="probability")
print(f"ok: the record holds {cycles.size} cycles, and what follows from them")
