"""The command autosampling-analyse.

Exit codes: 0 done; 2 bad command line, or not installed; 3 no run, a damaged one, or an output that can't be written;
4 a record newer than this package.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from . import compare, convert, decomposition, detectors, measures, policy, scaling, watch
from .record_file import NewerFormatError
from .run import open_run

_OK, _USAGE, _NO_RUN, _NEWER = 0, 2, 3, 4


def _quiet_matplotlib() -> None:
    # It is loud about a home folder that it can't write to, and fails on a backend that isn't installed here, such as
    # the one that Jupyter's shell names.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    os.environ["MPLBACKEND"] = "Agg"


def _report(options: argparse.Namespace) -> int:
    _quiet_matplotlib()
    from .report import write_report

    page = write_report([open_run(path) for path in options.run], options.output, options.data, options.baseline)
    print(f"{page} and {page.parent / 'figures'}")
    return _OK


def _watch(options: argparse.Namespace) -> int:
    for text in watch.watch(options.run, options.interval, options.once):
        print(text, flush=True)
    return _OK


def _compare(options: argparse.Namespace) -> int:
    table = compare.outcomes([open_run(path) for path in options.run])
    measure = options.measure or compare.default_measure(table)
    print(compare.format_comparison(compare.compare(table, measure, options.baseline), measure))
    if options.csv:
        table.to_csv(options.csv, index=False)
    return _OK


def _decomposition(options: argparse.Namespace) -> int:
    table = decomposition.read_outcomes(options.folder)
    print(decomposition.format_table(table))
    if options.csv:
        table.to_csv(options.csv, index=False)
    return _OK


def _scaling(options: argparse.Namespace) -> int:
    _quiet_matplotlib()
    from .scaling_figure import draw_scaling

    runs = scaling.read_series(options.folder)
    series = {str(kind): scaling.summarise(of_kind) for kind, of_kind in runs.groupby("kind", sort=False)}
    print("\n\n".join(scaling.format_series(kind, table) for kind, table in series.items()))
    figure = options.figure or options.folder / "scaling.png"
    draw_scaling(series, figure)
    print(figure)
    if options.csv:
        runs.to_csv(options.csv, index=False)
    return _OK


def _suspects(options: argparse.Namespace) -> int:
    run = open_run(options.run)
    table = measures.suspects(run)
    if "score" not in run:
        print("without advantage credit there are no scores: ranked by how seldom survivors drew them, a weak sign")
    if options.csv:
        table.to_csv(options.csv, index=False)
    print(table.head(options.number).to_string(index=False))
    auc = measures.wrong_label_auc(table)
    if auc == auc:
        print(f"wrong labels were planted: area under the curve {auc:.4f} (0.5: guessing)")
    return _OK


def _detectors(options: argparse.Namespace) -> int:
    if len({path.resolve() for path in options.run}) < len(options.run):
        raise ValueError("a run is given twice: its error over runs would be too small")
    tables = [detectors.detectors(open_run(path)) for path in options.run]
    print(detectors.format_detectors(tables))
    if options.csv:
        pd.concat([table.assign(run=path) for path, table in zip(options.run, tables, strict=True)]).to_csv(
            options.csv, index=False
        )
    return _OK


def _policy(options: argparse.Namespace) -> int:
    print(policy.format_policy(open_run(options.run)))
    return _OK


def _convert(options: argparse.Namespace) -> int:
    run = open_run(options.run)
    if options.to == "csv":
        print("\n".join(str(path) for path in convert.to_csv(run, options.output)))
    else:
        print(convert.to_tensorboard(run, options.output))
    return _OK


def _export(options: argparse.Namespace) -> int:
    from .weights import export_run

    print("\n".join(str(path) for path in export_run(options.run, options.output)))
    return _OK


def _import(options: argparse.Namespace) -> int:
    from .weights import import_weights

    left_out = import_weights(options.file, options.output, options.config, options.new_head, options.seed)
    print(options.output)
    if left_out:
        print(f"left out, as they are not of the network: {', '.join(left_out)}")
    return _OK


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="autosampling-analyse", description="Looks at the runs of autosampling.")
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")

    def add(name: str, action: object, text: str, extra: str | None = None) -> argparse.ArgumentParser:
        """`extra` is what has to be installed for it besides."""
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(action=action, extra=extra)
        return command

    several: dict[str, Any] = {"nargs": "+", "type": Path, "metavar": "RUN", "help": "run directory, or its run.h5"}
    one: dict[str, Any] = {"type": Path, "metavar": "RUN", "help": "run directory, or its run.h5"}
    folder: dict[str, Any] = {"type": Path, "required": True, "metavar": "DIR", "help": "where to write"}
    baseline: dict[str, Any] = {"metavar": "GROUP", "help": "group to compare with (default: that of the first run)"}

    command = add("report", _report, "A web page with the figures of a run, or a comparison of several.")
    command.add_argument("run", **several)
    command.add_argument("--output", **folder)
    command.add_argument("--data", type=Path, metavar="DIR", help="folder of the data set, if it has moved")
    command.add_argument("--baseline", **baseline)

    command = add("watch", _watch, "How far a run is, until it ends.")
    command.add_argument("run", **one)
    command.add_argument("--interval", type=float, default=10, metavar="S", help="seconds between looks (default: 10)")
    command.add_argument("--once", action="store_true", help="look once")

    command = add("compare", _compare, "Runs over seeds: means, and differences paired by seed.")
    command.add_argument("run", **several)
    command.add_argument(
        "--measure",
        choices=list(measures.Outcome.__annotations__),
        help="default: test_accuracy, or test_loss for regressions",
    )
    command.add_argument("--baseline", **baseline)
    command.add_argument("--csv", type=Path, metavar="FILE", help="also write a row a run to this file")

    command = add("decomposition", _decomposition, "What the search buys: the table of a folder of jobs/compare.sh.")
    command.add_argument("folder", type=Path, metavar="FOLDER", help="its second argument")
    command.add_argument("--csv", type=Path, metavar="FILE", help="also write a row a run to this file")

    command = add("scaling", _scaling, "Time over ranks: the table, model and figure of a folder of jobs/scaling.")
    command.add_argument("folder", type=Path, metavar="FOLDER", help="its second argument")
    command.add_argument("--figure", type=Path, metavar="FILE", help="where to draw (default: FOLDER/scaling.png)")
    command.add_argument("--csv", type=Path, metavar="FILE", help="also write a row a run to this file")

    command = add("suspects", _suspects, "The training examples whose labels are most likely wrong.")
    command.add_argument("run", **one)
    command.add_argument("--number", type=_positive, default=20, help="how many to print (default: 20)")
    command.add_argument("--csv", type=Path, metavar="FILE", help="also write all of them to this file")

    command = add("detectors", _detectors, "How well counts, scores and losses tell planted wrong labels, over time.")
    command.add_argument("run", **several)
    command.add_argument("--csv", type=Path, metavar="FILE", help="also write the tables to this file")

    command = add("policy", _policy, "The weights that a policy search learned, and what they prefer.")
    command.add_argument("run", **one)

    command = add("convert", _convert, "The record as CSV or as TensorBoard's event files.", "tensorboard")
    command.add_argument("run", **one)
    command.add_argument("--to", choices=("csv", "tensorboard"), required=True)
    command.add_argument("--output", **folder)

    text = "Weights, schedule and distribution for PyTorch and NumPy (needs PyTorch)."
    command = add("export", _export, text, "torch")
    command.add_argument("run", **one)
    command.add_argument("--output", **folder)

    command = add("import", _import, "PyTorch weights to a file for option model.init (needs PyTorch).", "torch")
    command.add_argument("file", type=Path, metavar="FILE", help="a state dict, or a checkpoint with one")
    command.add_argument(
        "--config", type=Path, required=True, metavar="CONFIG", help="of the run that will start from it"
    )
    command.add_argument("--output", type=Path, required=True, metavar="FILE", help="the file to write")
    command.add_argument("--new-head", action="store_true", help="start the last layer afresh: other classes")
    command.add_argument("--seed", type=int, default=0, help="of the new last layer (default: 0)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    options = _make_parser().parse_args(arguments)
    try:
        return options.action(options)
    except KeyboardInterrupt:
        return 130
    except ImportError as error:
        if options.extra is None:
            raise
        if error.name == "torchvision":
            print(error, file=sys.stderr)
            return _USAGE
        print(
            f"{options.command} needs more than is installed ({error}): in the program's source, "
            f"pip install './analysis[{options.extra}]'",
            file=sys.stderr,
        )
        return _USAGE
    except NewerFormatError as error:
        print(error, file=sys.stderr)
        return _NEWER
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return _NO_RUN


if __name__ == "__main__":
    sys.exit(main())
