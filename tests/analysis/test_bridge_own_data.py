"""Users' own data and networks: scikit-learn's sets as arrays, and a scripted LSTM on sequences."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from program_runs import assert_equal, command
from torch import nn

from autosampling import cli, weights

ARRAYS = (
    "data.name=arrays",
    "training.batch_size=20",
    "training.schedule=cosine",
    "population.members=2",
    "population.cycle_batches=5",
    "exploration.kind=mixture",
    "exploration.first_epoch=1",
    "exploration.interval_cycles=2",
    "exploration.mixing=draws",
)


def write_arrays(path, x, y):
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = x, y
    return path


def arguments_for(folder, data, *settings):
    (folder / "empty.toml").write_text("")
    return [folder / "empty.toml", *(f"--set={setting}" for setting in (*ARRAYS, f"data.path={data}", *settings))]


def run(folder, data, *settings):
    result = command("run", *arguments_for(folder, data, *settings), "--output", folder / "run")
    assert result.returncode == 0, result.stderr
    with h5py.File(folder / "run/run.h5") as file:
        names = ("reward", "reward_loss", "test_accuracy", "test_loss")
        return {name: file[name][...] for name in names}, result.stdout


def test_digits_are_learned_as_classes(tmp_path):
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    data = write_arrays(tmp_path / "digits.h5", (digits.data / 16).astype("f4"), digits.target)
    record, _ = run(tmp_path, data, "model.name=mlp", "training.epochs=10", "training.learning_rate=0.1")
    assert record["test_accuracy"][-1] > 0.93


def test_diabetes_is_learned_as_a_regression_and_all_speak_of_loss(tmp_path, capsys):
    diabetes = pytest.importorskip("sklearn.datasets").load_diabetes()
    y = ((diabetes.target - diabetes.target.mean()) / diabetes.target.std()).astype("f4")
    data = write_arrays(tmp_path / "diabetes.h5", diabetes.data.astype("f4"), y)
    settings = ("data.standardise=true", "model.name=mlp", "training.epochs=20", "training.learning_rate=0.01")
    record, log = run(tmp_path, data, *settings)
    assert record["test_loss"].min() < 0.65  # of a variance of 1; least squares reaches about 0.5
    assert np.isnan(record["test_accuracy"]).all()
    assert np.array_equal(record["reward"], -record["reward_loss"])
    assert "test loss of the winner" in log
    assert "accuracy" not in log.replace("test_accuracy=null", "")
    assert cli.main(["watch", "--once", str(tmp_path / "run")]) == 0
    watched = capsys.readouterr().out
    assert "loss" in watched
    assert "accuracy" not in watched
    assert cli.main(["report", str(tmp_path / "run"), "--output", str(tmp_path / "report")]) == 0
    page = (tmp_path / "report/report.html").read_text()
    shown = page.split("<pre>")[0]  # what comes then is the configuration
    assert "test loss, last epoch" in shown
    assert "accuracy" not in shown.lower()
    again = [*arguments_for(tmp_path, data, *settings, "run.seed=1"), "--output", tmp_path / "seed1"]
    assert command("run", *again).returncode == 0
    assert cli.main(["compare", str(tmp_path / "run"), str(tmp_path / "seed1")]) == 0
    compared = capsys.readouterr().out
    assert "test loss, mean over seeds" in compared
    assert "\n\nall\n" in compared  # one group


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 16, batch_first=True)
        self.fc = nn.Linear(16, 3)

    def forward(self, sequences: torch.Tensor) -> torch.Tensor:
        return self.fc(self.lstm(sequences)[0][:, -1])


def test_a_scripted_lstm_learns_sequences_resumes_replays_and_exports(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(1200, 12, 3)).astype("f4")  # (n, steps, numbers)
    data = write_arrays(tmp_path / "sequences.h5", x, x.sum(axis=1).argmax(axis=1))
    torch.manual_seed(0)
    torch.jit.script(Sequence()).save(tmp_path / "network.pt")
    settings = (f"model.name=torchscript:{tmp_path / 'network.pt'}", "training.epochs=8", "training.learning_rate=0.2")
    record, _ = run(tmp_path, data, *settings)
    assert record["test_accuracy"][-1] > 0.8

    arguments = [*arguments_for(tmp_path, data, *settings), "--output", tmp_path / "parts"]
    assert command("run", *arguments, "--set=run.walltime=0.001").returncode == 85
    result = command("run", *arguments, "--resume")
    assert result.returncode == 0, result.stderr
    assert_equal(tmp_path / "run", tmp_path / "parts")

    result = command("replay", tmp_path / "run", "--exact", "--output", tmp_path / "again")
    assert result.returncode == 0, result.stderr
    assert "the replay is exact" in result.stdout + result.stderr

    weights.export_run(tmp_path / "run", tmp_path / "exported")
    Sequence().load_state_dict(torch.load(tmp_path / "exported/weights.pt"))
