"""How well wrong labels are told: the area and its error, and the table of a run."""

import h5py
import numpy as np
import pytest
from recorded_runs import Shape, make_data, write_run

from autosampling import open_run
from autosampling.cli import main
from autosampling.detectors import detectors, format_detectors
from autosampling.measures import detection
from autosampling.record_file import append_checksum


def test_area_is_the_chance_that_a_wrong_label_is_more_suspect():
    random = np.random.default_rng(1)
    wrong, suspicion = random.random(80) < 0.3, np.round(random.standard_normal(80), 1)
    pairs = np.sign(suspicion[wrong][:, None] - suspicion[~wrong][None, :])
    assert detection(wrong, suspicion)[0] == pytest.approx((pairs.mean() + 1) / 2)
    assert detection(np.array([True, False]), np.array([1.0, 0.0]))[0] == 1


def test_error_is_the_spread_of_the_area_over_samples():
    random = np.random.default_rng(2)
    wrong = np.arange(300) < 100
    found = [detection(wrong, random.standard_normal(300) + wrong) for _ in range(2000)]
    areas, errors = np.array(found).T
    assert areas.mean() == pytest.approx(0.7602, abs=0.003)  # of two normals one deviation apart: Phi(1 / sqrt 2)
    assert errors.mean() == pytest.approx(areas.std(ddof=1), rel=0.1)


def test_unknown_suspicions_are_left_out_and_one_kind_alone_has_no_area():
    assert detection(np.array([True, True, False]), np.array([2.0, np.nan, 1.0]))[0] == 1
    assert np.isnan(detection(np.array([True, True]), np.array([2.0, 1.0]))).all()


def write_history(run, data):
    """After 12 and all 24 cycles: half of the final counts and scores, then all of them."""
    with h5py.File(run / "history.h5", "w") as file:
        file.attrs["filetype"], file.attrs["format_version"] = "autosampling history", "1.0"
        file["cycles_done"] = np.array([12, 24], np.int64)
        file["count_history"] = np.stack([data["count"][1] // 2, data["count"][1]])
        file["score_history"] = np.stack([np.zeros_like(data["score"][1]), data["score"][1]])
    append_checksum(run / "history.h5")


@pytest.fixture()
def run(tmp_path):
    data = make_data(Shape())
    folder = write_run(tmp_path / "run")
    write_history(folder, data)
    return folder


def test_table_has_each_signal_at_each_time(run):
    data = make_data(Shape())
    wrong = data["label"][1] != data["true_label"][1]
    table = detectors(open_run(run))
    assert list(table["signal"]) == ["count", "score"] * 2
    assert list(table["cycles"]) == [12, 12, 24, 24]
    score = table.iloc[3]
    assert score["wrong"] == pytest.approx(data["score"][1][wrong].mean())
    assert score["auc"] == pytest.approx(detection(wrong, -data["score"][1])[0])
    assert table.iloc[1]["auc"] == 0.5  # all scores were equal
    text = format_detectors([table, table.assign(auc=table["auc"] + 0.1)])
    assert f"{score['auc'] + 0.05:.4f} ± 0.0500" in text and "over 2 runs" in text


def test_loss_is_that_of_the_last_draw(tmp_path):
    data = make_data(Shape(slots=1))
    fed = data["survivor_schedule"][1]  # (cycle, slot, draw)
    loss = np.arange(fed.size, dtype=np.float32).reshape(fed.shape)
    folder = write_run(tmp_path / "run", Shape(slots=1), {"draw_loss": (("cycle", "slot", "draw"), loss)})
    write_history(folder, data)
    table = detectors(open_run(folder))
    latest = dict(zip(fed[:12].ravel(), loss[:12].ravel(), strict=True))
    wrong = data["label"][1] != data["true_label"][1]
    found = table[(table["signal"] == "loss") & (table["cycles"] == 12)].iloc[0]
    assert found["wrong"] == pytest.approx(np.mean([latest[i] for i in np.flatnonzero(wrong) if i in latest]))


def test_command_prints_the_table_and_refuses_what_has_none(run, tmp_path, capsys):
    assert main(["detectors", str(run), "--csv", str(tmp_path / "table.csv")]) == 0
    assert "area under the curve" in capsys.readouterr().out
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 5
    (run / "history.h5").unlink()
    assert main(["detectors", str(run)]) == 3
    assert "make it by autosampling history" in capsys.readouterr().err
