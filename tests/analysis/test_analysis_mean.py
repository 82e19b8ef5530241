"""Runs that average their members: they have no winners, and are judged by the mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recorded_runs import Shape, write_run, write_segments

from autosampling import measures, open_run
from autosampling.convert import to_csv
from autosampling.facts import gather_facts
from autosampling.report import write_report
from autosampling.watch import describe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", Shape(averaged=True))


def test_run_is_judged_by_the_mean(folder: Path) -> None:
    run = open_run(folder)
    survey = measures.survey_run(run)
    np.testing.assert_array_equal(survey.by_cycle["best"], run["mean_reward_accuracy"].values)
    found = measures.outcome(run, survey)
    assert found.reward_accuracy == run["mean_reward_accuracy"].values[-1]
    assert found.reward_loss == run["mean_reward_loss"].values[run["epoch_cycle"].values[-1]]


def test_draws_are_known_as_a_whole(folder: Path) -> None:
    run = open_run(folder)
    np.testing.assert_array_equal(measures.draw_counts(run), run["count"].values[None])
    with pytest.raises(ValueError, match="no winners"):
        measures.lineage(run)


def test_report_names_no_winner(folder: Path, tmp_path: Path) -> None:
    page = write_report([open_run(folder)], tmp_path / "report").read_text()
    assert "Lineage of the final best member" not in page


def test_tables_and_watch(folder: Path, tmp_path: Path) -> None:
    members = pd.read_csv(to_csv(open_run(folder), tmp_path / "csv")[0])
    assert "mean_reward" in members and "winner" not in members
    text, ended = describe(folder)
    assert "reward accuracy of the mean of the members" in text and ended


def test_unfinished_run_has_no_suspects(tmp_path: Path) -> None:
    run = open_run(write_segments(tmp_path / "run", Shape(averaged=True, credit="winner")))
    assert gather_facts(run).suspects is None
    assert "No suspects yet" in write_report([run], tmp_path / "report").read_text()
