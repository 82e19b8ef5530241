"""How well a run tells wrong labels from right ones, as it goes on: by sampling counts, by scores, and by losses.

Needs planted label noise (`data.label_noise`), so that the true labels are known.

Letters: N training indices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from .measures import Floats, blocks, detection, epochs_at
from .record_file import open_file


def _losses_at(run: xr.Dataset, times: Sequence[int]) -> Iterator[Floats]:
    """(N) the loss of each example when it was last drawn, NaN before, after so many cycles each."""
    latest = np.full(run.attrs["training_images"], np.nan)
    wanted = iter(times)
    due = next(wanted)
    for rows, (schedule, loss) in blocks(run, "survivor_schedule", "draw_loss"):
        for cycle in range(rows.start, rows.stop):
            latest[schedule[cycle - rows.start, 0]] = loss[cycle - rows.start, 0]
            if cycle + 1 == due:
                yield latest.copy()
                due = next(wanted, -1)


def detectors(run: xr.Dataset) -> pd.DataFrame:
    """A row for each signal at each time of the run's history.h5 (autosampling history makes it).

    Columns: cycles, epochs (done), signal, clean, wrong (its mean over the examples with right and wrong labels), auc,
    error (of the auc, for this one run). Signals: `count`, how often survivors drew the example (few is suspect);
    `score`, of advantage credit (low is suspect); `loss` when it was last drawn, in nats (high is suspect), of runs
    whose rule records it. Raises ValueError where no label is wrong, FileNotFoundError without the history.
    """
    wrong = run["label"].values != run["true_label"].values
    if wrong.all() or not wrong.any():
        raise ValueError(
            f"{run.attrs['path']} has no wrong labels that are known to be (its data.label_noise is 0): give a run "
            "with planted ones"
        )
    path = Path(run.attrs["path"])
    folder = path if path.is_dir() else path.parent
    if not (folder / "history.h5").is_file():
        raise FileNotFoundError(f"{folder} has no history.h5: make it by autosampling history {folder}")
    rows: list[dict[str, object]] = []

    def add(cycles: int, signal: str, values: Floats, suspicion: Floats) -> None:
        area, error = detection(wrong, suspicion)
        rows.append(
            {
                "cycles": cycles,
                "epochs": float(epochs_at(run, cycles - 1)),
                "signal": signal,
                "clean": float(np.nanmean(values[~wrong])),
                "wrong": float(np.nanmean(values[wrong])),
                "auc": area,
                "error": error,
            }
        )

    with open_file(folder / "history.h5", "autosampling history") as history:
        times = [int(cycles) for cycles in history["cycles_done"]]
        for at, cycles in enumerate(times):
            count = history["count_history"][at].astype(float)
            add(cycles, "count", count, -count)
            if "score_history" in history:
                score = history["score_history"][at]
                add(cycles, "score", score, -score)
    if "draw_loss" in run:
        for cycles, loss in zip(times, _losses_at(run, times), strict=False):
            add(cycles, "loss", loss, loss)
    return pd.DataFrame(rows)


def format_detectors(tables: Sequence[pd.DataFrame]) -> str:
    """The tables of runs that differ in their seeds as one: means, and the standard error of the area over the runs.

    Of one run the error is its own. Raises ValueError where the runs have other times or signals.
    """
    keys = ["cycles", "epochs", "signal"]
    if any(not table[keys].equals(tables[0][keys]) for table in tables):
        raise ValueError("the runs have histories of other times or signals: give runs that differ in the seed alone")
    together = pd.concat(tables).groupby(keys, sort=False)
    mean = together[["clean", "wrong", "auc"]].mean()
    mean["error"] = together["auc"].sem() if len(tables) > 1 else together["error"].first()
    lines = [f"{'epochs':>7} {'signal':6} {'clean mean':>11} {'wrong mean':>11} {'area under the curve':>21}"]
    for (_, epochs, signal), row in mean.iterrows():
        lines.append(
            f"{epochs:7.1f} {signal:6} {row['clean']:11.4g} {row['wrong']:11.4g} "
            f"{row['auc']:12.4f} ± {row['error']:.4f}"
        )
    over = f"over {len(tables)} runs" if len(tables) > 1 else "of one run, over its examples"
    lines.append(f"± standard error {over}")
    return "\n".join(lines)
