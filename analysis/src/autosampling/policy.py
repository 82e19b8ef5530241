"""What policy search learned: the weights round by round, how sure they are, and what they make a network draw.

The formulas are those of the program: P(x) ∝ exp(clip(Σ_j w_j · φ_j(x), −3, 3)), φ the signals of an example.

Letters: R rounds (the last row of a finished run is what stands after it), P members, J weights, N training indices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from . import measures
from .measures import Floats, counted
from .run import configuration

CLIP = 3.0  # of the exponent
MOST = 4.0  # of a weight, either way
_LEAST_CLASS_LOSS = 0.001  # nats, added before the logarithm
_FIRST_DECAY, _SECOND_DECAY, _DEVIATION_DECAY = 0.8, 0.9, 0.7
_COLUMN = "column:"


def weight_names(run: xr.Dataset) -> list[str]:
    """(J) such as "loss.rank", "class.size", "column:source=web". Raises ValueError for a run without a policy."""
    if "policy_weight" not in run:
        raise ValueError(f"{run.attrs.get('path')} has no policy (exploration.kind isn't policy)")
    return [str(name) for name in run["weight_name"].values]


def loss_features(rank: Floats) -> dict[str, Floats]:
    """The two φ of the signal `loss`, from ranks in (−1, 1); NaN: not seen yet."""
    unseen = np.isnan(rank)
    return {
        "loss.rank": np.where(unseen, 0, rank),
        "loss.extremes": np.where(unseen, 0, 1.5 * (rank * rank - 1 / 3)),
    }


def class_features(label: NDArray[np.integer], class_loss: Floats) -> dict[str, Floats]:
    """The two φ of the signal `class`: label (N), class_loss (C), nats, NaN where it isn't known."""
    size = np.bincount(label, minlength=len(class_loss))[label]
    known = ~np.isnan(class_loss)
    loss = np.where(known, np.log(np.where(known, class_loss, 0) + _LEAST_CLASS_LOSS), 0)[label]
    is_known = known[label]
    if is_known.any():
        loss = np.where(is_known, loss - loss[is_known].mean(), 0)
    return {"class.size": np.log(size) - np.log(size).mean(), "class.loss": loss}


def words_of(names: Sequence[str], column: str) -> list[str]:
    """The words of a column, which have a weight of these names each; none of a column of numbers."""
    prefix = f"{_COLUMN}{column}="
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]


def _word_features(column: str, values: NDArray[Any], words: Sequence[str]) -> dict[str, Floats]:
    texts = (values.astype(np.int8) if values.dtype.kind == "b" else values).astype(str)
    unknown = set(np.unique(texts).tolist()) - set(words)
    if unknown:
        raise ValueError(f"the policy has no weight for the value {min(unknown)} of the column {column}")
    is_word = {word: (texts == word).astype(float) for word in words}
    return {f"{_COLUMN}{column}={word}": there - there.mean() for word, there in is_word.items()}


def _number_feature(column: str, values: NDArray[Any]) -> Floats:
    if values.dtype.kind not in "biuf":
        raise ValueError(f"the policy goes by numbers of the column {column}, which has {values.dtype}")
    values = values.astype(float)
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"the column {column} has the value {values[row]} in row {row}")
    return (values - values.mean()) / values.std() if np.ptp(values) > 0 else np.zeros(len(values))


def column_features(names: Sequence[str], columns: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    """φ of the weights named column:NAME or column:NAME=WORD, from the columns (N) by name.

    Raises ValueError where a column is missing, isn't (N), or has a value that none of the weights is for.
    """
    features: dict[str, Floats] = {}
    wanted = [name.removeprefix(_COLUMN).partition("=")[0] for name in names if name.startswith(_COLUMN)]
    for column in dict.fromkeys(wanted):
        if column not in columns:
            raise ValueError(f"the policy goes by the column {column}: give its values")
        values = np.asarray(columns[column])
        if values.ndim != 1 or not len(values):
            raise ValueError(f"the column {column} has the shape {values.shape}: give one value an example")
        if words := words_of(names, column):
            features |= _word_features(column, values, words)
        else:
            features[_COLUMN + column] = _number_feature(column, values)
    return features


def exponent(weight: Mapping[str, float], features: Mapping[str, Floats]) -> Floats:
    """Σ_j w_j φ_j, clipped (N). Raises ValueError where a weight has no signal."""
    missing = [name for name in weight if name not in features]
    if missing:
        raise ValueError(
            f"the signal of {missing[0]} isn't known here: `autosampling history` gives the distribution of every round"
        )
    return np.clip(sum(w * features[name] for name, w in weight.items()), -CLIP, CLIP)


def read_columns(run: xr.Dataset) -> dict[str, NDArray[Any]]:
    """The user's own columns that the run went by, over its training indices: (N) words or numbers each."""
    columns: dict[str, NDArray[Any]] = {}
    if "column_value" not in run:
        return columns
    names = weight_names(run)
    for column, values in zip(run["column_name"].values, run["column_value"].values, strict=True):
        words = words_of(names, column)
        columns[str(column)] = np.array(words)[values.astype(int)] if words else values
    return columns


def round_features(run: xr.Dataset, round_: int, columns: Mapping[str, NDArray[Any]]) -> dict[str, Floats]:
    """φ of every weight whose signal the record has (N each), as it was in a round."""
    features: dict[str, Floats] = {}
    if "loss_level" in run:
        level = run["loss_level"][round_].values.astype(float)
        features |= loss_features(np.where(level > 0, (2 * level - 1) / 255 - 1, np.nan))
    if "class_reward_loss" in run:
        features |= class_features(run["label"].values, run["class_reward_loss"][round_].values)
    return features | column_features(weight_names(run), columns)


def probability(run: xr.Dataset, round_: int, columns: Mapping[str, NDArray[Any]] | None = None) -> Floats:
    """(N) what the policy, unperturbed, draws in a round. `columns` as read_columns gives them. Raises ValueError."""
    if columns is None:
        columns = read_columns(run)
    weight = dict(zip(weight_names(run), run["policy_weight"][round_].values, strict=True))
    weights = np.exp(exponent(weight, round_features(run, round_, columns)))
    return weights / weights.sum()


def _null_variance(updates: Floats) -> Floats:
    """Of q after so many updates in which rewards said nothing."""
    b = _FIRST_DECAY
    left = 1 - b**updates
    return (1 - b) ** 2 * (1 - b ** (2 * updates)) / ((1 - b * b) * left**2)


def weight_paths(
    perturbation: Floats,
    reward: Floats,
    finite: NDArray[np.bool_],
    vary: NDArray[np.bool_],
    scale: Floats,
    start: Floats,
    options: Mapping[str, float],
) -> Floats:
    """The weights (S, R + 1, J) that the program's update makes of rewards (S, R, P), for S cases at once.

    perturbation (R, P, J); finite (R, P); vary (R, J) whether the weight had an effect; scale (J); start (J) the
    weights of the first round; options: those of [exploration].
    """
    cases, rounds, _ = reward.shape
    weights = perturbation.shape[2]
    path = np.tile(start, (cases, rounds + 1, 1))
    moment, square = np.zeros((2, cases, weights))
    deviation = np.zeros(cases)
    updates = np.zeros(weights)
    for r in range(rounds):
        path[:, r + 1] = path[:, r]
        members = finite[r]
        if members.sum() < 2 or options["sigma"] == 0:
            continue
        centred = reward[:, r, members] - reward[:, r, members].mean(axis=1, keepdims=True)
        now = np.sqrt((centred**2).mean(axis=1))
        deviation = np.where(deviation == 0, now, _DEVIATION_DECAY * deviation + (1 - _DEVIATION_DECAY) * now)
        z = np.divide(centred, deviation[:, None], out=np.zeros_like(centred), where=deviation[:, None] > 0)
        gradient = z @ perturbation[r, members] / members.sum()
        on = vary[r]
        if not on.any():
            continue
        updates[on] += 1
        moment[:, on] = _FIRST_DECAY * moment[:, on] + (1 - _FIRST_DECAY) * gradient[:, on]
        square[:, on] = _SECOND_DECAY * square[:, on] + (1 - _SECOND_DECAY) * gradient[:, on] ** 2
        root = np.sqrt((square[:, on] / (1 - _SECOND_DECAY ** updates[on])).mean(axis=1, keepdims=True))
        corrected = moment[:, on] / (1 - _FIRST_DECAY ** updates[on])
        q = np.divide(corrected, root, out=np.zeros_like(corrected), where=root > 0)
        noise = options["tau"] ** 2 * _null_variance(updates[on])
        step = np.where(q * q > noise, q - np.divide(noise, q, out=np.zeros_like(q), where=q != 0), 0)
        moved = (1 - options["lambda"]) * path[:, r, on] + options["alpha"] * scale[on] * step
        path[:, r + 1, on] = np.clip(moved, -MOST, MOST)
    return path


def _evidence(run: xr.Dataset) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_], Floats]:
    """Of the rounds that ended: perturbation (R, P, J), reward (R, P), finite (R, P), vary (R, J), scale (J)."""
    names = weight_names(run)
    first = run["round_cycle"].values
    rounds = len(first) - 1
    last = first[1:] - 1
    loss = configuration(run)["exploration"].get("credit_signal", "loss") == "loss"
    reward = -run["reward_loss"].values[last] if loss else run["reward_accuracy"].values[last]
    finite = run["finite"].values.astype(bool)
    finite = np.array([finite[first[r] : first[r + 1]].all(axis=0) for r in range(rounds)]).reshape(rounds, -1)
    vary = np.ones((rounds, len(names)), bool)
    sizes = np.bincount(run["label"].values)
    by_column = column_features(names, read_columns(run))
    for j, name in enumerate(names):
        if name.startswith("loss."):
            levels = run["loss_level"].values[:rounds]
            vary[:, j] = levels.min(axis=1) != levels.max(axis=1)
        elif name == "class.size":
            vary[:, j] = len(set(sizes[sizes > 0])) > 1
        elif name == "class.loss":
            known = run["class_reward_loss"].values[:rounds]
            vary[:, j] = [len(set(row[~np.isnan(row)])) > 1 for row in known]
        elif name in ("score", "count"):
            vary[0, j] = False
        elif name in by_column:
            vary[:, j] = np.ptp(by_column[name]) > 0
    scale = np.array([0.7 if name == "loss.extremes" else 1.0 for name in names])
    return run["policy_perturbation"].values[:rounds], reward, finite, vary, scale


def retrace(run: xr.Dataset) -> Floats:
    """(R + 1, J) the weights again, from the recorded rewards and perturbations: equal to `policy_weight`."""
    perturbation, reward, finite, vary, scale = _evidence(run)
    start = run["policy_weight"].values[0]
    return weight_paths(perturbation, reward[None], finite, vary, scale, start, configuration(run)["exploration"])[0]


def chance_band(run: xr.Dataset, cases: int = 400, seed: int = 0) -> tuple[Floats, Floats]:
    """(R + 1, J) each: between which the weights would be in 95 % of cases if the rewards said nothing of the policies.

    The rewards of each round are dealt out to its finite members at random, and the weights found again from them.
    """
    perturbation, reward, finite, vary, scale = _evidence(run)
    random = np.random.default_rng(seed)
    dealt = np.repeat(reward[None], cases, axis=0)
    for r, members in enumerate(finite):
        dealt[:, r, members] = random.permuted(dealt[:, r, members], axis=1)
    start = run["policy_weight"].values[0]
    path = weight_paths(perturbation, dealt, finite, vary, scale, start, configuration(run)["exploration"])
    low, high = np.quantile(path, (0.025, 0.975), axis=0)
    return low, high


def shares_by_loss(run: xr.Dataset, round_: int, drawn: Floats, parts: int = 10) -> Floats | None:
    """(parts) share of the draws by rank of the last seen loss, the smallest first; None where no loss is known.

    drawn (N): probability. Uniform draws have 1 / parts each; indices that weren't seen are left out.
    """
    if "loss_level" not in run:
        return None
    level = run["loss_level"][round_].values.astype(int)
    seen = level > 0
    if not seen.any():
        return None
    part = np.minimum((level[seen] - 1) * parts // 255, parts - 1)
    there = np.bincount(part, minlength=parts) / seen.sum()
    share = np.bincount(part, weights=drawn[seen], minlength=parts) / drawn[seen].sum()
    even = np.divide(share, there * parts, out=np.full(parts, 1 / parts), where=there > 0)  # parts aren't quite alike
    return even / even.sum()


def ratios(groups: NDArray[Any], drawn: Floats) -> dict[Any, float]:
    """By value of `groups` (N): its share of the draws over its share of the training set."""
    values, inverse = np.unique(groups, return_inverse=True)
    share = np.bincount(inverse, weights=drawn) / drawn.sum()
    return dict(zip(values.tolist(), share / (np.bincount(inverse) / len(groups)), strict=True))


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times as often as uniform draws do"


def describe(run: xr.Dataset, columns: Mapping[str, NDArray[Any]] | None = None) -> list[str]:
    """In words, what the policy prefers at the end: a sentence a signal. Raises as `probability`."""
    if columns is None:
        columns = read_columns(run)
    last = run.sizes["round"] - 1
    drawn = probability(run, last, columns)
    sentences = []
    by_loss = shares_by_loss(run, last, drawn, 2)
    tenths = shares_by_loss(run, last, drawn, 10)
    if by_loss is not None and tenths is not None:
        half = by_loss[1]
        side = "low" if half < 0.45 else "high" if half > 0.55 else None
        what = f"Prefers {side} losses" if side else "Draws high and low losses alike"
        sentences.append(
            f"{what}: {half:.0%} of the draws have one of the upper half, {tenths[-1]:.0%} one of the highest tenth."
        )
    if any(name.startswith("class.") for name in weight_names(run)):
        names = measures.class_names(run)
        by_class = ratios(run["label"].values, drawn)
        most, least = max(by_class, key=lambda c: by_class[c]), min(by_class, key=lambda c: by_class[c])
        if by_class[most] < 1.1 * by_class[least]:
            sentences.append("Draws all classes by their size.")
        else:
            sizes = np.bincount(run["label"].values)
            sentences.append(
                f"Draws class {names[most]} ({sizes[most]:,} images) {_times(by_class[most])}, "
                f"class {names[least]} ({sizes[least]:,} images) {_times(by_class[least])}."
            )
    for name, values in columns.items():
        groups, labels = column_groups(values)
        by_group = ratios(groups, drawn)
        ordered = sorted(by_group, key=lambda group: -by_group[group])
        listed = ordered if len(ordered) <= 4 else [ordered[0], ordered[-1]]
        parts = ", ".join(f"{labels[group]} {by_group[group]:.1f} times" for group in listed)
        sentences.append(f"By {name}: draws {parts} as often as uniform draws do.")
    return sentences


def column_groups(values: NDArray[Any], parts: int = 4) -> tuple[NDArray[np.integer], list[str]]:
    """(N) groups of a column, with a name each: its values where they are few, else quarters by rank."""
    different = np.unique(values)
    if len(different) <= 20 or values.dtype.kind not in "iuf":
        return np.searchsorted(different, values), [str(value) for value in different]
    bounds = np.quantile(values.astype(float), np.linspace(0, 1, parts + 1))
    groups = np.clip(np.searchsorted(bounds[1:-1], values, side="right"), 0, parts - 1)
    return groups, [f"{low:.4g} to {high:.4g}" for low, high in zip(bounds[:-1], bounds[1:], strict=True)]


def format_policy(run: xr.Dataset) -> str:
    """The weights at the end beside chance, and what they prefer, for a terminal."""
    names = weight_names(run)
    low, high = chance_band(run)
    weight = run["policy_weight"].values[-1]
    rounds = counted(run.sizes["round"] - 1, "round")
    lines = [f"{rounds}; weights at the end, and 95 % of what chance alone would make of them"]
    lines += [
        f"  {n:24} {w:+.2f}   {a:+.2f} to {b:+.2f}" for n, w, a, b in zip(names, weight, low[-1], high[-1], strict=True)
    ]
    try:
        lines += describe(run)
    except ValueError as error:
        lines.append(str(error))
    return "\n".join(lines)
