"""The program's networks are torchvision's: the same weights give the same logits, and the same gradients of a step."""

from __future__ import annotations

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


@pytest.mark.parametrize("small", [True, False], ids=["small images", "imagenet"])
@pytest.mark.parametrize("model", MODELS)
def test_torchvisions_weights_give_its_logits_and_gradients(model, small, tmp_path):
    name, size = (model, 32) if small else (f"imagenet-{model}", 224)
    network = make_torchvisions(model, small)
    give_statistics(network, size)
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    config = tmp_path / "run.toml"
    data = f'name = "synthetic"\nseed = 1\nsynthetic_images = 160\nsynthetic_size = {size}\n'
    config.write_text(f'[model]\nname = "{name}"\n[data]\n{data}')
    assert weights.import_weights(tmp_path / "weights.pt", tmp_path / "init.h5", config) == []
    subprocess.run([find_program("program_logits"), config, tmp_path / "init.h5", tmp_path / "out.h5"], check=True)
    with h5py.File(tmp_path / "out.h5") as file:
        images, labels = torch.tensor(file["image"][...]), torch.tensor(file["label"][...], dtype=torch.int64)
        logits, gradient = file["logit"][...], file["gradient"][...]
    with torch.inference_mode():
        expected = network.eval()(images).numpy()
    # PyTorch's own logits of this ResNet-50 are 3e-5 apart in its two memory formats, and as far from those in float64.
    np.testing.assert_allclose(logits, expected, atol=5e-5 if model == "resnet50" else 1e-5, rtol=1e-5)
    # In the program's layout: in another one rounding moves activations across ReLU's kink.
    network.train().to(memory_format=torch.channels_last)
    batch = images[:32].contiguous(memory_format=torch.channels_last)
    nn.functional.cross_entropy(network(batch), labels[:32]).backward()
    end = 0
    for parameter_name, parameter in network.named_parameters():
        first, end = end, end + parameter.numel()
        mine, its = gradient[first:end], parameter.grad.numpy().ravel()
        assert np.linalg.norm(mine - its) <= 1e-4 * np.linalg.norm(its), parameter_name
    assert end == len(gradient)


@pytest.mark.parametrize("model", MODELS)
def test_the_packages_networks_are_torchvisions_too(model):
    for small in (True, False):
        mine = networks.make_network(model if small else f"imagenet-{model}").state_dict()
        its = make_torchvisions(model, small).state_dict()
        assert [(name, value.shape) for name, value in mine.items()] == [(n, value.shape) for n, value in its.items()]
