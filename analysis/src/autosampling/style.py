"""How figures look: one size, colours by role, and SVG whose colours follow the page's light or dark scheme."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

INK, MUTED, GRID, SURFACE = "#1c1b1a", "#6d6b66", "#e3e1db", "#fdfcfa"
BLUE, ORANGE, GREEN, VIOLET = "#2a72c8", "#d9622b", "#1a9a6c", "#8257c2"
SERIES = (BLUE, ORANGE, GREEN, VIOLET)

# (colour drawn, name of the page's variable, its value in the light and in the dark scheme)
ROLES = (
    (INK, "ink", INK, "#ecebe7"),
    (MUTED, "muted", MUTED, "#a3a19a"),
    (GRID, "grid", GRID, "#383734"),
    (SURFACE, "surface", SURFACE, "#1d1c1b"),
    (BLUE, "blue", BLUE, "#5b9ff0"),
    (ORANGE, "orange", ORANGE, "#ee8350"),
    (GREEN, "green", GREEN, "#3fc08f"),
    (VIOLET, "violet", VIOLET, "#ab89e6"),
)

_SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "legend.fontsize": 8.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "figure.facecolor": SURFACE,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.4,
    "svg.fonttype": "none",
    "savefig.dpi": 200,
}


@dataclass(frozen=True)
class Drawing:
    """A figure with the words that go with it."""

    name: str  # of its files and of its place in the page
    title: str
    caption: str
    figure: Figure


@contextmanager
def looks() -> Iterator[None]:
    """Inside, matplotlib draws as this module says, whatever the user's own settings are."""
    with style.context(["default", _SETTINGS]):
        yield


def new_figure(height: float = 2.9, rows: int = 1, **options: Any) -> tuple[Figure, Axes]:
    """A figure as wide as a phone's page, and its axes; `height` in inches."""
    figure = Figure(figsize=(4.9, height), layout="constrained")
    axes = figure.subplots(rows, 1, **options)
    return figure, axes


def in_percent(axes: Axes, axis: str = "y") -> None:
    """Labels an axis in percent."""
    getattr(axes, f"{axis}axis").set_major_formatter(PercentFormatter(1, decimals=None))


def to_svg(drawing: Drawing) -> str:
    """The figure for a page that defines the variables of ROLES: as wide as its place, colours by the scheme."""
    stream = io.StringIO()
    with looks(), matplotlib.rc_context({"svg.hashsalt": drawing.name}):
        drawing.figure.savefig(stream, format="svg", facecolor="none", metadata={"Date": None, "Creator": None})
    drawing.figure.set_layout_engine("none")  # it is laid out now, for the other formats, too
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'width="100%"', svg, count=1)
    svg = re.sub(r' id="(?:figure|axes|patch|line2d|text|matplotlib\.axis|xtick|ytick|legend)_\d+"', "", svg)
    for colour, name, _, _ in ROLES:
        svg = svg.replace(colour, f"var(--{name})")
    return svg
