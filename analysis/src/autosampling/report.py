"""One run, or several, as a web page that needs nothing but itself, with the figures as files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from . import compare, figures, images, measures
from .facts import Facts, gather_facts
from .policy_figures import draw_policy
from .style import ROLES, Drawing, looks, to_svg

_STYLE = """
:root { color-scheme: light dark; @light@ }
@media (prefers-color-scheme: dark) { :root { @dark@ } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--surface); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; border-top: 1px solid var(--grid); padding-top: 1rem; }
h3 { font-size: 1rem; margin: 0; }
.figures + h3 { margin-top: 1.5rem; }
p { margin: .3rem 0; max-width: 75ch; }
.muted, figcaption, dt { color: var(--muted); }
figcaption { font-size: .875rem; max-width: 70ch; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 1.5rem 2rem; }
figure { margin: 0; min-width: 0; max-width: 680px; }
svg { display: block; height: auto; max-width: 100%; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: .75rem 1.5rem; }
.facts dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
dt { font-size: .8125rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--grid); }
th { color: var(--muted); font-weight: 500; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; }
pre { overflow-x: auto; font-size: .8125rem; border: 1px solid var(--grid); padding: .75rem; }
"""


def _style() -> str:
    light = " ".join(f"--{name}: {value};" for _, name, value, _ in ROLES)
    dark = " ".join(f"--{name}: {value};" for _, name, _, value in ROLES)
    return _STYLE.replace("@light@", light).replace("@dark@", dark)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _figure(drawing: Drawing) -> str:
    svg = to_svg(drawing).replace("<svg ", f'<svg role="img" aria-label="{escape(drawing.title)}" ', 1)
    caption = f"<figcaption>{escape(drawing.caption)}</figcaption>"
    return f'<figure id="{drawing.name}"><h3>{escape(drawing.title)}</h3>{svg}{caption}</figure>'


def _number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "–"


def _headline(run: xr.Dataset, outcome: measures.Outcome) -> str:
    facts = {
        "state": str(run.attrs["state"]),
        "cycles": f"{run.sizes['cycle']:,} of {run.attrs['cycles_planned']:,}",
        "members": str(run.sizes["member"]),
        "epochs of a member": f"{outcome.epochs:.2f}",
        **(
            {"test loss, last epoch": _number(outcome.test_loss, ".4f")}
            if measures.is_regression(run)
            else {
                "test accuracy, last epoch": _number(outcome.test_accuracy, ".2%"),
                "test accuracy where the reward loss is lowest": _number(outcome.test_accuracy_stopped, ".2%"),
            }
        ),
        "images trained on": f"{outcome.images:,}",
        "hours of members": f"{outcome.member_hours:.3f}",
        "waiting": f"{outcome.wait_share:.1%}",
        "reward queries": f"{outcome.reward_queries:,}",
        "repeated cycles": str(outcome.repeated),
    }
    entries = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    return f'<dl class="facts">{entries}</dl>'


def _suspect_table(run: xr.Dataset, table: pd.DataFrame, most: int = 20) -> str:
    names = measures.class_names(run)
    noisy = (table["label"] != table["true_label"]).any()
    header = ["index", "row of the file", "label", *(["true label"] if noisy else []), "score", "draws"]
    rows = []
    for suspect in table.head(most).itertuples():
        true = [names[suspect.true_label]] if noisy else []
        cells = [str(suspect.index), str(suspect.row), names[suspect.label], *true]
        rows.append([*cells, f"{suspect.score:.2f}", f"{suspect.draws:,}"])
    return f"<h3>The {len(rows)} most suspect labels</h3>" + _table(header, rows)


def _provenance(run: xr.Dataset) -> str:
    skipped = {"path", "state", "filetype", "members", "slots", "draws"}
    rows = [[name, str(value)] for name, value in sorted(run.attrs.items()) if name not in skipped]
    for name in ("host", "device", "cpu"):
        values, counts = np.unique(run[name].values.astype(str), return_counts=True)
        rows.append([name, ", ".join(f"{value} ({count})" for value, count in zip(values, counts, strict=True))])
    options = f"<pre>{escape(str(run['configuration'].item()))}</pre>"
    return f"<details><summary>Configuration and provenance</summary>{_table(['', ''], rows)}{options}</details>"


def _pictures(facts: Facts, data: Path | None) -> tuple[list[Drawing], str]:
    """Sheets of images, or why there are none."""
    try:
        pixels = images.read_training_images(facts.run, data)
    except (OSError, ValueError) as error:
        return [], f'<p class="muted">No contact sheet: {escape(str(error))}.</p>'
    sheets = []
    if len(facts.counts):
        sheets.append(images.draw_contact_sheet(facts.run, pixels, facts.total_counts))
    if facts.suspects is not None:
        sheets.append(images.draw_suspect_sheet(facts.run, pixels, facts.suspects))
    return sheets, ""


def _run_section(run: xr.Dataset, data: Path | None) -> tuple[str, list[Drawing]]:
    facts = gather_facts(run)
    drawings = figures.draw_all(facts)
    policy, preferences = draw_policy(run)
    sheets, why_not = _pictures(facts, data)
    drawings += policy + sheets
    content = [
        _headline(run, measures.outcome(run, facts.survey)),
        "".join(f"<p>{escape(sentence)}</p>" for sentence in preferences),
        f'<div class="figures">{"".join(map(_figure, drawings))}</div>',
        why_not,
        _suspect_table(run, facts.suspects)
        if facts.suspects is not None
        else '<p class="muted">No suspects yet: they come with run.h5.</p>',
        _provenance(run),
    ]
    return "\n".join(content), drawings


def _comparison_section(runs: Sequence[xr.Dataset], baseline: str | None) -> tuple[str, list[Drawing]]:
    table = compare.outcomes(runs)
    measure = compare.default_measure(table)
    result = compare.compare(table, measure, baseline)
    names = {group: chr(ord("A") + at) if at < 26 else str(at) for at, group in enumerate(result.index)}
    legend = "".join(f"<p><b>{names[group]}</b> {escape(group)}</p>" for group in result.index)
    mean = table.groupby("group", sort=False)[["member_epochs", "member_hours", "reward_queries"]].mean()
    rows = []
    for group, values in result.iterrows():
        paired = np.isfinite(values["difference"])
        between = compare.interval(values["difference_low"], values["difference_high"], signed=True)
        rows.append(
            [
                names[group],
                f"{int(values['runs'])}",
                f"{values['mean']:.4f} {compare.interval(values['low'], values['high'])}",
                f"{values['difference']:+.4f} {between}" if paired else "–",
                _number(values["p"], ".2g"),
                f"{mean.loc[group, 'member_epochs']:.1f}",
                f"{mean.loc[group, 'member_hours']:.3f}",
                f"{mean.loc[group, 'reward_queries']:,.0f}",
            ]
        )
    what = measure.replace("_", " ")
    header = ["", "runs", what, "difference, paired", "p", "member-epochs", "member-hours", "reward queries"]
    note = (
        "Runs that differ only in their seed are one group. Differences are paired by seed, from the baseline; "
        "brackets hold 95 % confidence intervals by Student's t. Nothing is corrected for many comparisons; costs "
        "are means."
    )
    drawing = figures.draw_comparison(result, names, measure)
    figure = f'<div class="figures">{_figure(drawing)}</div>'
    return f'{legend}{_table(header, rows)}<p class="muted">{note}</p>{figure}', [drawing]


def _each_run(runs: Sequence[xr.Dataset]) -> str:
    rows = []
    table = compare.outcomes(runs)
    measure = compare.default_measure(table)
    for row in table.itertuples():
        reached = _number(getattr(row, measure), ".4f")
        rows.append([row.path, str(row.seed), row.state, reached, f"{row.epochs:.2f}", f"{row.member_hours:.3f}"])
    header = ["run", "seed", "state", measure.replace("_", " "), "epochs", "member-hours"]
    return "<h2>Each run</h2>" + _table(header, rows)


def _save_figures(drawings: Sequence[Drawing], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with looks():
        for drawing in drawings:
            for ending in ("png", "pdf"):
                metadata = {"CreationDate": None} if ending == "pdf" else None
                drawing.figure.savefig(folder / f"{drawing.name}.{ending}", metadata=metadata)


def _page(title: str, content: str) -> str:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<title>{escape(title)}</title><style>{_style()}</style></head>\n'
        f"<body><main><h1>{escape(title)}</h1>\n{content}\n</main></body></html>\n"
    )


def write_report(
    runs: Sequence[xr.Dataset], output: str | Path, data: str | Path | None = None, baseline: str | None = None
) -> Path:
    """Writes `output`/report.html and `output`/figures/, and returns the page.

    One run: its figures. Several: how they compare, then each in a row. `data` is the folder of the data set, where it
    is not where the configuration says; `baseline` the group to compare with, by default that of the first run.
    """
    output = Path(output)
    if len(runs) == 1:
        content, drawings = _run_section(runs[0], Path(data) if data else None)
        title = f"Run {Path(runs[0].attrs['path']).resolve().name}"
    else:
        content, drawings = _comparison_section(runs, baseline)
        content += _each_run(runs)
        title = f"{len(runs)} runs"
    _save_figures(drawings, output / "figures")
    page = output / "report.html"
    page.write_text(_page(title, content), encoding="utf-8")
    return page
