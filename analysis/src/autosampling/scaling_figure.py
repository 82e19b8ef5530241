"""The figure of a scaling study: measured points, the model through them and beyond, and where the time goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .scaling import SHARES, check, fit, project
from .style import BLUE, GREEN, GRID, INK, MUTED, ORANGE, VIOLET, in_percent, looks

_COLOURS = dict(zip(SHARES, (BLUE, GREEN, ORANGE, GRID, VIOLET, MUTED, INK), strict=True))


def _draw_cycles(axes: Axes, table: pd.DataFrame) -> None:
    model = fit(table)
    more = project(table, model)
    line = np.append(table["ranks"], more["ranks"])
    axes.plot(line, np.append(model.seconds(table)["cycle"], more["cycle"]), color=BLUE, label="model of all")
    interval = table["interval"].where(np.isfinite(table["interval"]), 0)
    axes.errorbar(table["ranks"], table["cycle"], interval, fmt="o", color=INK, markersize=4, capsize=3,
                  label="measured, 95 % interval")  # fmt: skip
    if checked := check(table):
        label = f"model of up to {table['ranks'].max() / 2:.0f}"
        axes.plot(table["ranks"].max(), checked[0], "x", color=ORANGE, markersize=8, label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set(xlabel="ranks", ylabel="seconds a cycle")
    axes.legend(loc="upper left")


def _draw_shares(axes: Axes, table: pd.DataFrame) -> None:
    place, below = np.arange(len(table)), np.zeros(len(table))
    for name in SHARES:
        share = np.maximum(table[name] / table["cycle"], 0).to_numpy()
        axes.bar(place, share, bottom=below, color=_COLOURS[name], label=name)
        below += share
    axes.set_xticks(place, [f"{ranks:.0f}" for ranks in table["ranks"]])
    axes.set(xlabel="ranks", ylabel="share of a cycle")
    in_percent(axes)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def draw_scaling(series: dict[str, pd.DataFrame], file: Path) -> None:
    """Draws the tables of `scaling.summarise`, by kind, into a file whose suffix says how (.png, .pdf, .svg)."""
    with looks():
        figure = Figure(figsize=(9.5, 3.2 * len(series)), layout="constrained")
        rows = figure.subplots(len(series), 2, squeeze=False)
        for (kind, table), (left, right) in zip(series.items(), rows, strict=True):
            left.set_title(f"{kind} scaling")
            _draw_cycles(left, table)
            _draw_shares(right, table)
        figure.savefig(file)
