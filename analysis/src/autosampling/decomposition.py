"""The table of jobs/compare.sh: what each rule reached, at what cost, paired with the uniform member by seed."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from .compare import default_measure
from .measures import outcome
from .run import open_run

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
    "averaged-uniform-member",
    "averaged-class-balanced",
    "mixture-winner",
    "mixture-advantage",
    "replay-static",
    "replay-dynamic",
    "policy",
    "policy-best",
    "replay-policy",
    "uniform-convnet",
    "replay-policy-convnet",
)


def read_outcomes(folder: Path) -> pd.DataFrame:
    """One line for each finished run of FOLDER/row/seed-n: row, seed, and the fields of measures.Outcome.

    A further row, `uniform, best length`, is the uniform member at the length with the lowest mean reward-set loss at
    the end: chosen without the test set. Raises FileNotFoundError without a run.
    """
    paths = sorted(folder.glob("*/seed-*/run.h5"))
    if not paths:
        raise FileNotFoundError(f"{folder} has no finished run (ROW/seed-N/run.h5): fill it by jobs/compare.sh")
    table = pd.DataFrame(
        [{"row": path.parts[-3], "seed": path.parts[-2]} | asdict(outcome(open_run(path))) for path in paths]
    )
    lengths = table[(table["row"] == BASELINE) | table["row"].str.startswith("uniform-1_")]
    if lengths["row"].nunique() < 2:
        return table
    best = lengths.groupby("row")["reward_loss"].mean().idxmin()
    return pd.concat([table, table[table["row"] == best].assign(row="uniform, best length")])


def _number(value: float, form: str = ".4f") -> str:
    """As text; a dash where there is none: of one seed no error, of a run shorter than an epoch no accuracy."""
    return "-" if math.isnan(value) else format(value, form)


def format_table(table: pd.DataFrame) -> str:
    """The outcomes of `read_outcomes` as text: a line for each row, with the means over its seeds."""
    measure = default_measure(table)
    reached_by = table.pivot(index="seed", columns="row", values=measure)
    mean, error = table.groupby("row").mean(numeric_only=True), reached_by.sem()
    lines = [
        f"{'':30}{measure.replace('_', ' '):>15}{'at the best':>13}{'difference to uniform,':>24}{'member-':>10}"
        f"{'images':>12}{'hours of':>11}{'reward':>9}",
        f"{'':30}{'at the end':>15}{'reward loss':>13}{'paired, ± std. error':>24}{'epochs':>10}"
        f"{'trained on':>12}{'computing':>11}{'queries':>9}",
    ]
    for row in [row for row in ORDER if row in mean.index] + sorted(set(mean.index) - set(ORDER)):
        reached = mean.loc[row]
        difference = ""
        if row != BASELINE and BASELINE in reached_by:
            paired = reached_by[row] - reached_by[BASELINE]
            difference = f"{_number(paired.mean(), '+.4f')} ± {_number(paired.sem())}"
        lines.append(
            f"{row:30}{_number(reached[measure]):>8} ±{_number(error[row]):6}"
            f"{_number(reached['test_accuracy_stopped']):>12}"
            f"{difference:>24}{reached['member_epochs']:>10.1f}{reached['images']:>12,.0f}"
            f"{reached['member_hours']:>11.4f}{reached['reward_queries']:>9,.0f}"
        )
    lines.append(f"\n{len(reached_by)} seeds; errors are standard errors of the mean over them.")
    seeds = table.groupby("row")["seed"].nunique()
    if fewer := [f"{row} ({number})" for row, number in seeds.items() if number < len(reached_by)]:
        lines.append(f"Of fewer seeds: {', '.join(fewer)}.")
    return "\n".join(lines)
