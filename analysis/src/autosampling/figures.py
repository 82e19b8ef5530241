"""The figures of one run, each a function of its facts; `draw_all` makes those that the run has the data for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from . import measures
from .facts import Facts
from .measures import Floats
from .sampling_figures import (
    draw_change,
    draw_classes,
    draw_concentration,
    draw_entropy,
    draw_frequency,
    draw_suspects,
)
from .style import BLUE, GREEN, GRID, INK, MUTED, ORANGE, SERIES, VIOLET, Drawing, in_percent, looks, new_figure


def _plot_known(axes: Axes, epoch: Floats, values: Floats, **style: Any) -> None:
    """Without what isn't known: between the ends of rounds no mean of the members is measured."""
    known = np.isfinite(values)
    axes.plot(epoch[known], values[known], **style)


def draw_learning(facts: Facts) -> Drawing:
    run, curve, what = facts.run, facts.curves, measures.measured(facts.run)
    figure, axes = new_figure()
    axes.fill_between(curve.epoch, curve.low, curve.high, color=BLUE, alpha=0.15, linewidth=0, label="all members")
    judged = measures.judged(run)
    _plot_known(axes, curve.epoch, curve.best, color=BLUE, label=f"{judged}, reward set")
    if run.sizes.get("epoch", 0):
        at = measures.epochs_at(run, run["epoch_cycle"].values)
        mark = "o" if len(at) <= 60 else None
        label = f"{judged}, test set"
        axes.plot(at, run[f"test_{what}"].values, color=ORANGE, marker=mark, markersize=3.5, label=label)
    axes.set(xlabel="epochs of a member", ylabel=what)
    if not measures.is_regression(run):
        in_percent(axes)
    axes.legend(loc="best")
    caption = "The reward set steers the search, the test set steers nothing."
    if measures.has_winners(run):
        caption += (
            f" The winner is the best of several noisy values: its {what} on the reward set flatters it, that on the "
            "test set does not."
        )
    return Drawing("learning", "Learning", caption, figure)


def draw_losses(facts: Facts) -> Drawing:
    curve = facts.curves
    figure, axes = new_figure()
    axes.plot(curve.epoch, curve.train_loss, color=MUTED, linewidth=1, label="batches, mean of the members")
    judged = measures.judged(facts.run)
    _plot_known(axes, curve.epoch, curve.winner_loss, color=BLUE, label=f"reward set, {judged}")
    if facts.run.sizes.get("epoch", 0):
        at = measures.epochs_at(facts.run, facts.run["epoch_cycle"].values)
        axes.plot(at, facts.run["test_loss"].values, color=ORANGE, label=f"test set, {judged}")
    unit = "squared error" if measures.is_regression(facts.run) else "cross-entropy in nats"
    axes.set(xlabel="epochs of a member", ylabel=unit, ylim=(0, None))
    axes.legend(loc="upper right")
    caption = f"Mean loss of the batches as they were drawn, and of the {judged} on examples not trained on."
    return Drawing("losses", "Losses", caption, figure)


def draw_spread(facts: Facts) -> Drawing | None:
    if measures.is_regression(facts.run):
        return None
    curve = facts.curves
    figure, axes = new_figure()
    axes.plot(curve.epoch, curve.spread, color=BLUE, label="spread of the members")
    axes.plot(curve.epoch, curve.binomial, color=ORANGE, label="binomial error of one member")
    axes.set(xlabel="epochs of a member", ylabel="standard deviation of the accuracy", ylim=(0, None))
    in_percent(axes)
    axes.legend(loc="upper right")
    examples = measures.reward_examples(facts.run)
    caption = (
        f"How far the members of a cycle lie apart, beside the error of an accuracy on {examples:,} examples. All "
        "members see the same examples, so that differences between them are known better than this error says."
    )
    return Drawing("reward-spread", "Rewards against their error", caption, figure)


def draw_lineage(facts: Facts) -> Drawing | None:
    run = facts.run
    if not measures.has_winners(run):
        return None
    cycles, members = run.sizes["cycle"], run.sizes["member"]
    bins = min(cycles, 240)
    line = measures.lineage(run)
    survived = np.zeros((members, bins))
    for rows, (survivor,) in measures.blocks(run, "survivor"):
        cycle, slot = np.nonzero(survivor >= 0)
        np.add.at(survived, (survivor[cycle, slot], (rows.start + cycle) * bins // cycles), 1)
    on_line = np.zeros((members, bins))
    np.add.at(on_line, (line, np.arange(cycles) * bins // cycles), 1)
    lengths = np.bincount(np.arange(cycles) * bins // cycles, minlength=bins)
    figure, axes = new_figure(height=min(4.2, 1.5 + 0.14 * members))
    axes.grid(False)
    end = float(measures.epochs_at(run, cycles - 1))
    for strength, colour in ((survived / lengths, MUTED), (on_line / lengths, ORANGE)):
        member, bin_ = np.nonzero(strength)
        red, green, blue = to_rgb(colour)
        rgba = [(red, green, blue, 0.2 + 0.8 * value) for value in strength[member, bin_]]
        axes.imshow(_paint(members, bins, member, bin_, rgba), aspect="auto", interpolation="nearest", origin="lower",
                    extent=(0, end, -0.5, members - 0.5))  # fmt: skip
    axes.set(xlabel="epochs of a member", ylabel="member")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    several = " Grey: other members that survived." if run.sizes["slot"] > 1 else ""
    caption = f"Which member the final best one descends from, cycle by cycle (orange).{several}"
    if bins < cycles:
        caption += f" A column stands for {cycles / bins:.0f} cycles, the paler the rarer."
    return Drawing("lineage", "Lineage of the final best member", caption, figure)


def _paint(
    height: int, width: int, row: NDArray[np.integer], column: NDArray[np.integer], rgba: Sequence[tuple[float, ...]]
) -> Floats:
    image = np.zeros((height, width, 4))
    if rgba:
        image[row, column] = rgba
    return image


def draw_times(facts: Facts) -> Drawing:
    curve = facts.curves
    figure, axes = new_figure()
    parts = (curve.train, curve.reward, curve.wait * measures.rank_share(facts.run))
    axes.stackplot(
        curve.epoch, *parts, labels=("training", "reward", "waiting for others"), colors=(BLUE, GREEN, GRID), alpha=0.8
    )
    axes.set(xlabel="epochs of a member", ylabel="seconds a cycle", ylim=(0, None))
    axes.legend(loc="upper right")
    total = sum(part.sum() for part in parts)
    shares = [part.sum() / total if total else 0 for part in parts]
    caption = (
        f"Mean over the members: {shares[0]:.0%} training, {shares[1]:.0%} reward, {shares[2]:.0%} waiting. Members "
        "that share a rank take turns, and share its waiting."
    )
    return Drawing("times", "Where the time of a cycle goes", caption, figure)


def draw_stragglers(facts: Facts) -> Drawing | None:
    table = facts.survey.by_member
    if len(table) < 2:
        return None
    figure, axes = new_figure()
    axes.bar(table.index, table["slowest"], color=VIOLET, alpha=0.8)
    axes.axhline(1 / len(table), color=INK, linewidth=0.8, linestyle="--", label="if all were alike")
    axes.set(xlabel="member", ylabel="share of cycles as the slowest")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    in_percent(axes)
    axes.legend(loc="upper right")
    busy = table["train"] + table["reward"]
    caption = f"The slowest member takes {busy.max() / busy.mean() - 1:.1%} longer than the mean: others wait for it."
    return Drawing("stragglers", "Stragglers", caption, figure)


def draw_all(facts: Facts) -> list[Drawing]:
    """The figures of a run, those without data left out."""
    with looks():
        drawings = [
            draw_learning(facts),
            draw_losses(facts),
            draw_spread(facts),
            draw_lineage(facts),
            *([draw_frequency(facts), draw_concentration(facts)] if len(facts.counts) else []),
            draw_entropy(facts),
            draw_change(facts),
            draw_classes(facts) if len(facts.counts) else None,
            draw_suspects(facts),
            draw_times(facts),
            draw_stragglers(facts),
        ]
    return [drawing for drawing in drawings if drawing is not None]


def draw_comparison(table: pd.DataFrame, names: dict[str, str], measure: str = "test_accuracy") -> Drawing:
    """Means with intervals of the result of compare.compare; `names` shortens the groups."""
    with looks():
        figure, axes = new_figure(height=1.0 + 0.35 * len(table))
        for row, (_, values) in enumerate(table.iterrows()):
            colour = SERIES[row % len(SERIES)]
            if np.isfinite(values["low"]):
                axes.plot([values["low"], values["high"]], [row, row], color=colour, linewidth=2)
            axes.plot(values["mean"], row, "o", color=colour, markersize=5)
        axes.set_yticks(range(len(table)), [names[str(group)] for group in table.index])
        axes.set_ylim(len(table) - 0.5, -0.5)
        axes.set(xlabel=f"{measure.replace('_', ' ')} of the last winner")
        if measure == "test_accuracy":
            in_percent(axes, "x")
    caption = (
        "Means over the seeds with 95 % confidence intervals (none for a single seed). Intervals that overlap do not "
        "settle it: the paired differences in the table do."
    )
    return Drawing("comparison", "Comparison", caption, figure)
