"""The program's networks in PyTorch, with its names of parameters, so that weights move both ways.

Those named imagenet-… are for images of 224 × 224 and are torchvision's own; the others are for small ones: resnet50
and densenet121 are torchvision's with another stem, the rest is defined here. torchscript:FILE is the user's own.

Letters: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional


def _conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False)


class Block(nn.Module):
    """A ResNet's basic block."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = _conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, images: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(images)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.downsample(images))


class ResNet(nn.Module):
    """He et al. (2016) for small images: a 3 × 3 stem of stride 1, no max-pooling, projection shortcuts."""

    def __init__(self, widths: tuple[int, ...], blocks: tuple[int, ...], channels: int, classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(channels, widths[0], 3), nn.BatchNorm2d(widths[0])
        inputs = widths[0]
        stages: list[nn.Module] = []
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            first = Block(inputs, width, stride=1 if stage == 0 else 2)
            rest = [Block(width, width, stride=1) for _ in range(count - 1)]
            stages.append(nn.Sequential(first, *rest))
            inputs = width
        # Each by its name, the missing ones too, as TorchScript wants it.
        stages += [nn.Identity()] * (4 - len(stages))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        features = functional.relu(self.bn1(self.conv1(images)))
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        return self.fc(features.mean((2, 3)))


class ConvNet(nn.Module):
    """Two convolutions with max-pooling and a fully connected layer."""

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(channels, 16, 3), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = _conv(16, 32, 3), nn.BatchNorm2d(32)
        self.fc = nn.Linear(32 * (height // 4) * (width // 4), classes)

    def forward(self, images: Tensor) -> Tensor:
        half = functional.max_pool2d(functional.relu(self.bn1(self.conv1(images))), 2)
        quarter = functional.max_pool2d(functional.relu(self.bn2(self.conv2(half))), 2)
        return self.fc(quarter.flatten(1))


class Mlp(nn.Module):
    """One hidden layer of 128."""

    def __init__(self, channels: int, height: int, width: int, classes: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels * height * width, 128)
        self.fc2 = nn.Linear(128, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc2(functional.relu(self.fc1(images.flatten(1))))


def _resnet(
    widths: tuple[int, ...], blocks: tuple[int, ...], channels: int, height: int, width: int, classes: int
) -> nn.Module:
    return ResNet(widths, blocks, channels, classes)


def _torchvisions(model: str, small: bool, channels: int, height: int, width: int, classes: int) -> nn.Module:
    """torchvision's model, with a stem for small images or for other channels than 3."""
    try:
        from torchvision import models
    except ImportError as error:
        raise ImportError(
            f"network {'' if small else 'imagenet-'}{model} is torchvision's, which cannot be imported ({error}): "
            f"install the torchvision that goes with PyTorch {torch.__version__}",
            name="torchvision",
        ) from error
    network: nn.Module = getattr(models, model)(num_classes=classes)
    stem, conv, pool = (network.features, "conv0", "pool0") if model == "densenet121" else (network, "conv1", "maxpool")
    if small:
        setattr(stem, conv, _conv(channels, 64, 3))
        setattr(stem, pool, nn.Identity())
    elif channels != 3:
        setattr(stem, conv, _conv(channels, 64, 7, stride=2))
    return network


_NETWORKS: dict[str, Callable[[int, int, int, int], nn.Module]] = {
    "resnet8": partial(_resnet, (16, 32, 64), (1, 1, 1)),
    "resnet20": partial(_resnet, (16, 32, 64), (3, 3, 3)),
    "resnet18": partial(_resnet, (64, 128, 256, 512), (2, 2, 2, 2)),
    "resnet34": partial(_resnet, (64, 128, 256, 512), (3, 4, 6, 3)),
    "resnet50": partial(_torchvisions, "resnet50", True),
    "imagenet-resnet18": partial(_torchvisions, "resnet18", False),
    "imagenet-resnet34": partial(_torchvisions, "resnet34", False),
    "imagenet-resnet50": partial(_torchvisions, "resnet50", False),
    "densenet121": partial(_torchvisions, "densenet121", True),
    "imagenet-densenet121": partial(_torchvisions, "densenet121", False),
    "convnet": ConvNet,
    "mlp": Mlp,
}
NAMES = tuple(_NETWORKS)
HEADS = {name: "fc2" if name == "mlp" else "classifier" if "densenet" in name else "fc" for name in NAMES}
"""The last layer, whose size is the number of classes."""
_SCRIPT = "torchscript:"


def is_script(name: str) -> bool:
    """Whether a network's name means a TorchScript file."""
    return name.startswith(_SCRIPT)


def script_file(name: str) -> Path:
    """The TorchScript file that a network's name means."""
    return Path(name.removeprefix(_SCRIPT))


def make_network(name: str, shape: tuple[int, ...] = (3, 32, 32), classes: int = 10) -> nn.Module:
    """The network that the program calls `name` (option `model.name`), for images of `shape` (C, H, W); mlp for any.

    It maps (B, C, H, W) float32, normalised by the run's mean and std, to (B, classes) logits. For the names with
    imagenet it is torchvision's; other channels than 3 only change its first convolution. For torchscript:FILE it is
    the network in that file, with its weights. Raises ValueError for an unknown name or a file that is no TorchScript,
    ImportError where it takes torchvision and that isn't installed.
    """
    if is_script(name):
        return _load_script(script_file(name))
    if name not in _NETWORKS:
        raise ValueError(f"unknown network {name!r}: take one of {', '.join(NAMES)}, or {_SCRIPT}FILE")
    return _NETWORKS[name](*(shape if len(shape) == 3 else (math.prod(shape), 1, 1)), classes)


def _load_script(file: str | Path) -> nn.Module:
    try:
        network: nn.Module = torch.jit.load(file, map_location="cpu")  # type: ignore[no-untyped-call]
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"torch.jit.load cannot read {file} ({error}): give the file of the run") from error
    return network


def load_network(folder: str | Path) -> nn.Module:
    """The trained network of a folder that `autosampling-analyse export` has written, in evaluation mode."""
    about = json.loads((Path(folder) / "network.json").read_text())
    if is_script(about["network"]):
        return _load_script(Path(folder) / "network.pt").eval()
    network = make_network(about["network"], tuple(about["shape"]), about["classes"])
    network.load_state_dict(torch.load(Path(folder) / "weights.pt"))
    return network.eval()
