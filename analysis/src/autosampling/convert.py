"""The record in the formats of other tools: CSV, and TensorBoard's event files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import xarray as xr

from .measures import blocks, has_winners, judged_blocks, measured

_BY_MEMBER = (
    "reward",
    "reward_accuracy",
    "reward_loss",
    "train_loss",
    "learning_rate",
    "weight_decay",
    "seconds_train",
    "seconds_reward",
    "seconds_wait",
    "parent",
    "finite",
)
_BY_CYCLE = (
    "winner",
    "attempt",
    "cycle_epoch",
    "cycle_round",
    "learned",
    "explored",
    "mean_reward",
    "mean_reward_accuracy",
    "mean_reward_loss",
)  # a run has those that apply to it


def _write_members(run: xr.Dataset, path: Path) -> None:
    with path.open("w", newline="") as table:
        members_names, cycle_names = ([name for name in names if name in run] for names in (_BY_MEMBER, _BY_CYCLE))
        for rows, parts in blocks(run, *members_names, *cycle_names):
            by_member, by_cycle = parts[: len(members_names)], parts[len(members_names) :]
            members = by_member[0].shape[1]
            columns = {"cycle": np.repeat(np.arange(rows.start, rows.stop), members)}
            columns["member"] = np.tile(np.arange(members), rows.stop - rows.start)
            columns |= {name: part.ravel() for name, part in zip(members_names, by_member, strict=True)}
            columns |= {name: np.repeat(part, members) for name, part in zip(cycle_names, by_cycle, strict=True)}
            frame = xr.Dataset({name: ("row", values) for name, values in columns.items()}).to_dataframe()
            frame.to_csv(table, index=False, header=rows.start == 0, lineterminator="\n")


def to_csv(run: xr.Dataset, output: str | Path) -> list[Path]:
    """members.csv (a row a cycle and member), epochs.csv and indices.csv (a row a training index); returns them."""
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    paths = [output / "members.csv"]
    _write_members(run, paths[0])
    for name, dimension in (("epochs.csv", "epoch"), ("indices.csv", "index")):
        names = [key for key, variable in run.data_vars.items() if variable.dims == (dimension,)]
        if names and run.sizes.get(dimension, 0):
            frame = xr.Dataset({key: (dimension, run[key].values) for key in names}).to_dataframe()
            frame.index = run["epoch"].values if dimension == "epoch" else np.arange(run.sizes["index"])
            frame.to_csv(output / name, index_label=dimension, lineterminator="\n")
            paths.append(output / name)
    return paths


def _wall_times(run: xr.Dataset) -> np.ndarray:
    """(T) when each cycle ended, by the start of the last job and the cycles' times, or, where these aren't recorded
    (before format 1.3), that of the slowest member."""
    seconds = run["seconds_cycle"].values if "seconds_cycle" in run else np.concatenate([
        (train + reward + wait).max(axis=1)
        for _, (train, reward, wait) in blocks(run, "seconds_train", "seconds_reward", "seconds_wait")
    ])  # fmt: skip
    start = datetime.fromisoformat(run.attrs["start_time"].replace("Z", "+00:00")).timestamp()
    return start + np.cumsum(seconds)


def to_tensorboard(run: xr.Dataset, output: str | Path) -> Path:
    """Event files for `tensorboard --logdir`: rewards, losses and times by cycle, test figures by epoch.

    Steps are cycles. Needs tensorboardX (`pip install './analysis[tensorboard]'`).
    """
    from tensorboardX import SummaryWriter

    times = _wall_times(run)
    with SummaryWriter(str(output)) as writer:
        judged, what = "winner" if has_winners(run) else "averaged", measured(run)
        for rows, best, loss, rate in judged_blocks(run):
            reward, train = (run[name][rows].values for name in (f"reward_{what}", "train_loss"))
            for at, cycle in enumerate(range(rows.start, rows.stop)):
                values = {
                    f"reward/{what}_{judged}": best[at],
                    f"reward/{what}_mean": np.nanmean(reward[at]),
                    f"reward/loss_{judged}": loss[at],
                    "train/loss_mean": np.nanmean(train[at]),
                    "train/learning_rate": rate[at],
                }
                for name, value in values.items():
                    writer.add_scalar(name, float(value), cycle, walltime=float(times[cycle]))
        if run.sizes.get("epoch", 0):
            for name in dict.fromkeys((f"test_{what}", "test_loss", "distribution_entropy")):
                for cycle, value in zip(run["epoch_cycle"].values, run[name].values, strict=True):
                    writer.add_scalar(f"epoch/{name}", float(value), int(cycle), walltime=float(times[cycle]))
        writer.add_text("configuration", f"```\n{run['configuration'].item()}\n```")
    return Path(output)
