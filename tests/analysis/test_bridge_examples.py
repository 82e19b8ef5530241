"""The examples run, and a loop over a real run is fed the images that the program trained on.

AUTOSAMPLING_CIFAR10 names a folder with CIFAR-10's binary files.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from autosampling.sampler import ResumableLoader, ScheduleSampler, TrainingSet
from bridge_runs import MNIST, ROOT, find_program, make_run, run_program

EXAMPLES = ROOT / "analysis/examples"


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """A run, and its images where torchvision looks for them."""
    folder = tmp_path_factory.mktemp("examples")
    raw = folder / "MNIST/raw"
    raw.mkdir(parents=True)
    for path in MNIST.glob("*.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    settings = ("data.name=mnist", f"data.path={MNIST}", "model.name=convnet", "training.epochs=1")
    return make_run(folder / "run", *settings, "training.batch_size=64"), folder


def run_example(name, *arguments):
    command = [sys.executable, EXAMPLES / name, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert result.returncode == 0, result.stderr
    return float(re.findall(r"test accuracy (\d\.\d+)", result.stdout)[-1])


@pytest.mark.parametrize("arguments", [[], ["--static"]], ids=["schedule", "static"])
def test_plain_pytorch_learns_from_a_run(mnist, arguments):
    pytest.importorskip("torchvision")
    run, data = mnist
    assert run_example("plain_pytorch.py", run, data, *arguments) > 0.5


def test_lightning_learns_from_a_run(mnist):
    pytest.importorskip("torchvision")
    pytest.importorskip("lightning")
    run, data = mnist
    assert run_example("lightning_replay.py", run, data) > 0.5


class Cifar10(torch.utils.data.Dataset):
    """The training files, as they are."""

    def __init__(self, folder: Path) -> None:
        records = [np.fromfile(folder / f"data_batch_{n}.bin", np.uint8).reshape(-1, 3073) for n in range(1, 6)]
        self.records = np.concatenate(records)

    def __len__(self):
        return len(self.records)

    def __getitem__(self, row):
        return self.records[row, 1:], int(self.records[row, 0])


def test_a_replayed_cifar10_run_feeds_its_schedule(tmp_path):
    folder = os.environ.get("AUTOSAMPLING_CIFAR10")
    if not folder:
        pytest.skip("AUTOSAMPLING_CIFAR10 (a folder with its binary files) is not set")
    searched, replayed = tmp_path / "searched", tmp_path / "replayed"
    result = run_program(
        searched,
        f"data.path={folder}",
        "data.label_noise=0.3",
        "training.epochs=0.1",
        "population.members=2",
        config=ROOT / "jobs/configs/cifar10-resnet8.toml",
    )
    assert result.returncode == 0, result.stderr
    command = [find_program("autosampling"), "replay", searched, "--dynamic", "--output", replayed]
    subprocess.run(command, check=True, capture_output=True, timeout=600)

    data = Cifar10(Path(folder))
    sampler = ScheduleSampler(replayed)
    loader = ResumableLoader(TrainingSet(replayed, data), sampler=sampler, num_workers=2)
    fed = [batch for _ in range(sampler.epochs) for batch in loader]
    with h5py.File(searched / "run.h5") as file:
        schedule = file["schedule"][...].ravel()
        rows, labels = file["split/training"][...][schedule], file["label"][...][schedule]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in fed]), data.records[rows, 1:])
    np.testing.assert_array_equal(np.concatenate([given for _, given in fed]), labels)
    assert (labels != data.records[rows, 0]).any()
