"""The README runs as it stands, on runs of the program: its Python, and the commands that need no PyTorch."""

import gzip
import subprocess
from importlib.metadata import metadata

import numpy as np
import pytest
from program_runs import MNIST, find_program, make_run
from readme import read_commands, read_installed, read_python

from autosampling.cli import main

SETTINGS = ["data.name=mnist", f"data.path={MNIST}", "data.label_noise=0.4", "model.name=mlp", "training.epochs=1"]
SETTINGS += ["population.members=2", "population.cycle_batches=10", "exploration.kind=mixture"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the README's paths lead to runs."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "runs").mkdir()
    make_run(folder / "runs/policy", *SETTINGS, "exploration.kind=policy")
    for run, seed, credit in (
        ("run-quickstart", 0, "advantage"), ("runs/seed-1", 1, "advantage"), ("runs/other", 0, "winner")
    ):  # fmt: skip
        make_run(folder / run, *SETTINGS, f"run.seed={seed}", f"exploration.credit={credit}")
        subprocess.run([find_program("autosampling"), "history", folder / run], check=True, timeout=300)
    return folder


def test_every_line_of_its_python_runs(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    names: dict = {}
    exec(compile(read_python(need_torch=False), "README.md", "exec"), names)
    assert (folder / "threes.png").stat().st_size > 1000
    assert "1 pair(s)" in capsys.readouterr().out
    assert names["pixels"].shape == (10, 28, 28)
    index = np.array(names["threes"])
    row = names["run"]["split_training"].values[index]
    labels = np.frombuffer(gzip.decompress((MNIST / "train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    assert (names["run"]["true_label"].values[index] == labels[row]).all()


def test_every_command_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    places = {"RUN": ["run-quickstart"], "RUN...": ["run-quickstart", "runs/seed-1"], "DIR": ["written"]}
    places["FOLDER"], places["SERIES"], places["POLICY"] = ["comparison"], ["series"], ["runs/policy"]
    (folder / "comparison/uniform").mkdir(parents=True)
    (folder / "comparison/uniform/seed-0").symlink_to(folder / "run-quickstart")
    (folder / "series").mkdir()
    (folder / "series/weak-00002-1").symlink_to(folder / "run-quickstart")
    for command in read_commands(need_torch=False, **places):
        assert main(command) == 0, command
    assert (folder / "report/report.html").is_file() and (folder / "written/members.csv").is_file()


def test_every_extra_exists():
    assert {"", "torch", "tensorboard"} == set(read_installed())
    assert {"torch", "tensorboard"} <= set(metadata("autosampling").get_all("Provides-Extra"))
