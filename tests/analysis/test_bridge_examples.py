"""The examples run, and a loop over a real run is fed the images that the program trained on."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys

import h5py
import numpy as np
import pytest
import torch
from cifar_files import CIFAR10, write_cifar
from program_runs import MNIST, ROOT, find_program, make_run

from autosampling.sampler import ResumableLoader, ScheduleSampler, TrainingSet

EXAMPLES = ROOT / "analysis/examples"
RATE = "training.learning_rate=0.02"  # at 0.1 some initial weights never learn


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """A run, and its images where torchvision looks for them."""
    folder = tmp_path_factory.mktemp("examples")
    raw = folder / "MNIST/raw"
    raw.mkdir(parents=True)
    for path in MNIST.glob("*.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    settings = ("data.name=mnist", f"data.path={MNIST}", "model.name=convnet", "training.epochs=1", RATE)
    return make_run(folder / "run", *settings, "training.batch_size=64"), folder


def run_example(name, *arguments):
    command = [sys.executable, EXAMPLES / name, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    assert result.returncode == 0, result.stderr
    return float(re.findall(r"test accuracy (\d\.\d+)", result.stdout)[-1])


@pytest.mark.parametrize("arguments", [[], ["--static"]], ids=["schedule", "static"])
def test_plain_pytorch_learns_from_a_run(mnist, arguments):
    run, data = mnist
    assert run_example("plain_pytorch.py", run, data, *arguments) > 0.5


def test_plain_pytorch_learns_by_a_policy(mnist):
    _, data = mnist
    settings = ("data.name=mnist", f"data.path={MNIST}", "model.name=convnet", "training.epochs=2", RATE)
    run = make_run(data / "policy", *settings, "training.batch_size=64", "exploration.kind=policy")
    assert run_example("policy_pytorch.py", run, data, "--epochs", "1") > 0.5


def test_lightning_learns_from_a_run(mnist):
    run, data = mnist
    assert run_example("lightning_replay.py", run, data) > 0.5


def test_a_replayed_cifar10_run_feeds_its_schedule(tmp_path):
    pixels, labels = write_cifar(tmp_path / "data", [*CIFAR10, "test_batch.bin"], each=100)
    searched, replayed = tmp_path / "searched", tmp_path / "replayed"
    make_run(
        searched, "data.name=cifar10", f"data.path={tmp_path / 'data'}", "data.label_noise=0.3", "model.name=resnet8"
    )
    command = [find_program("autosampling"), "replay", searched, "--dynamic", "--output", replayed]
    subprocess.run(command, check=True, capture_output=True, timeout=600)

    data = [(torch.from_numpy(image), int(label)) for image, label in zip(pixels[:500], labels[:500], strict=True)]
    sampler = ScheduleSampler(replayed)
    loader = ResumableLoader(TrainingSet(replayed, data), sampler=sampler, num_workers=2)
    fed = [batch for _ in range(sampler.epochs) for batch in loader]
    with h5py.File(searched / "run.h5") as file:
        schedule = file["schedule"][...].ravel()
        rows, given = file["split/training"][...][schedule], file["label"][...][schedule]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in fed]), pixels[rows])
    np.testing.assert_array_equal(np.concatenate([of_batch for _, of_batch in fed]), given)
    assert (given != labels[rows]).any()
