"""The figures of what was sampled: frequencies, classes, the learned distribution, the suspects."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from . import measures
from .facts import Facts
from .style import BLUE, GREEN, MUTED, ORANGE, Drawing, in_percent, new_figure


def draw_frequency(facts: Facts) -> Drawing:
    total = facts.total_counts
    mean = total.mean()
    high = int(max(np.quantile(total, 0.999), stats.poisson.ppf(0.999, mean))) + 2
    width = max(1, high // 60)
    edges = np.arange(0, high + width, width)
    figure, axes = new_figure()
    seen = np.histogram(np.minimum(total, edges[-1] - 1), edges)[0]
    axes.bar(edges[:-1], seen, width=width, align="edge", color=BLUE, alpha=0.75, linewidth=0, label="this run")
    share = np.diff(stats.poisson.cdf(edges - 1, mean))
    low, up = stats.binom.interval(0.95, len(total), np.clip(share, 0, 1))
    steps: dict[str, Any] = {"step": "post", "linewidth": 0}
    low, up, middle = (np.append(values, values[-1]) for values in (low, up, share * len(total)))
    axes.fill_between(edges, low, up, color=ORANGE, alpha=0.3, label="95 % of uniform draws", **steps)
    axes.step(edges, middle, where="post", color=ORANGE, linewidth=1.2)
    axes.set(xlabel="draws of a training index in the winning schedule", ylabel="training indices")
    axes.legend(loc="upper right")
    caption = (
        f"{len(total):,} indices, {mean:.1f} draws each on average. Poisson: uniform draws with replacement; uniform "
        f"epochs without replacement lie closer together. {np.mean(total == 0):.1%} of the indices were never in the "
        f"winning schedule (Poisson: {np.exp(-mean):.1%})."
    )
    return Drawing("frequency", "How often indices were sampled", caption, figure)


def draw_classes(facts: Facts) -> Drawing | None:
    run = facts.run
    if measures.is_regression(run):
        return None
    shares = measures.class_shares(run, facts.counts)
    given = np.bincount(run["label"].values, minlength=run.attrs["classes"]) / run.attrs["training_images"]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = shares / given
    final = ratio[-1]
    order = np.argsort(final)
    shown = set(order[np.isfinite(final[order])][[0, -1]]) if np.isfinite(final).any() else set()
    names = measures.class_names(run)
    draws = facts.counts.sum(axis=1).min()
    error = np.sqrt((1 - np.median(given)) / np.median(given[given > 0]) / draws)
    figure, axes = new_figure()
    axes.axhspan(1 - 1.96 * error, 1 + 1.96 * error, color=MUTED, alpha=0.18, linewidth=0, label="chance, 95 %")
    for label in range(len(names)):
        style: dict[str, Any] = {"color": MUTED, "linewidth": 0.8, "alpha": 0.7}
        if label in shown:
            style = {
                "color": ORANGE if label == order[0] else BLUE,
                "linewidth": 1.6,
                "label": f"class {names[label]}",
            }
        marker = "o" if len(ratio) == 1 else None
        axes.plot(facts.window_epochs, ratio[:, label], marker=marker, **style)
    axes.set(xlabel="epochs of a member", ylabel="share / share in the training set")
    axes.legend(loc="best")
    drawn = "the winning schedule" if measures.has_winners(run) else "the draws of all members"
    caption = (
        f"Share of each class in {drawn}, against its share of the training set (by the label trained on). "
        "Coloured: the class that gained most and the one that lost most, by the last window."
    )
    return Drawing("classes", "Class shares over time", caption, figure)


def draw_change(facts: Facts) -> Drawing | None:
    if len(facts.counts) < 3:
        return None
    table = measures.drift(facts.counts)
    figure, axes = new_figure()
    at = facts.window_epochs[1:]
    axes.plot(at, table["distance"], color=BLUE, marker="o", markersize=3.5, label="measured")
    axes.plot(at, table["chance"], color=ORANGE, marker="o", markersize=3.5, label="chance alone")
    axes.set(xlabel="epochs of a member", ylabel="total variation", ylim=(0, None))
    axes.legend(loc="best")
    caption = (
        "Distance between the draws of one window and of the window before it, beside that of two samples from one "
        "distribution. Below chance: draws without replacement. Above: the distribution moved."
    )
    return Drawing("change", "Change of the distribution", caption, figure)


def draw_entropy(facts: Facts) -> Drawing | None:
    run = facts.run
    if not run.sizes.get("epoch", 0):
        return None
    at = measures.epochs_at(run, run["epoch_cycle"].values)
    entropy = run["distribution_entropy"].values
    figure, axes = new_figure()
    axes.plot(at, np.exp(entropy) / run.attrs["training_images"], color=BLUE, marker="o", markersize=3.5)
    axes.axhline(1, color=MUTED, linewidth=0.8, linestyle="--")
    axes.set(xlabel="epochs of a member", ylabel="exp(entropy) / indices", ylim=(0, 1.05))
    in_percent(axes)
    caption = "Effective share of the training set under the learned distribution, before mixing; 100 % is uniform."
    return Drawing("entropy", "Breadth of the learned distribution", caption, figure)


def draw_concentration(facts: Facts) -> Drawing:
    figure, axes = new_figure()
    grid = np.linspace(0, 1, 201)
    curves = [(facts.total_counts.astype(float), BLUE, "schedule")]
    learned = measures.probabilities(facts.run)
    if learned is not None:
        curves.append((learned, GREEN, "learned at the end"))
    for values, colour, label in curves:
        held = np.cumsum(np.sort(values)[::-1]) / values.sum()
        held = np.interp(grid, np.linspace(0, 1, len(values) + 1), np.concatenate(([0], held)))
        top = measures.top_share(values)
        axes.plot(grid, held, color=colour, label=f"{label}: top 1 % holds {top:.1%}")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle="--", label="uniform")
    axes.set(xlabel="indices, the most sampled first", ylabel="share of the draws", xlim=(0, 1), ylim=(0, 1))
    in_percent(axes)
    in_percent(axes, "x")
    axes.legend(loc="lower right")
    sizes = ", ".join(f"{measures.effective_size(v) / len(v):.0%} ({label})" for v, _, label in curves)
    caption = (
        f"Effective sample size as a share of the training set: {sizes}. Chance alone bends the curve of the winning "
        "schedule."
    )
    return Drawing("concentration", "Concentration", caption, figure)


def draw_suspects(facts: Facts) -> Drawing | None:
    table = facts.suspects
    if table is None:
        return None
    wrong = (table["label"] != table["true_label"]).to_numpy()
    figure, axes = new_figure()
    score = table["score"].to_numpy()
    low, high = np.quantile(score, [0.001, 0.999])
    if "score" in facts.run:
        edges = np.linspace(low, max(high, low + 1e-9), 60)
    else:  # whole numbers
        edges = np.arange(low, high + 2, max(1, (high - low) // 60)) - 0.5
    has_noise = wrong.any()
    groups = [(score[~wrong], BLUE, "right label" if has_noise else "all indices")]
    if has_noise:
        groups.append((score[wrong], ORANGE, "wrong label (noise was planted)"))
    for values, colour, label in groups:
        weights = np.full(len(values), 1 / max(1, len(values)))
        axes.hist(
            np.clip(values, edges[0], edges[-1]), edges.tolist(), weights=weights, color=colour, alpha=0.55, label=label
        )
    axes.set(xlabel="score" if "score" in facts.run else "draws in the winning schedule", ylabel="share of its group")
    in_percent(axes)
    axes.legend(loc="best")
    if has_noise:
        first = wrong[: max(1, len(wrong) // 20)].mean()
        caption = (
            f"Area under the curve {measures.wrong_label_auc(table):.3f} (0.5: guessing). Of the 5 % of the indices "
            f"with the lowest scores {first:.0%} have a wrong label, of all {wrong.mean():.0%}."
        )
    else:
        caption = (
            "The lowest scores are the suspects for wrong labels. A score is about standard normal for an index that "
            "changes nothing, so that some low ones are mere chance. No true labels are known to differ here."
        )
    if "score" not in facts.run:
        caption += " Winner credit has no scores: the number of draws stands for them, a far weaker sign."
    return Drawing("suspects", "Scores and suspects", caption, figure)
