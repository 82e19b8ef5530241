"""How far a run is, for a terminal; from summary.json and finished files alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .measures import counted, judged, judged_blocks, measured
from .run import configuration, open_run, read_summary

_LEVELS = "▁▂▃▄▅▆▇█"
_CLEAR = "\x1b[H\x1b[2J"


def sparkline(values: np.ndarray, width: int = 60) -> str:
    """The values, averaged to so many characters, between their smallest and largest."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not len(values):
        return ""
    parts = np.array([part.mean() for part in np.array_split(values, min(width, len(values)))])
    span = np.ptp(parts)
    levels = np.zeros(len(parts)) if span == 0 else (parts - parts.min()) / span * (len(_LEVELS) - 1)
    return "".join(_LEVELS[round(level)] for level in levels)


def _events(run: xr.Dataset, most: int = 5) -> list[str]:
    """The last epochs and repeated cycles, the newest last."""
    found = []
    if run.sizes.get("epoch", 0):
        what = measured(run)
        for number, cycle, value in zip(
            *(run[name][-most:].values for name in ("epoch", "epoch_cycle", f"test_{what}")), strict=True
        ):
            found.append((int(cycle), f"epoch {number} complete, test {what} {value:.4f}"))
    attempts = run["attempt"].values
    for cycle in np.flatnonzero(attempts)[-most:]:
        found.append((int(cycle), f"repeated {attempts[cycle]} time(s): no member was finite"))
    return [f"  cycle {cycle}: {text}" for cycle, text in sorted(found)[-most:]]


def _remaining(run: xr.Dataset, left: int) -> str:
    """From the times of the last cycles; members that share a rank take turns."""
    last = run.isel(cycle=slice(-50, None))
    ranks_a_member = int(configuration(run).get("population", {}).get("ranks_per_member", 1))
    turns = -(-run.sizes["member"] * ranks_a_member // run.attrs["ranks"])
    seconds = sum(last[name].values.mean() for name in ("seconds_train", "seconds_reward")) * turns
    seconds += last["seconds_wait"].values.mean()
    return str(timedelta(seconds=round(seconds * left)))


def _age(summary: dict[str, Any]) -> str:
    if "time" not in summary:
        return ""
    age = datetime.now(UTC) - datetime.fromisoformat(summary["time"].replace("Z", "+00:00"))
    return f", as of {timedelta(seconds=round(age.total_seconds()))} ago"


_MISSED_BEATS = 8  # of a run that is no longer believed to go on; a slow file system may miss a few
_LONGEST_SILENCE = 600  # seconds; where the summary tells no heartbeat, as an older program wrote it


def _silence(path: str | Path, summary: dict[str, Any]) -> timedelta:
    """How long a run that should be going on has given no sign of life; zero where it has, or needn't."""
    if summary.get("state") != "running":
        return timedelta(0)
    beat = summary.get("heartbeat_seconds")
    longest = _MISSED_BEATS * beat if beat else _LONGEST_SILENCE
    age = time.time() - (Path(path) / "summary.json").stat().st_mtime
    return timedelta(seconds=round(age)) if age > longest else timedelta(0)


def _state(path: str | Path, summary: dict[str, Any]) -> tuple[list[str], bool]:
    """What there is to say of how a run ended, and whether it has."""
    state = summary.get("state")
    if state == "failed":
        return [f"failed: {summary.get('error')}"], True
    if silence := _silence(path, summary):
        return [f"no sign of life for {silence}: its job seems to have ended without a word"], True
    return [], state in ("finished", "stopped")


def describe(path: str | Path) -> tuple[str, bool]:
    """The run as it is now, and whether it has ended. Raises as open_run does, but not before its first segment."""
    summary = read_summary(path)
    try:
        run = open_run(path)
    except FileNotFoundError:
        if not (Path(path) / "config.toml").is_file():
            raise
        news, ended = _state(path, summary)
        return "\n".join([f"{path}: no cycle is recorded yet", *news]), ended
    cycles, planned = run.sizes["cycle"], run.attrs["cycles_planned"]
    state = run.attrs["state"]
    done = round(30 * cycles / max(1, planned))
    what = measured(run)
    best = np.concatenate([value for _, value, _, _ in judged_blocks(run)])
    best = best[np.isfinite(best)]
    last = run[f"reward_{what}"][-1].values
    lines = [
        f"{path}: {state}{_age(summary)}",
        f"[{'#' * done}{'.' * (30 - done)}] {cycles:,} of {planned:,} cycles, {counted(run.sizes['member'], 'member')}",
        f"reward {what} of the {judged(run)}  {sparkline(best)}  last {best[-1] if len(best) else np.nan:.4f}",
        f"last cycle: mean {np.nanmean(last):.4f}, spread {np.nanstd(last):.4f}",
    ]
    news, ended = _state(path, {**summary, "state": state})
    lines += news
    if state == "running" and not ended:
        lines.append(f"remaining: about {_remaining(run, planned - cycles)} of computing")
    events = _events(run)
    return "\n".join(lines + (["last events:", *events] if events else [])), ended


def watch(path: str | Path, interval: float, once: bool) -> Iterator[str]:
    """What to print, until the run ends."""
    clear = _CLEAR if sys.stdout.isatty() and not once else ""
    while True:
        text, ended = describe(path)
        yield clear + text
        if ended or once:
            return
        time.sleep(interval)
