"""A network of the user's own, as a TorchScript file: trained, resumed, replayed and exported like any other."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
import torchvision
from program_runs import SMALL, assert_equal, command, find_program, run_program, state_of_winner
from readme import read_python
from torch import nn

from autosampling import networks, weights

SHORT = ("training.epochs=1.5", "data.synthetic_images=400", "record.checkpoint_cycles=1", "record.keep_checkpoints=1")


def settings(network):
    last = {setting.split("=")[0]: setting for setting in (*SMALL, *SHORT, f"model.name=torchscript:{network}")}
    return [f"--set={setting}" for setting in last.values()]


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    """A file of torchvision's network, with dropout, and a run of it."""
    folder = tmp_path_factory.mktemp("mobilenet")
    torch.manual_seed(1)
    torch.jit.script(torchvision.models.mobilenet_v3_small(num_classes=10)).save(folder / "network.pt")
    (folder / "empty.toml").write_text("")
    arguments = [folder / "empty.toml", *settings(folder / "network.pt")]
    result = command("run", *arguments, "--output", folder / "run")
    assert result.returncode == 0, result.stderr
    return folder, arguments


def test_the_readmes_network_trains(tmp_path):
    (tmp_path / "recipe.py").write_text(read_python(need_torch=True))
    subprocess.run([sys.executable, "recipe.py"], check=True, cwd=tmp_path)
    result = run_program(tmp_path / "run", *SMALL, *SHORT, f"model.name=torchscript:{tmp_path / 'network.pt'}")
    assert result.returncode == 0, result.stderr


def test_resumed_run_equals_uninterrupted_run(mobilenet, tmp_path):
    folder, arguments = mobilenet
    arguments = [*arguments, "--output", tmp_path / "run"]
    assert command("run", *arguments, "--set=run.walltime=0.001").returncode == 85
    moved = [str(argument).replace(str(folder), str(tmp_path)) for argument in arguments]
    for name in ("network.pt", "empty.toml"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    result = command("run", *moved, "--resume")
    assert result.returncode == 0, result.stderr
    assert_equal(folder / "run", tmp_path / "run")


def test_exact_replay_is_exact(mobilenet, tmp_path):
    folder, _ = mobilenet
    result = command("replay", folder / "run", "--exact", "--output", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "the replay is exact" in result.stdout + result.stderr


def test_member_of_two_ranks_has_its_own_batch_statistics(mobilenet, tmp_path):
    folder, arguments = mobilenet
    launch = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", find_program("autosampling"), "run"]
    team = [*arguments, "--set=population.ranks_per_member=2", "--output"]
    team = [argument.replace("members=2", "members=1") if isinstance(argument, str) else argument for argument in team]
    team = [
        argument.replace("kind=mixture", "kind=none") if isinstance(argument, str) else argument for argument in team
    ]
    refused = subprocess.run(
        [*launch, *team, tmp_path / "no"], capture_output=True, text=True, timeout=900, check=False
    )
    assert refused.returncode == 2
    assert "population.synchronise_statistics" in refused.stderr
    apart = ["--set=population.synchronise_statistics=false"]
    result = subprocess.run(
        [*launch, *team, tmp_path / "run", *apart], capture_output=True, text=True, timeout=900, check=False
    )
    assert result.returncode == 0, result.stderr
    again = command("replay", tmp_path / "run", "--dynamic", "--output", tmp_path / "again")
    assert again.returncode == 2  # it takes as many ranks


def test_exported_weights_are_of_its_own_names_and_give_the_programs_logits(mobilenet, tmp_path):
    folder, _ = mobilenet
    run = folder / "run"
    with pytest.raises(ValueError, match="the network that the run began with"):
        weights.export_run(run, folder)
    files = weights.export_run(run, tmp_path)
    assert tmp_path / "network.pt" in files
    state = torch.load(tmp_path / "weights.pt")
    network = torchvision.models.mobilenet_v3_small(num_classes=10)
    network.load_state_dict(state)
    with h5py.File(run / "run.h5") as record:
        batches = 4 * len(record["cycle"])
    assert state["features.0.1.num_batches_tracked"].dtype == torch.int64
    assert state["features.0.1.num_batches_tracked"] == batches
    command = [find_program("program_logits"), run / "config.toml", state_of_winner(run), tmp_path / "logits.h5"]
    subprocess.run(command, check=True, timeout=600)
    with h5py.File(tmp_path / "logits.h5") as file:
        images, expected = torch.tensor(file["image"][...]), file["logit"][...]
    for same in (network.eval(), networks.load_network(tmp_path)):
        with torch.inference_mode():
            np.testing.assert_allclose(same(images).numpy(), expected, atol=1e-4, rtol=1e-4)
    assert json.loads((tmp_path / "network.json").read_text())["network"].startswith("torchscript:")


def test_a_run_starts_from_imported_weights(mobilenet, tmp_path):
    folder, arguments = mobilenet
    weights.export_run(folder / "run", tmp_path)
    assert weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", folder / "run/config.toml") == []
    still = [f"--set=model.init={tmp_path / 'init.h5'}", "--set=training.learning_rate=1e-9"]
    kept = [a for a in arguments if "learning_rate" not in str(a)]
    result = command("run", *kept, *still, "--output", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    after = weights.read_state(state_of_winner(tmp_path / "run"))
    for name, _ in torchvision.models.mobilenet_v3_small(num_classes=10).named_parameters():
        torch.testing.assert_close(after[name], torch.load(tmp_path / "weights.pt")[name], atol=1e-5, rtol=0)


def test_another_file_is_refused_at_a_resume_and_by_a_replay(mobilenet, tmp_path):
    folder, arguments = mobilenet
    torch.jit.script(torchvision.models.mobilenet_v3_small(num_classes=10)).save(tmp_path / "network.pt")
    arguments = [
        str(argument).replace(str(folder / "network.pt"), str(tmp_path / "network.pt")) for argument in arguments
    ]
    result = command("run", *arguments, "--output", folder / "run", "--resume")
    assert result.returncode == 2
    assert "model.hash: recorded" in result.stderr
    replay = ("replay", folder / "run", "--exact", f"--set=model.name=torchscript:{tmp_path / 'network.pt'}")
    result = command(*replay, "--output", tmp_path / "again")
    assert result.returncode == 2
    assert "is not the network that it was" in result.stderr


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3072, 10)
        self.calls = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.fc(images.flatten(1))


class OnGpu(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3072, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(images.flatten(1)) + torch.zeros(10, device=torch.device("cuda"))


def linear(classes=10):
    return nn.Sequential(nn.Flatten(), nn.Linear(3072, classes))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.jit.script(linear(1000)), r"gives \[2, 1000\] for 2 examples"),
        (
            lambda: torch.jit.script(nn.Sequential(nn.Flatten(), nn.Linear(784, 10))),
            r"can't take examples of 32 x 32 x 3",
        ),
        (lambda: torch.jit.freeze(torch.jit.script(linear().eval())), "has no parameters to learn"),
        (lambda: torch.jit.script(nn.Flatten()), "has no parameters to learn"),
        (lambda: torch.jit.script(linear().double()), "neither of float32 nor of whole numbers"),
        (lambda: torch.jit.script(Counting()), r"its calls is assigned while it runs"),
        (lambda: torch.jit.script(OnGpu()), "makes its tensors on the device of its input"),
    ],
)
def test_a_network_that_cannot_be_trained_is_refused_with_the_reason(make, message, tmp_path):
    make().save(tmp_path / "network.pt")
    result = run_program(tmp_path / "run", *SMALL, f"model.name=torchscript:{tmp_path / 'network.pt'}")
    assert result.returncode == 2, result.stderr
    assert re.search(message, result.stderr), result.stderr
    assert not (tmp_path / "run").exists()


def trace(network):
    return torch.jit.trace(network, torch.zeros(2, 3, 32, 32))


@pytest.mark.parametrize("make", [torch.jit.script, trace])
def test_a_traced_network_is_warned_of_and_a_scripted_one_is_not(make, tmp_path):
    file = tmp_path / "network.pt"
    make(torchvision.models.mobilenet_v3_small(num_classes=10).eval()).save(file)
    (tmp_path / "empty.toml").write_text("")
    result = command("check", tmp_path / "empty.toml", *settings(file))
    assert result.returncode == 0, result.stderr
    assert ("is the same in training and in tests" in result.stdout) == (make is trace)


def test_a_file_that_is_no_torchscript_is_refused(tmp_path):
    torch.save(linear().state_dict(), tmp_path / "weights.pt")
    (tmp_path / "text.pt").write_text("no network")
    for name in ("weights.pt", "text.pt", "missing.pt"):
        result = run_program(tmp_path / "run", *SMALL, f"model.name=torchscript:{tmp_path / name}")
        assert result.returncode == 2, result.stderr
        assert name in result.stderr
        assert "torch.jit.script(network).save(FILE)" in result.stderr
