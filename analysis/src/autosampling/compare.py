"""Several runs side by side: what they reached, and differences paired by seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from .measures import outcome
from .run import configuration

# Options that say where and how, not what is searched.
_BESIDE_THE_POINT = {"run", "record", "data.path", "data.stage", "data.keep_staged", "data.decode_threads"}
_BESIDE_THE_POINT |= {"replay.source", "replay.identity"}
_COMPUTED = {"data.mean", "data.std"}  # where data.standardise is set, of the seed's own split


def _seed(run: xr.Dataset) -> int:
    """What runs are paired by: the run's seed; a replay's is that of the data, which it has from the run replayed."""
    options = configuration(run)
    if options.get("replay", {}).get("mode", "none") == "none":
        return int(run.attrs["seed"])
    return int(options["data"]["seed"])


def _options(run: xr.Dataset) -> dict[str, Any]:
    found = {}
    seed = _seed(run)
    left_out = _BESIDE_THE_POINT | (_COMPUTED if configuration(run).get("data", {}).get("standardise") else set())
    for section, options in configuration(run).items():
        for key, value in options.items():
            name = f"{section}.{key}"
            if name == "data.seed" and value == seed:
                continue  # the run's own, unless set
            if section not in left_out and name not in left_out:
                found[name] = str(value)
    if found.get("data.name") != "synthetic" and "dataset_hash" in run.attrs:  # made-up data go by the seed
        found["data"] = f"{run.attrs['dataset_hash']:016x}"
    return found


def name_groups(runs: Sequence[xr.Dataset]) -> list[str]:
    """For each run the options in which it differs from the others: runs that differ in the seed alone share a name."""
    options = [_options(run) for run in runs]
    keys = sorted(set().union(*options))
    varied = [key for key in keys if len({option.get(key) for option in options}) > 1]
    return [", ".join(f"{key} = {option.get(key, '-')}" for key in varied) or "all" for option in options]


def outcomes(runs: Sequence[xr.Dataset]) -> pd.DataFrame:
    """A row a run: path, group, seed, and the fields of measures.Outcome."""
    rows = []
    for run, group in zip(runs, name_groups(runs), strict=True):
        about = {"path": run.attrs["path"], "group": group, "seed": _seed(run), "state": run.attrs["state"]}
        rows.append(about | asdict(outcome(run)))
    return pd.DataFrame(rows)


def mean_with_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean and its confidence interval by Student's t; the interval is NaN for fewer than two values."""
    sample = np.asarray(values, float)
    mean = float(sample.mean())
    if len(sample) < 2:
        return mean, float("nan"), float("nan")
    half = float(stats.t.ppf((1 + confidence) / 2, len(sample) - 1) * sample.std(ddof=1) / np.sqrt(len(sample)))
    return mean, mean - half, mean + half


def _check_once(table: pd.DataFrame) -> None:
    doubled = table[table.duplicated(["group", "seed"], keep=False)]
    if len(doubled):
        paths = ", ".join(doubled["path"])
        raise ValueError(f"{paths} have the same options and the same seed (pairing needs one each): leave one out")


def default_measure(table: pd.DataFrame) -> str:
    """What runs are compared by: the test accuracy, or, of regressions, which have none, the test loss."""
    return "test_loss" if table["test_accuracy"].isna().all() and table["test_loss"].notna().any() else "test_accuracy"


def compare(table: pd.DataFrame, measure: str = "test_accuracy", baseline: str | None = None) -> pd.DataFrame:
    """By group: mean of a measure over the seeds with its 95 % interval, and the difference from the baseline.

    `table` is that of `outcomes`. Differences are paired: of runs of the same seed, with the interval over seeds, so
    that what the seeds have in common falls out. The baseline is a group, by default that of the first run.

    Raises ValueError where a group has a seed twice, or there is no such baseline.
    """
    _check_once(table)
    groups = {str(name): group.set_index("seed")[measure] for name, group in table.groupby("group", sort=False)}
    baseline = next(iter(groups)) if baseline is None else baseline
    if baseline not in groups:
        raise ValueError(f"there is no group {baseline!r}: take one of {'; '.join(groups)}")
    found = pd.DataFrame(_rows(groups, baseline), columns=_COLUMNS).set_index("group")
    found.attrs["baseline"] = baseline
    return found


_COLUMNS = ["group", "runs", "mean", "low", "high", "pairs", "difference", "difference_low", "difference_high", "p"]


def _rows(groups: Mapping[str, pd.Series], baseline: str) -> Iterator[tuple[Any, ...]]:
    for name, values in groups.items():
        row = (name, len(values), *mean_with_interval(values.to_numpy()))
        paired = (values - groups[baseline]).dropna().to_numpy()
        if name == baseline or len(paired) == 0:
            yield (*row, len(paired) if name != baseline else 0, *[float("nan")] * 4)
            continue
        p = stats.ttest_1samp(paired, 0).pvalue if len(paired) > 1 and paired.std() > 0 else float("nan")
        yield (*row, len(paired), *mean_with_interval(paired), float(p))


def format_comparison(table: pd.DataFrame, measure: str) -> str:
    """The result of `compare` as text for a terminal."""
    lines = [f"{measure.replace('_', ' ')}, mean over seeds with 95 % interval; differences paired by seed"]
    baseline = table.attrs["baseline"]
    other = "the first" if baseline == table.index[0] else baseline
    for name, row in table.iterrows():
        lines.append(f"\n{name}")
        lines.append(f"  {row['mean']:.4f} {interval(row['low'], row['high'])}, {int(row['runs'])} run(s)")
        if np.isfinite(row["difference"]):
            between = interval(row["difference_low"], row["difference_high"], signed=True)
            lines.append(f"  {row['difference']:+.4f} {between} from {other}, {int(row['pairs'])} pair(s)")
        elif name != baseline:
            lines.append("  no pair with the baseline: no seed in common")
    return "\n".join(lines)


def interval(low: float, high: float, signed: bool = False) -> str:
    """As text; says so where there is none."""
    if not np.isfinite(low):
        return "(no interval: one seed)"
    return f"[{low:+.4f}, {high:+.4f}]" if signed else f"[{low:.4f}, {high:.4f}]"
