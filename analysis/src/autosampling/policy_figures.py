"""The figures of a policy: its weights over time, and what it draws at three times of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from . import measures, policy
from .measures import Floats
from .style import BLUE, GREEN, GRID, MUTED, ORANGE, Drawing, in_percent, looks, new_figure

_MOST_WEIGHTS = 12
_MOST_COLUMNS = 4
_MOST_GROUPS = 25


def draw_weights(run: xr.Dataset) -> Drawing:
    names = policy.weight_names(run)
    weight = run["policy_weight"].values
    low, high = policy.chance_band(run)
    order = np.sort(np.argsort(-np.abs(weight).max(axis=0), kind="stable")[:_MOST_WEIGHTS])
    figure, _ = new_figure(height=0.6 + 0.85 * len(order), rows=len(order), sharex=True)
    at = measures.epochs_at(run, run["round_cycle"].values - 1)
    for axis, j in zip(figure.axes, order, strict=True):
        axis.fill_between(at, low[:, j], high[:, j], color=MUTED, alpha=0.25, linewidth=0)
        axis.axhline(0, color=GRID, linewidth=0.8)
        axis.plot(at, weight[:, j], color=BLUE)
        axis.set_title(names[j], loc="left", pad=2)
    figure.axes[-1].set_xlabel("epochs of a member")
    caption = (
        "Weights of the policy by round. Grey: where 95 % of them would be if rewards said nothing (each round's dealt "
        "out to its members at random)."
    )
    if len(order) < len(names):
        caption += f" The {len(order)} of {len(names)} weights that went furthest."
    return Drawing("policy-weights", "What the policy goes by", caption, figure)


def _times(run: xr.Dataset) -> list[tuple[int, str, str]]:
    """Three rounds, the first of them with signals: number, name, colour."""
    last = run.sizes["round"] - 1
    rounds = [min(last, max(1, last // 3)), min(last, max(1, 2 * last // 3)), last]
    named = zip(rounds, ("after a third", "after two thirds", "at the end"), (GREEN, ORANGE, BLUE), strict=True)
    return list({round_: (round_, name, colour) for round_, name, colour in named}.values())


def _draw_groups(axis: Axes, labels: list[str], series: list[tuple[Floats, str, str]]) -> None:
    """A line a time over groups: their share of the draws over that of the training set."""
    at = np.arange(len(labels))
    for values, name, colour in series:
        axis.plot(at, values, color=colour, marker="o", markersize=3.5, label=name)
    axis.axhline(1, color=MUTED, linewidth=0.8, linestyle="--", label="uniform draws")
    axis.set_xticks(
        at, labels, rotation=45 if max(map(len, labels)) > 3 else 0, ha="right" if len(labels) > 3 else "center"
    )
    axis.set(ylabel="share / share in the training set", ylim=(0, None))
    axis.legend(loc="best")


def _by_group(groups: NDArray[Any], drawn: Floats, number: int) -> Floats:
    found = policy.ratios(groups, drawn)
    return np.array([found.get(group, np.nan) for group in range(number)])


def draw_preferences(run: xr.Dataset, columns: Mapping[str, NDArray[Any]]) -> list[Drawing]:
    """What the policy draws by loss rank, by class and by column. Raises as policy.probability."""
    times = [(round_, policy.probability(run, round_, columns), name, colour) for round_, name, colour in _times(run)]
    drawings = []
    shares = [(policy.shares_by_loss(run, round_, drawn), name, colour) for round_, drawn, name, colour in times]
    if any(share is not None for share, _, _ in shares):
        figure, axis = new_figure()
        for share, name, colour in shares:
            if share is not None:
                edges = np.linspace(0, 1, len(share) + 1)
                axis.stairs(share, edges, baseline=None, color=colour, label=name, linewidth=1.4)
        axis.axhline(0.1, color=MUTED, linewidth=0.8, linestyle="--", label="uniform draws")
        axis.set(
            xlabel="rank of the last seen loss, tenths from the smallest", ylabel="share of the draws", ylim=(0, None)
        )
        in_percent(axis)
        axis.legend(loc="best")
        caption = "Draws of the policy by the rank of the loss that the example had when it was last trained on."
        drawings.append(Drawing("policy-losses", "What it draws, by loss", caption, figure))
    if any(name.startswith("class.") for name in policy.weight_names(run)):
        label = run["label"].values
        names = measures.class_names(run)
        order = np.argsort(-np.bincount(label, minlength=len(names)), kind="stable")[:_MOST_GROUPS]
        figure, axis = new_figure()
        series = [(_by_group(label, drawn, len(names))[order], name, colour) for _, drawn, name, colour in times]
        _draw_groups(axis, [names[c] for c in order], series)
        caption = "Draws by class, from the largest class to the smallest."
        if len(order) < len(names):
            caption += f" The {len(order)} largest of {len(names)}."
        drawings.append(Drawing("policy-classes", "What it draws, by class", caption, figure))
    for at, (column, values) in enumerate(list(columns.items())[:_MOST_COLUMNS]):
        groups, labels = policy.column_groups(values)
        figure, axis = new_figure()
        shown = min(len(labels), _MOST_GROUPS)
        series = [(_by_group(groups, drawn, len(labels))[:shown], name, colour) for _, drawn, name, colour in times]
        _draw_groups(axis, labels[:shown], series)
        caption = f"Draws by the values of the column {column}."
        drawings.append(Drawing(f"policy-column-{at}", f"What it draws, by {column}", caption, figure))
    return drawings


def draw_policy(run: xr.Dataset) -> tuple[list[Drawing], list[str]]:
    """All figures of a policy, and what it prefers in words, or why that can't be told; nothing without a policy."""
    if "policy_weight" not in run:
        return [], []
    with looks():
        drawings = [draw_weights(run)]
        columns = policy.read_columns(run)
        try:
            words = policy.describe(run, columns)
            drawings += draw_preferences(run, columns)
        except ValueError as error:
            words = [f"What it draws can't be shown: {error}."]
    return drawings, words
