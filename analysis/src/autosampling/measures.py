"""What a run shows, as numbers. Every function takes a Dataset of open_run, finished or not.

Letters: T cycles, P members, K draws a cycle, N training indices, C classes, W windows of time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from .run import configuration

Floats = NDArray[np.float64]
_BLOCK_BYTES = 32 << 20  # of one dataset, read at a time


def blocks(run: xr.Dataset, *names: str) -> Iterator[tuple[slice, list[np.ndarray]]]:
    """The cycles of some variables a block at a time, so that no record is too large."""
    cycles = run.sizes["cycle"]
    widest = max(run[name].dtype.itemsize * int(np.prod(run[name].shape[1:])) for name in names)
    step = max(1, _BLOCK_BYTES // max(1, widest))
    for first in range(0, cycles, step):
        rows = slice(first, min(cycles, first + step))
        yield rows, [run[name][rows].values for name in names]


def epochs_at(run: xr.Dataset, cycle: NDArray[np.integer] | int) -> Floats:
    """Epochs of a member after cycle number `cycle` (from 0), as a real number."""
    return (np.asarray(cycle) + 1) * run.attrs["draws"] / run.attrs["training_images"]


def has_winners(run: xr.Dataset) -> bool:
    """Whether members win; where they are averaged instead there is no winning schedule."""
    return "winner" in run


def counted(number: int, thing: str) -> str:
    """`number` of these things, as in "1 round" and "1,200 rounds"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def judged(run: xr.Dataset) -> str:
    """What a run is judged by, in a word."""
    return "winner" if has_winners(run) else "mean of the members"


def judged_blocks(run: xr.Dataset) -> Iterator[tuple[slice, Floats, Floats, Floats]]:
    """What is `measured`, the loss, both on the reward set, and learning rate of what the run is judged by, by blocks.

    NaN within a round, where members that are averaged at its end haven't been yet.
    """
    if not has_winners(run):
        names = (f"mean_reward_{measured(run)}", "mean_reward_loss", "learning_rate")
        for rows, (value, loss, rate) in blocks(run, *names):
            yield rows, value, loss, rate[:, 0]
        return
    of_members = (f"reward_{measured(run)}", "reward_loss", "learning_rate")
    for rows, (winner, *parts) in blocks(run, "winner", *of_members):
        value, loss, rate = (part[np.arange(len(winner)), winner] for part in parts)
        yield rows, value, loss, rate


def lineage(run: xr.Dataset) -> NDArray[np.int32]:
    """(T) the ancestor in each cycle of the best member of the last one. Raises ValueError without winners."""
    if not has_winners(run):
        raise ValueError("the run averaged its members (population.selection = mean): it has no winners")
    if "line" in run:
        return run["line"].values
    cycles = run.sizes["cycle"]
    line = np.empty(cycles, np.int32)
    line[-1] = run["winner"][-1].item()
    step = max(1, _BLOCK_BYTES // (4 * run.sizes["member"]))
    for end in range(cycles - 1, 0, -step):
        first = max(0, end - step)
        parent = run["parent"][first:end].values
        for cycle in range(end - 1, first - 1, -1):
            line[cycle] = parent[cycle - first, line[cycle + 1]]
    return line


def schedule_blocks(run: xr.Dataset) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    """The winning schedule (T, K) a block of cycles at a time."""
    if "schedule" in run:
        for rows, (part,) in blocks(run, "schedule"):
            yield rows, part
        return
    line = lineage(run)
    for rows, (survivor, fed) in blocks(run, "survivor", "survivor_schedule"):
        slot = np.argmax(survivor == line[rows, None], axis=1)
        yield rows, fed[np.arange(len(slot)), slot]


def schedule(run: xr.Dataset) -> xr.DataArray:
    """(T, K) the winning schedule: training indices in the order of feeding."""
    parts = [part for _, part in schedule_blocks(run)]
    return xr.DataArray(np.concatenate(parts), dims=("cycle", "draw"), coords={"cycle": run["cycle"]}, name="schedule")


def windows(run: xr.Dataset, most: int = 12) -> NDArray[np.int64]:
    """(W + 1) bounds of at most `most` windows, nearly equal: of whole epochs where there are enough, else of cycles.

    Together they cover all cycles: what follows the last epoch goes with it.
    """
    cycles = run.sizes["cycle"]
    ends = run["epoch_cycle"].values + 1 if "epoch_cycle" in run else np.empty(0, np.int64)
    if len(ends) < most // 2:
        return np.unique(np.linspace(0, cycles, min(most, cycles) + 1).astype(np.int64))
    last = np.linspace(0, len(ends), min(most, len(ends)) + 1).astype(np.int64)[1:] - 1
    return np.concatenate(([0], ends[last[:-1]], [cycles])).astype(np.int64)


def draw_counts(run: xr.Dataset, bounds: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """(W, N) how often the winning schedule has each training index, by window of cycles; by default one window.

    Without winners the draws of all members, in one window. Raises ValueError where those aren't known (yet).
    """
    bounds = np.array([0, run.sizes["cycle"]]) if bounds is None else bounds
    if not has_winners(run):
        if len(bounds) > 2 or "count" not in run:
            raise ValueError("the draws of averaged members aren't recorded: `count` has them all, at the end")
        return run["count"].values[None]
    counts = np.zeros((len(bounds) - 1, run.attrs["training_images"]), np.int64)
    for rows, part in schedule_blocks(run):
        for window, (first, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
            inside = part[max(0, first - rows.start) : max(0, end - rows.start)]
            if inside.size:
                counts[window] += np.bincount(inside.ravel(), minlength=counts.shape[1])
    return counts


def entropy(shares: Floats) -> float:
    """Of a distribution, in nats; shares need not add up to 1."""
    return float(stats.entropy(shares))


def effective_size(shares: Floats) -> float:
    """How many indices a uniform distribution of the same concentration would have: (sum p)^2 / sum p^2."""
    return float(np.sum(shares) ** 2 / np.sum(np.square(shares, dtype=np.float64)))


def top_share(shares: Floats, fraction: float = 0.01) -> float:
    """Share of the most likely `fraction` of the indices."""
    largest = np.sort(shares)[::-1][: max(1, round(fraction * len(shares)))]
    return float(largest.sum() / np.sum(shares))


def probabilities(run: xr.Dataset) -> Floats | None:
    """(N) the learned distribution at the end; None before the end."""
    return run["probability"].values if "probability" in run else None


def drift(counts: NDArray[np.int64], seed: int = 0) -> pd.DataFrame:
    """Total variation between the draws of consecutive windows (W, N), beside what chance alone gives.

    `chance` is the mean distance of two samples of the same sizes from the two windows' common frequencies.
    """
    random = np.random.default_rng(seed)
    rows = []
    for before, after in zip(counts[:-1], counts[1:], strict=True):
        first, second = random.multinomial([before.sum(), after.sum()], (before + after) / (before + after).sum())
        rows.append((_total_variation(before, after), _total_variation(first, second)))
    return pd.DataFrame(rows, columns=["distance", "chance"])


def _total_variation(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    return float(np.abs(a / a.sum() - b / b.sum()).sum() / 2)


def class_names(run: xr.Dataset) -> list[str]:
    if "class_name" in run:
        return [str(name) for name in run["class_name"].values]
    return [str(number) for number in range(run.attrs["classes"])]


def is_regression(run: xr.Dataset) -> bool:
    """Whether the run predicts numbers: there are losses then, and no accuracies."""
    return int(run.attrs["classes"]) == 1


def rank_share(run: xr.Dataset) -> float:
    """What of a rank's seconds falls to each of its members, on the mean: its waiting is in the record of each."""
    members = run.sizes["member"]
    return min(int(run.attrs["ranks"]), members) / members


def measured(run: xr.Dataset) -> str:
    """What members are compared by in tables and figures: accuracy, or loss in a regression."""
    return "loss" if is_regression(run) else "accuracy"


def class_shares(run: xr.Dataset, counts: NDArray[np.int64]) -> Floats:
    """(W, C) share of the classes, by the labels trained on, in the draws of each window (W, N)."""
    label = run["label"].values
    by_class = np.stack([np.bincount(label, weights=row, minlength=run.attrs["classes"]) for row in counts])
    return by_class / by_class.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Curves:
    """What happened in each cycle, averaged over bins of cycles. (B) each: B bins."""

    epoch: Floats  # at the end of the bin
    best: Floats  # what is `measured` on the reward set, of the winner, or of the mean
    mean: Floats  # of the finite members
    low: Floats  # smallest and largest of all members in the bin
    high: Floats
    spread: Floats  # standard deviation over the members
    binomial: Floats  # the standard error of one accuracy on the reward set
    winner_loss: Floats  # its reward-set loss
    train_loss: Floats  # mean over the members
    learning_rate: Floats
    train: Floats  # seconds a cycle, mean over the members
    reward: Floats
    wait: Floats


@dataclass(frozen=True)
class Survey:
    """Rewards, losses and times: what one reading of all cycles gives."""

    by_cycle: dict[str, Floats]  # (T) over the members, by name as in Curves
    by_member: pd.DataFrame  # mean seconds of training, reward and waiting; share of cycles in which it was the slowest


def survey_run(run: xr.Dataset) -> Survey:
    cycles, members = run.sizes["cycle"], run.sizes["member"]
    names = ("best", "mean", "low", "high", "spread", "winner_loss", "train_loss", "learning_rate")
    times = ("train", "reward", "wait")
    found = {name: np.empty(cycles) for name in (*names, *times)}
    sums, slowest = np.zeros((len(times), members)), np.zeros(members)
    for rows, value, loss, rate in judged_blocks(run):
        found["best"][rows], found["winner_loss"][rows], found["learning_rate"][rows] = value, loss, rate
    read = (f"reward_{measured(run)}", "train_loss", *(f"seconds_{name}" for name in times))
    for rows, (value, train_loss, *seconds) in blocks(run, *read):
        clean = np.where(np.isfinite(value), value, np.nan)
        number = np.maximum(1, np.isfinite(clean).sum(axis=1))
        found["mean"][rows] = np.nansum(clean, axis=1) / number
        squares = np.nansum((clean - found["mean"][rows, None]) ** 2, axis=1)
        found["spread"][rows] = np.sqrt(squares / np.maximum(1, number - 1))
        found["low"][rows], found["high"][rows] = np.fmin.reduce(clean, axis=1), np.fmax.reduce(clean, axis=1)
        finite = np.isfinite(train_loss)
        found["train_loss"][rows] = np.where(finite, train_loss, 0).sum(axis=1) / np.maximum(1, finite.sum(axis=1))
        for name, total, values in zip(times, sums, seconds, strict=True):
            found[name][rows] = values.mean(axis=1)
            total += values.sum(axis=0)
        slowest += np.bincount((seconds[0] + seconds[1]).argmax(axis=1), minlength=members)
    table = pd.DataFrame(sums.T / cycles, columns=list(times))
    table["slowest"] = slowest / cycles
    table.index.name = "member"
    return Survey(found, table)


def reward_examples(run: xr.Dataset) -> int:
    """How many examples one reward is measured on."""
    subset = int(configuration(run)["data"].get("reward_images_per_cycle", 0))
    return subset or (run.sizes["reward_index"] if "reward_index" in run.sizes else 0)


def _bin_starts(cycles: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, cycles, min(most, cycles) + 1).astype(np.int64))[:-1]


def curves(run: xr.Dataset, survey: Survey | None = None, bins: int = 400) -> Curves:
    """Rewards, losses and times over the run, in at most so many bins. `survey` is `survey_run`'s, if it is at hand."""
    cycles = run.sizes["cycle"]
    starts = _bin_starts(cycles, bins)
    by_cycle = (survey or survey_run(run)).by_cycle
    lengths = np.diff(np.append(starts, cycles))

    def mean(name: str) -> Floats:
        values = by_cycle[name]
        known = np.isfinite(values)
        sums = np.add.reduceat(np.where(known, values, 0), starts)
        numbers = np.add.reduceat(known.astype(float), starts)
        return np.divide(sums, numbers, out=np.full(len(starts), np.nan), where=numbers > 0)

    examples = reward_examples(run)
    share = np.clip(mean("mean"), 0, 1)
    counted = examples and not is_regression(run)
    binomial = np.sqrt(share * (1 - share) / examples) if counted else np.full(len(starts), np.nan)
    return Curves(
        epoch=epochs_at(run, starts + lengths - 1),
        low=np.fmin.reduceat(by_cycle["low"], starts),
        high=np.fmax.reduceat(by_cycle["high"], starts),
        binomial=binomial,
        **{name: mean(name) for name in by_cycle if name not in ("low", "high")},
    )


def suspects(run: xr.Dataset, counts: NDArray[np.int64] | None = None) -> pd.DataFrame:
    """The training indices, the most suspect of a wrong label first: lowest score, by the draws' effect on the reward.

    Columns: index, row (of the training file), label, true_label, score, draws. Without advantage credit the score is
    the number of draws in the winning schedule, `counts` (N) if they are at hand: a far weaker sign. Raises ValueError
    before the end of a run with advantage credit.
    """
    if "score" in run:
        score, draws = run["score"].values, run["draw_count"].values
    elif configuration(run)["exploration"].get("credit") == "advantage":
        raise ValueError(f"{run.attrs['path']} has no scores yet (they come with run.h5): autosampling finish makes it")
    else:
        draws = draw_counts(run)[0] if counts is None else counts
        score = draws.astype(float)
    table = pd.DataFrame(
        {
            "index": np.arange(len(score)),
            "row": run["split_training"].values,
            "label": run["label"].values,
            "true_label": run["true_label"].values,
            "score": score,
            "draws": draws,
        }
    )
    return table.sort_values("score", kind="stable", ignore_index=True)


def detection(wrong: NDArray[np.bool_], suspicion: Floats) -> tuple[float, float]:
    """Area under the ROC curve of a suspicion, and its standard error (DeLong et al., Biometrics 1988).

    The area is the chance that a wrong label is more suspect than a right one, ties counting half: 0.5 is guessing.
    Examples whose suspicion is NaN are left out. NaN where there are fewer than two (for the area: one) of a kind.
    """
    known = ~np.isnan(suspicion)
    wrong, suspicion = wrong[known], suspicion[known]
    kinds = suspicion[wrong], suspicion[~wrong]
    wrongs, rights = (len(kind) for kind in kinds)
    if wrongs == 0 or rights == 0:
        return float("nan"), float("nan")
    ranks = stats.rankdata(suspicion)
    # For each wrong label the share of right ones that are less suspect; for each right one that of wrong ones.
    below_wrong = (ranks[wrong] - stats.rankdata(kinds[0])) / rights
    below_right = (ranks[~wrong] - stats.rankdata(kinds[1])) / wrongs
    if min(wrongs, rights) < 2:
        return float(below_wrong.mean()), float("nan")
    variance = below_wrong.var(ddof=1) / wrongs + below_right.var(ddof=1) / rights
    return float(below_wrong.mean()), float(np.sqrt(variance))


def wrong_label_auc(table: pd.DataFrame) -> float:
    """`detection` by the scores of a table of suspects: known where noise was planted, else NaN."""
    wrong = (table["label"] != table["true_label"]).to_numpy()
    return detection(wrong, -table["score"].to_numpy(float))[0]


@dataclass(frozen=True)
class Outcome:
    """What a run reached, and what it cost."""

    test_accuracy: float  # of the last epoch's winner, or mean; so below; NaN in a regression
    test_loss: float
    test_accuracy_stopped: float  # at the epoch with the lowest reward-set loss: chosen without the test set
    reward_accuracy: float  # of the last winner; the best of many noisy values; NaN in a regression
    reward_loss: float  # of the last epoch's winner
    reward_loss_stopped: float  # lowest at the end of an epoch
    epochs: float
    member_epochs: float
    images: int  # trained on by all members, repeated cycles included
    member_hours: float  # of training and reward, repeated cycles left out
    wait_share: float  # of the ranks' time
    reward_queries: int  # evaluations of a member on the reward set
    repeated: int  # cycles' attempts that came to nothing


def outcome(run: xr.Dataset, survey: Survey | None = None) -> Outcome:
    """The run's outcome so far. `survey` is `survey_run`'s, if it is at hand."""
    cycles, members = run.sizes["cycle"], run.sizes["member"]
    survey = survey or survey_run(run)
    repeated = int(run["attempt"].values.sum())
    seconds = survey.by_member[["train", "reward", "wait"]].sum() * cycles
    seconds["wait"] *= rank_share(run)
    images = (cycles + repeated) * members * run.attrs["draws"]
    test = test_loss = stopped = loss = loss_stopped = float("nan")
    if run.sizes.get("epoch", 0):
        losses = survey.by_cycle["winner_loss"][run["epoch_cycle"].values]
        accuracies = run["test_accuracy"].values
        best = int(np.nanargmin(losses)) if np.isfinite(losses).any() else -1
        test, stopped = float(accuracies[-1]), float(accuracies[best])
        test_loss = float(run["test_loss"].values[-1])
        loss, loss_stopped = float(losses[-1]), float(losses[best])
    return Outcome(
        test_accuracy=test,
        test_loss=test_loss,
        test_accuracy_stopped=stopped,
        reward_accuracy=float("nan") if is_regression(run) else float(survey.by_cycle["best"][-1]),
        reward_loss=loss,
        reward_loss_stopped=loss_stopped,
        epochs=float(epochs_at(run, cycles - 1)),
        member_epochs=images / run.attrs["training_images"],
        images=images,
        member_hours=float(seconds["train"] + seconds["reward"]) / 3600,
        wait_share=float(seconds["wait"] / max(seconds.sum(), 1e-300)),
        reward_queries=(cycles + repeated) * members,
        repeated=repeated,
    )
