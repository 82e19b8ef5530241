"""The command: its output files, messages and exit codes."""

import csv
import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from recorded_runs import Shape, make_data, write_run, write_segments, write_summary

from autosampling.cli import main
from autosampling.watch import sparkline

FIGURES = ["learning", "losses", "reward-spread", "lineage", "frequency", "concentration", "entropy", "change"]
FIGURES += ["classes", "suspects", "times", "stragglers"]


def svgs(page):
    return re.findall(r"<svg .*?</svg>", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A finished run's report, made in Jupyter's shell by somebody with settings of matplotlib's, without a
    display, a home folder, or write access to the run: its folder."""
    folder = tmp_path_factory.mktemp("report")
    run = write_run(folder / "run")
    os.chmod(run, 0o555)
    before = sorted(run.iterdir())
    environment = {"PATH": os.environ["PATH"], "HOME": "/dev/null"}
    (folder / "matplotlibrc").write_text("text.usetex: True\nsvg.fonttype: path\n")
    environment |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "MATPLOTLIBRC": str(folder)}
    command = [sys.executable, "-m", "autosampling.cli", "report", run, "--output", folder / "out"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/")
    assert result.returncode == 0 and result.stderr == ""
    assert sorted(run.iterdir()) == before
    return folder / "out"


def test_report_has_every_figure_inline_and_as_files(report):
    page = (report / "report.html").read_text()
    assert re.findall(r'<figure id="([^"]+)"', page) == FIGURES
    assert len(svgs(page)) == len(FIGURES)
    for svg in svgs(page):
        ElementTree.fromstring(svg)
    assert {path.stem for path in (report / "figures").glob("*.png")} == set(FIGURES)
    assert {path.stem for path in (report / "figures").glob("*.pdf")} == set(FIGURES)
    assert "No contact sheet: images of &#x27;synthetic&#x27; are not shown" in page


def test_report_needs_no_network(report):
    page = (report / "report.html").read_text()
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert not re.search(r"url\((?!#)|@import|<script", page)


def test_report_of_a_running_run_says_what_is_missing(tmp_path):
    write_summary(write_segments(tmp_path / "run", bounds=(0, 5, 11)), "running")
    assert main(["report", str(tmp_path / "run"), "--output", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out/report.html").read_text()
    assert "11 of 24" in page and "running" in page and "they come with run.h5" in page


def test_report_of_several_runs_compares_them(tmp_path):
    runs = [
        str(write_run(tmp_path / f"{credit}{seed}", Shape(seed=seed, credit=credit, gain=gain + 0.01 * seed * seed)))
        for credit, gain in (("winner", 0.0), ("advantage", 0.02))
        for seed in range(3)
    ]
    assert main(["report", *runs, "--output", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out/report.html").read_text()
    assert "exploration.credit = advantage" in page and "+0.0200" in page
    assert page.count("<tr><td>" + str(tmp_path)) == 6


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["report", "{}/none", "--output", "{}/out"], 3),
        (["report", "{}/run", "--output", "{}/run/run.h5/out"], 3),
        (["watch", "{}", "--once"], 3),
        (["compare", "{}/run", "{}/damaged"], 3),
        (["suspects", "{}/lost", "--number", "1"], 3),
        (["suspects", "{}/new"], 4),
        (["suspects", "{}/older", "--number", "1"], 0),
    ],
)
def test_exit_codes(tmp_path, capsys, arguments, code):
    write_run(tmp_path / "new", Shape(version="2.0"))
    write_run(tmp_path / "older", Shape(version="1.0"))
    write_run(tmp_path / "run")
    with (write_run(tmp_path / "damaged") / "run.h5").open("r+b") as file:
        file.truncate(10_000)
    min((write_segments(tmp_path / "lost") / "record").iterdir()).unlink()
    assert main([argument.format(tmp_path) for argument in arguments]) == code
    error = capsys.readouterr().err
    assert (str(tmp_path) in error) == (code != 0) and "Traceback" not in error


@pytest.mark.parametrize(
    ("module", "arguments", "extra"),
    [("torch", ["export", "{}"], "torch"), ("tensorboardX", ["convert", "{}", "--to", "tensorboard"], "tensorboard")],
)
def test_what_is_not_installed_is_named(tmp_path, capsys, monkeypatch, module, arguments, extra):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "autosampling.weights", raising=False)
    run = str(write_run(tmp_path / "run"))
    assert main([*(argument.format(run) for argument in arguments), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert module in error and f"./analysis[{extra}]" in error and "Traceback" not in error


def test_bad_command_line_is_2():
    with pytest.raises(SystemExit) as caught:
        main(["report"])
    assert caught.value.code == 2


def test_watch_shows_progress_and_events(tmp_path, capsys):
    write_summary(write_segments(tmp_path, bounds=(0, 5, 12)), "running")
    assert main(["watch", str(tmp_path), "--once"]) == 0
    text = capsys.readouterr().out
    assert "12 of 24 cycles" in text and "remaining" in text
    assert "cycle 11: epoch 2 complete" in text and "repeated 1 time" in text


def test_regression_is_reported_by_its_loss(tmp_path, capsys):
    run = write_run(tmp_path / "run", Shape(classes=1))
    assert main(["report", str(run), "--output", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out/report.html").read_text()
    assert "test loss, last epoch" in page
    assert "squared error" in page
    assert "accuracy" not in re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
    capsys.readouterr()
    assert main(["watch", str(run), "--once"]) == 0
    shown = capsys.readouterr().out
    assert "reward loss of the winner" in shown
    assert "test loss 0.8" in shown
    assert "accuracy" not in shown


def test_watch_ends_with_the_run(tmp_path, capsys):
    write_summary(write_run(tmp_path), "finished")
    assert main(["watch", str(tmp_path), "--interval", "1000"]) == 0


def test_watch_ends_with_a_run_that_failed(tmp_path, capsys):
    write_summary(write_segments(tmp_path, bounds=(0, 5, 12)), "failed", error="the disk is full")
    assert main(["watch", str(tmp_path), "--interval", "1000"]) == 0
    assert "failed: the disk is full" in capsys.readouterr().out


@pytest.mark.parametrize("bounds", [(0,), (0, 5, 12)])
@pytest.mark.parametrize("beat", [{"heartbeat_seconds": 15}, {}], ids=["heartbeat", "written by an older program"])
def test_watch_ends_with_a_run_that_gives_no_sign_of_life(tmp_path, capsys, bounds, beat):
    write_summary(write_segments(tmp_path, bounds=bounds), "running", **beat)
    assert main(["watch", str(tmp_path), "--once"]) == 0
    assert "no sign of life" not in capsys.readouterr().out
    os.utime(tmp_path / "summary.json", (0, 0))
    assert main(["watch", str(tmp_path), "--interval", "1000"]) == 0
    assert "no sign of life for" in capsys.readouterr().out


def test_sparkline_spans_its_values():
    assert sparkline(np.arange(8.0)) == "▁▂▃▄▅▆▇█"
    assert len(sparkline(np.arange(1000.0), width=20)) == 20
    assert sparkline(np.array([np.nan])) == ""


def test_csv_holds_the_record(tmp_path):
    assert main(["convert", str(write_run(tmp_path / "run")), "--to", "csv", "--output", str(tmp_path / "out")]) == 0
    with (tmp_path / "out/members.csv").open() as file:
        rows = list(csv.DictReader(file))
    data = make_data(Shape())
    assert [float(row["reward"]) for row in rows] == data["reward"][1].ravel().tolist()
    assert [int(row["winner"]) for row in rows[::4]] == data["winner"][1].tolist()
    with (tmp_path / "out/indices.csv").open() as file:
        assert [int(row["label"]) for row in csv.DictReader(file)] == data["label"][1].tolist()
    with (tmp_path / "out/epochs.csv").open() as file:
        assert [int(row["epoch"]) for row in csv.DictReader(file)] == [1, 2, 3, 4]


def test_tensorboard_gets_every_cycle(tmp_path):
    out = tmp_path / "out"
    assert main(["convert", str(write_run(tmp_path / "run")), "--to", "tensorboard", "--output", str(out)]) == 0
    content = next(out.glob("events.out.tfevents.*")).read_bytes()
    assert content.count(b"reward/accuracy_winner") == 24
    assert content.count(b"epoch/test_accuracy") == 4


def test_tensorboard_of_a_regression_has_losses(tmp_path):
    run, out = write_run(tmp_path / "run", Shape(classes=1, credit="winner")), tmp_path / "out"
    assert main(["convert", str(run), "--to", "tensorboard", "--output", str(out)]) == 0
    content = next(out.glob("events.out.tfevents.*")).read_bytes()
    assert content.count(b"reward/loss_winner") == content.count(b"reward/loss_mean") == 24
    assert b"accuracy" not in content


def test_decomposition_of_regressions_goes_by_the_loss(tmp_path, capsys):
    for row in ("uniform", "policy"):
        write_run(tmp_path / row / "seed-0", Shape(classes=1, credit="winner"))
    assert main(["decomposition", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "test loss" in text and "+0.0000" in text


def test_suspects_are_printed_with_their_auc(tmp_path, capsys):
    assert main(["suspects", str(write_run(tmp_path / "run")), "--number", "3", "--csv", str(tmp_path / "s.csv")]) == 0
    assert "area under the curve" in capsys.readouterr().out
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 61


def test_decomposition_pairs_each_row_with_the_uniform_member_of_its_seed(tmp_path, capsys):
    gains = {"uniform": (0.0, 0.02, 0.04), "uniform-1_2": (-0.01, 0.01, 0.03), "mixture-winner": (0.03, 0.06, 0.09)}
    # The longer uniform run has the lowest loss on its way, the shorter one at the end.
    losses = {"uniform": np.linspace(0.5, 0.9, 24), "uniform-1_2": np.full(24, 0.7)}
    for row, of_seeds in gains.items():
        loss = np.tile(losses.get(row, losses["uniform"])[:, None], 4)
        for seed, gain in enumerate(of_seeds):
            more = {"reward_loss": (("cycle", "member"), loss)}
            write_run(tmp_path / row / f"seed-{seed}", Shape(seed=seed, gain=gain), more)
    assert main(["decomposition", str(tmp_path), "--csv", str(tmp_path / "runs.csv")]) == 0
    text = capsys.readouterr().out
    lines = {line[:30].strip(): line[30:] for line in text.splitlines()}
    assert lines["uniform"].split()[:2] == ["0.7200", "±0.0115"]  # 0.7 and the gains' mean
    assert "-0.0100 ± 0.0000" in lines["uniform-1_2"]
    assert "+0.0400 ± 0.0058" in lines["mixture-winner"]
    cycles, members, draws, images = 25, 4, 10, 60  # one of 24 cycles was repeated
    cost = [f"{cycles * members * draws / images:.1f}", f"{cycles * members * draws:,}"]
    assert lines["uniform"].split()[3:5] == cost and lines["uniform"].split()[-1] == str(cycles * members)
    assert lines["uniform, best length"] == lines["uniform-1_2"]
    assert list(lines).index("uniform, best length") < list(lines).index("mixture-winner")
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 1 + 9 + 3
    assert main(["decomposition", str(tmp_path / "uniform")]) == 3
    assert "jobs/compare.sh" in capsys.readouterr().err
    assert "fewer seeds" not in text
    (tmp_path / "mixture-winner" / "seed-2" / "run.h5").unlink()
    assert main(["decomposition", str(tmp_path)]) == 0
    assert "Of fewer seeds: mixture-winner (2)." in capsys.readouterr().out
