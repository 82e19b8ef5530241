"""Scaling studies: the table of a folder that jobs/scaling filled, and a model that says what more ranks would do.

The model of a cycle's time, for P ranks of which at most H share a host, with m members on each:

    work       m (member + sharing H)
    waiting    jitter sqrt(m) E(P), E(P) the expected maximum of P standard normal numbers
    messages   latency ceil(log2 P) + V / bandwidth, V the bytes that come to the fullest host
    the rest   fixed + row M, M members in all: recording, selecting, learning

It is fitted part by part by least squares, relative to the cycle, and no constant is below 0.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from scipy import integrate, optimize, stats

from .measures import Floats
from .record_file import open_file
from .run import configuration, open_run

SHARES = ("training", "reward", "exchange", "waiting", "gather", "record", "other")
OUTCOME_BYTES = 128  # what a member's outcome and a rank's report take in a gather, about
FURTHEST = 4096


def expected_maximum(ranks: ArrayLike) -> Floats:
    """E(P): of the largest of P independent standard normal numbers."""
    x = np.linspace(-10, 10, 20001)
    power = stats.norm.cdf(x)[None, :] ** np.atleast_1d(np.asarray(ranks, float))[:, None]
    return x[-1] - integrate.trapezoid(power, x, axis=1)


def _busiest_host(run: xr.Dataset) -> int:
    return max(Counter(run["host"].values.tolist()).values())


def _state_bytes(folder: Path) -> int:
    """Of a member's state; 0 where the run kept no checkpoint."""
    for path in folder.glob("checkpoint/cycle-*/state-*.h5"):
        with open_file(path, "autosampling state", hashed=False) as file:
            return 4 * int(file["state"].shape[0])
    return 0


def _bytes_received(run: xr.Dataset, state_bytes: int) -> tuple[float, float]:
    """By one rank in a cycle: the outcomes of all members, the draws that are learned from, and a state. And what of
    this a member adds."""
    exploration, members, slots = configuration(run).get("exploration", {}), run.attrs["members"], run.attrs["slots"]
    of_all = exploration.get("kind") == "policy" or exploration.get("credit") == "advantage" or slots in (0, members)
    of_draws = 4 * run.attrs["draws"]
    a_member = OUTCOME_BYTES + (of_draws if of_all else 0)
    return float(state_bytes + a_member * members + (0 if of_all else of_draws * slots)), float(a_member)


def measure(folder: Path) -> dict[str, float]:
    """Where the time of a run's mean cycle went, in seconds, and what it depends on. The first cycle is left out.

    Raises ValueError for a run without these times, or of one cycle.
    """
    run = open_run(folder)
    if "seconds_cycle" not in run or run.sizes["cycle"] < 2:
        raise ValueError(f"{folder} doesn't say where time went (it has one cycle, or is of format 1.2 or before): "
                         "run it again, for some cycles")  # fmt: skip
    mean = {name: run[f"seconds_{name}"].values[1:].mean(axis=0) for name in ("cycle", "gather", "exchange", "record")}
    members = {name: run[f"seconds_{name}"].values[1:].mean(axis=0) for name in ("train", "reward", "wait")}
    ranks, number = int(run.attrs["ranks"]), int(run.attrs["members"])
    busy = min(ranks, number)  # ranks that hold members
    seconds = {
        "training": members["train"].sum() / busy,
        "reward": members["reward"].sum() / busy,
        "exchange": mean["exchange"],
        "waiting": members["wait"].mean(),
        "gather": mean["gather"] - members["wait"][0],
        "record": mean["record"],
    }
    seconds["other"] = mean["cycle"] - sum(seconds.values())
    received, a_member = _bytes_received(run, _state_bytes(folder)) if ranks > 1 else (0.0, 0.0)
    facts: dict[str, float] = {"ranks": ranks, "members": number, "host_ranks": _busiest_host(run)}
    facts |= {"received": received, "received_a_member": a_member}
    return {"cycle": mean["cycle"], **seconds, **facts}


def read_series(folder: Path) -> pd.DataFrame:
    """One line for each finished run of FOLDER/KIND-RANKS-REPEAT: kind (weak, strong), repeat, and what `measure` says.

    Raises FileNotFoundError without one, ValueError where they differ in more than members and ranks.
    """
    lines, first = [], None
    for path in sorted(folder.glob("*/run.h5")):
        name = re.fullmatch(r"(weak|strong)-\d+-(\d+)", path.parent.name)
        if not name:
            continue
        options = configuration(open_run(path))
        for section, key in (("run", "output"), ("population", "members")):
            options.get(section, {}).pop(key, None)
        first = first or options
        if options != first:
            raise ValueError(f"{path.parent} has other options than the runs before it: a series varies ranks alone")
        lines.append({"kind": name[1], "repeat": int(name[2])} | measure(path.parent))
    if not lines:
        raise FileNotFoundError(f"{folder} has no finished run ((weak|strong)-RANKS-REPEAT/run.h5): fill it by "
                                "jobs/scaling/weak.sh or strong.sh")  # fmt: skip
    return pd.DataFrame(lines)


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over the repeats of one kind, by number of ranks, with half the 95 % interval of the cycle's time.

    Efficiency is the work done a rank and second, members times cycles, beside that of the fewest ranks.
    """
    groups = runs.groupby("ranks")
    table = groups.mean(numeric_only=True).drop(columns="repeat")
    number = groups.size()
    table["interval"] = stats.t.ppf(0.975, np.maximum(number - 1, 1)) * groups["cycle"].sem()
    rate = table["members"] / (table.index * table["cycle"])
    table["efficiency"] = rate / rate.iloc[0]
    return table.reset_index()


@dataclass(frozen=True)
class Model:
    """The constants of the model, in seconds; bandwidth in bytes a second."""

    member: float
    sharing: float
    jitter: float
    latency: float
    bandwidth: float
    fixed: float
    row: float

    def seconds(self, table: pd.DataFrame) -> pd.DataFrame:
        """The parts of a cycle's time, and `cycle`, for lines with ranks, members, host_ranks and received."""
        terms = _terms(table)
        parts = {
            "work": terms["work"] @ [self.member, self.sharing],
            "waiting": terms["waiting"] @ [self.jitter] + terms["turns"] @ [self.member, self.sharing],
            "messages": terms["messages"] @ [self.latency, 1 / self.bandwidth],
            "rest": terms["rest"] @ [self.fixed, self.row],
        }
        return pd.DataFrame(parts).assign(cycle=sum(parts.values()))


def _terms(table: pd.DataFrame) -> dict[str, Floats]:
    """What multiplies the constants; `turns`: the work of members that the fullest rank has beyond the mean."""
    ranks, members, host = (table[name].to_numpy(float) for name in ("ranks", "members", "host_ranks"))
    each = members / np.minimum(ranks, members)
    turns = np.ceil(each) - each
    steps = np.ceil(np.log2(ranks))
    received = np.maximum(steps, host) * table["received"].to_numpy(float)
    return {
        "work": np.stack([each, each * host], axis=1),
        "waiting": (np.sqrt(each) * expected_maximum(np.minimum(ranks, members)))[:, None],
        "turns": np.stack([turns, turns * host], axis=1),
        "messages": np.stack([steps, received], axis=1),
        "rest": np.stack([np.ones_like(ranks), members], axis=1),
    }


def fit(table: pd.DataFrame) -> Model:
    """The model of what `summarise` gives."""
    terms, weight = _terms(table), 1 / table["cycle"].to_numpy(float)

    def solve(part: str, seconds: pd.Series | Floats) -> Floats:
        columns = terms[part] * weight[:, None]
        scale = np.maximum(np.abs(columns).max(axis=0), 1e-300)
        return optimize.nnls(columns / scale, np.asarray(seconds) * weight)[0] / scale

    member, sharing = solve("work", table["training"] + table["reward"])
    (jitter,) = solve("waiting", table["waiting"] - terms["turns"] @ [member, sharing])
    latency, per_byte = solve("messages", table["exchange"] + table["gather"])
    fixed, row = solve("rest", table["record"] + table["other"])
    return Model(member, sharing, jitter, latency, 1 / per_byte if per_byte > 0 else np.inf, fixed, row)


def check(table: pd.DataFrame) -> tuple[float, float] | None:
    """What a model of up to half the most ranks says of the most, in seconds, and its relative error.

    None without three numbers of ranks to fit.
    """
    known = table[table["ranks"] <= table["ranks"].max() / 2]
    if len(known) < 3:
        return None
    last = table.iloc[[-1]]
    said = float(fit(known).seconds(last)["cycle"].iloc[0])
    return said, said / float(last["cycle"].iloc[0]) - 1


def project(table: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Twice the most ranks, and so on up to 4,096 (under strong scaling, to as many as there are members).

    Hosts are as full as with the most ranks; where these shared one host, all ranks do.
    """
    last = table.iloc[-1]
    weak = table["members"].nunique() > 1 or len(table) == 1
    ranks = last["ranks"] * 2 ** np.arange(1, 13)
    ranks = ranks[ranks <= (FURTHEST if weak else min(FURTHEST, last["members"]))]
    times = ranks / last["ranks"]
    more = pd.DataFrame({"ranks": ranks, "members": last["members"] * (times if weak else 1)})
    more["host_ranks"] = last["host_ranks"] * (times if last["host_ranks"] == last["ranks"] else 1)
    more["received"] = last["received"] + last["received_a_member"] * (more["members"] - last["members"])
    more["cycle"] = model.seconds(more)["cycle"].to_numpy()
    rate, first = more["members"] / (more["ranks"] * more["cycle"]), table.iloc[0]
    return more.assign(efficiency=rate / (first["members"] / (first["ranks"] * first["cycle"])))


def _bandwidth(model: Model) -> str:
    if np.isinf(model.bandwidth):
        return "no bandwidth is seen, as times don't grow with the bytes"
    return f"bandwidth {model.bandwidth / 1e6:.3g} MB/s to a host"


def format_series(kind: str, table: pd.DataFrame) -> str:
    """The table of `summarise` with the model beside it, and what more ranks would do, as text."""
    model = fit(table)
    said = model.seconds(table)["cycle"]
    head = f"{'ranks':>6}{'members':>9}{'cycle, s':>19}{'model':>9}{'efficiency':>12}"
    lines = [f"{kind} scaling", head + "".join(f"{name:>10}" for name in SHARES)]
    for (_, row), seconds in zip(table.iterrows(), said, strict=True):
        interval = f" ± {row['interval']:<6.4f}" if np.isfinite(row["interval"]) else " " * 9
        line = f"{row['ranks']:>6.0f}{row['members']:>9.0f}{row['cycle']:>10.4f}{interval}{seconds:>9.4f}"
        shares = "".join(f"{row[name] / row['cycle']:>10.1%}" for name in SHARES)
        lines.append(f"{line}{row['efficiency']:>12.1%}{shares}")
    for _, row in project(table, model).iterrows():
        line = f"{row['ranks']:>6.0f}{row['members']:>9.0f}{'':>19}{row['cycle']:>9.4f}"
        lines.append(f"{line}{row['efficiency']:>12.1%}")
    lines.append(
        f"model: a member's work {model.member:.4g} s, and {model.sharing:.3g} s for each rank of its host; jitter "
        f"{model.jitter:.3g} s; latency {model.latency:.3g} s a doubling; {_bandwidth(model)}; the rest "
        f"{model.fixed:.3g} s, and {model.row:.3g} s a member"
    )
    if checked := check(table):
        most, half = table.iloc[-1], table["ranks"].max() / 2
        lines.append(
            f"fitted on up to {half:.0f} ranks it says {checked[0]:.4f} s of {most['ranks']:.0f}, where "
            f"{most['cycle']:.4f} s were measured: {checked[1]:+.1%}"
        )
    else:
        lines.append(
            "caution: how well the model foresees more ranks isn't known: that takes three numbers of ranks up to half "
            f"the most, and there {'is' if len(table) == 1 else 'are'} {len(table)} in all"
        )
    return "\n".join(lines)
