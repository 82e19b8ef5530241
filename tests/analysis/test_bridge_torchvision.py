"""The program's networks are torchvision's: the same weights give the same logits, and the same gradients of a step."""

from __future__ import annotations

import copy
import os
import subprocess

import h5py
import numpy as np
import pytest
import torch
import torchvision
from program_runs import find_program
from torch import nn

from autosampling import networks, weights

MODELS = ("resnet18", "resnet34", "resnet50", "densenet121")


def make_torchvisions(model, small):
    """torchvision's, randomly initialised, with a stem for small images where they are."""
    torch.manual_seed(1)
    network = getattr(torchvision.models, model)(num_classes=10)
    if small:
        stem, conv, pool = (
            (network.features, "conv0", "pool0") if model == "densenet121" else (network, "conv1", "maxpool")
        )
        setattr(stem, conv, nn.Conv2d(3, 64, 3, padding=1, bias=False))
        setattr(stem, pool, nn.Identity())
    return network


def give_statistics(network, size):
    """Statistics other than 0 and 1, near those of its images."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over the batches
    with torch.no_grad():
        network.train()(torch.randn(32, 3, size, size))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1


def compute(network, model, small, tmp_path, threads):
    """What the program makes of torchvision's weights: images, labels, logits, gradient of the first 32."""
    name, size = (model, 32) if small else (f"imagenet-{model}", 224)
    give_statistics(network, size)
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    config = tmp_path / "run.toml"
    data = f'name = "synthetic"\nseed = 1\nsynthetic_images = 160\nsynthetic_size = {size}\n'
    config.write_text(f'[model]\nname = "{name}"\n[data]\n{data}')
    assert weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config) == []
    command = [find_program("program_logits"), config, tmp_path / "init.h5", tmp_path / "out.h5"]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": str(threads)})
    with h5py.File(tmp_path / "out.h5") as file:
        labels = torch.tensor(file["label"][...], dtype=torch.int64)
        return torch.tensor(file["image"][...]), labels, file["logit"][...], file["gradient"][...]


def gradients(network, images, labels):
    """Of the mean loss, in training, one array a parameter."""
    nn.functional.cross_entropy(network.train()(images), labels).backward()
    return [parameter.grad.numpy().ravel() for parameter in network.parameters()]


def apart(gradient, theirs):
    """Norm of the difference, as a part of theirs, of each parameter."""
    assert len(gradient) == sum(map(len, theirs))
    mine = np.split(gradient, np.cumsum([len(part) for part in theirs])[:-1])
    return [np.linalg.norm(m - t) / np.linalg.norm(t) for m, t in zip(mine, theirs, strict=True)]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("small", [True, False], ids=["small images", "imagenet"])
@pytest.mark.parametrize("model", MODELS)
def test_torchvisions_weights_give_its_logits_and_gradients(model, small, tmp_path, two_threads):
    """By the same kernels, as the program has none of its own with two threads: others round otherwise, which moves
    activations across ReLU's kink, and the gradient by a hundredth."""
    network = make_torchvisions(model, small)
    images, labels, logits, gradient = compute(network, model, small, tmp_path, threads=2)
    with torch.inference_mode():
        expected = network.eval()(images).numpy()
    # PyTorch's own logits of this ResNet-50 are 3e-5 apart in its two memory formats, and as far from those in float64.
    np.testing.assert_allclose(logits, expected, atol=5e-5 if model == "resnet50" else 1e-5, rtol=1e-5)
    network.to(memory_format=torch.channels_last)
    batch = images[:32].contiguous(memory_format=torch.channels_last)
    assert max(apart(gradient, gradients(network, batch, labels[:32]))) <= 1e-4


@pytest.mark.parametrize("model", ["resnet18", "densenet121"])
def test_gradients_of_one_thread_are_as_near_to_float64s_as_pytorchs(model, tmp_path):
    """Those of the program's own batch norm with ReLU."""
    network = make_torchvisions(model, small=True)
    images, labels, _, gradient = compute(network, model, True, tmp_path, threads=1)
    exact = gradients(copy.deepcopy(network).double(), images[:32].double(), labels[:32])
    network.to(memory_format=torch.channels_last)
    batch = images[:32].contiguous(memory_format=torch.channels_last)
    pytorchs = np.concatenate(gradients(network, batch, labels[:32]))
    assert max(apart(gradient, exact)) <= 3 * max(apart(pytorchs, exact))


@pytest.mark.parametrize("model", MODELS)
def test_the_packages_networks_are_torchvisions_too(model):
    for small in (True, False):
        mine = networks.make_network(model if small else f"imagenet-{model}").state_dict()
        its = make_torchvisions(model, small).state_dict()
        assert [(name, value.shape) for name, value in mine.items()] == [(n, value.shape) for n, value in its.items()]
