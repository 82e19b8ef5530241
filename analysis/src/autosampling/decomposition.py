"""The table of jobs/compare.sh: what each rule reached, at what cost, paired with the uniform member by seed.

Needs only h5py and numpy, so that the environment of the quickstart is enough.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

BASELINE = "uniform"
ORDER = (
    "uniform",
    "uniform-1_2",
    "uniform-1_4",
    "uniform-1_8",
    "uniform, best length",
    "uniform-with-replacement",
    "uniform-with-reward-examples",
    "class-balanced",
    "loss-rank",
    "small-loss",
    "infobatch",
    "best-of-independent",
    "selection-uniform-member",
    "selection-uniform-lineage",
    "mixture-winner",
    "mixture-advantage",
    "replay-static",
    "replay-dynamic",
)


@dataclass
class Outcome:
    """One run."""

    test_end: float  # test accuracy of the last cycle's winner
    test_stopped: float  # test accuracy at the epoch with the lowest reward-set loss
    reward_loss: float  # the lowest reward-set loss at the end of an epoch
    member_epochs: float
    images: int  # trained on, by all members
    hours: float  # of computing, training and reward, summed over the members
    queries: int  # evaluations of the reward set


def read_outcome(path: Path) -> Outcome:
    """Reads a run's run.h5."""
    with h5py.File(path) as f:
        reward_loss, winner = f["reward_loss"][...], f["winner"][...]
        whole = "epoch_cycle" in f  # a run shorter than an epoch is never tested
        at = f["epoch_cycle"][...] if whole else np.empty(0, int)
        test = f["test_accuracy"][...] if whole else np.empty(0)
        cycles, members = reward_loss.shape
        draws, training = f["schedule"].shape[1], f["label"].shape[0]
        attempts = cycles + int(f["attempt"][...].sum())
        seconds = float(f["seconds_train"][...].sum() + f["seconds_reward"][...].sum())
    at_epochs = reward_loss[at, winner[at]]
    best = int(np.argmin(at_epochs)) if len(at) else -1
    return Outcome(
        test_end=float(test[-1]) if len(test) else float("nan"),
        test_stopped=float(test[best]) if len(test) else float("nan"),
        reward_loss=float(at_epochs[best]) if len(at) else float("nan"),
        member_epochs=attempts * members * draws / training,
        images=attempts * members * draws,
        hours=seconds / 3600,
        queries=attempts * members,
    )


def read_all(folder: Path) -> dict[str, dict[str, Outcome]]:
    """All finished runs of OUTPUT/row/seed-n, by row and seed."""
    found: dict[str, dict[str, Outcome]] = {}
    for path in sorted(folder.glob("*/seed-*/run.h5")):
        found.setdefault(path.parent.parent.name, {})[path.parent.name] = read_outcome(path)
    add_best_length(found)
    return found


def add_best_length(found: dict[str, dict[str, Outcome]]) -> None:
    """The uniform member at the length with the lowest mean reward-set loss at its end: chosen without the test set."""
    lengths = [row for row in found if row == BASELINE or row.startswith("uniform-1_")]
    if len(lengths) < 2:
        return
    best = min(lengths, key=lambda row: np.mean([o.reward_loss for o in found[row].values()]))
    found["uniform, best length"] = found[best]


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """Mean and its standard error; the error is NaN for fewer than two values."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return float(np.mean(values)), error


def make_table(found: dict[str, dict[str, Outcome]]) -> str:
    """The table as text."""
    lines = [
        f"{'':30}{'test accuracy':>15}{'at the best':>13}{'difference to uniform,':>24}{'member-':>10}"
        f"{'images':>12}{'hours of':>11}{'reward':>9}",
        f"{'':30}{'at the end':>15}{'reward loss':>13}{'paired, ± std. error':>24}{'epochs':>10}"
        f"{'trained on':>12}{'computing':>11}{'queries':>9}",
    ]
    base = found.get(BASELINE, {})
    rows = [row for row in ORDER if row in found] + sorted(row for row in found if row not in ORDER)
    for row in rows:
        runs = found[row]
        end, end_error = mean_and_error([o.test_end for o in runs.values()])
        stopped, _ = mean_and_error([o.test_stopped for o in runs.values()])
        paired = [runs[seed].test_end - base[seed].test_end for seed in runs if seed in base]
        difference = ""
        if row != BASELINE and paired:
            mean, error = mean_and_error(paired)
            difference = f"{mean:+.4f} ± {error:.4f}"
        any_run = next(iter(runs.values()))
        hours = float(np.mean([o.hours for o in runs.values()]))
        lines.append(
            f"{row:30}{end:>8.4f} ±{end_error:.4f}{stopped:>12.4f}{difference:>24}{any_run.member_epochs:>10.1f}"
            f"{any_run.images:>12,}{hours:>11.4f}{any_run.queries:>9,}"
        )
    seeds = sorted({seed for runs in found.values() for seed in runs})
    lines.append(f"\n{len(seeds)} seeds; errors are standard errors of the mean over them.")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Prints the table of a folder that jobs/compare.sh has filled.")
    parser.add_argument("output", type=Path)
    folder = parser.parse_args().output
    found = read_all(folder)
    if not found:
        print(f"{folder} has no finished run (OUTPUT/row/seed-n/run.h5): run jobs/compare.sh first", file=sys.stderr)
        return 3
    print(make_table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
