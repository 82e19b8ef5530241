"""What the peers have in common: the networks, made-up images and parameters, and two ways to feed and train them.

`Plain` is how most people write it: torchvision's transforms image by image, a DataLoader, torch.optim.SGD. `Tuned` is
what can be had from PyTorch: images that stay in memory as bytes, a batch cut and flipped at once, channels-last, all
parameters in one tensor that one loop steps. bench.py starts its processes with a heap that doesn't go back to the
system.
"""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

BATCH = 128
Measure = Callable[[torch.Tensor, torch.Tensor], float]  # of a batch's output and labels
STAGES = {"resnet8": ((16, 32, 64), 1), "resnet20": ((16, 32, 64), 3), "resnet18": ((64, 128, 256, 512), 2)}


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inner)) + shortcut)


class ResNet(nn.Module):
    """torchvision's names and order, for small images."""

    def __init__(self, network: str) -> None:
        super().__init__()
        widths, blocks = STAGES[network]
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inputs, self.layers = widths[0], []
        for stage, width in enumerate(widths):
            layer = nn.Sequential()
            for block in range(blocks):
                layer.append(Block(inputs, width, 2 if stage > 0 and block == 0 else 1))
                inputs = width
            setattr(self, f"layer{stage + 1}", layer)
            self.layers.append(f"layer{stage + 1}")
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for layer in self.layers:
            x = getattr(self, layer)(x)
        return self.fc(x.mean((2, 3)))


class NullNetwork(nn.Module):
    """As the program's model.name = null: next to nothing to compute, but every step moves all of its weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(10, 1_117_396))  # as many parameters as ResNet-18, to the ten
        self.sums = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training or self.sums is None:  # once an evaluation
            self.sums = self.weight.sum(1) / self.weight.shape[1] ** 0.5
        return x.flatten(1).mean(1, keepdim=True) * self.sums

    def train(self, mode: bool = True) -> "NullNetwork":
        self.sums = None
        return super().train(mode)


def mixed(number: np.ndarray) -> np.ndarray:
    """Spreads numbers over all 32 bits, as member_speed.cpp does."""
    number = number.astype(np.uint32)
    number *= np.uint32(2654435761)
    number ^= number >> np.uint32(15)
    number *= np.uint32(2246822519)
    return number ^ number >> np.uint32(13)


def make_images(count: int = 10_000) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 32, 32, 3) u8 and labels (count) i64, those of member_speed.cpp."""
    images = (mixed(np.arange(count * 3072)) >> np.uint32(24)).astype(np.uint8).reshape(count, 32, 32, 3)
    return images, np.arange(count) % 10


@torch.no_grad()
def make_up_parameters(model: nn.Module) -> int:
    """Those of member_speed.cpp. -> how many"""
    place = 0
    for name, parameter in model.named_parameters():
        numbers = mixed(np.arange(place, place + parameter.numel())).astype(np.float64) * 2**-31 - 1
        scale = np.sqrt(6 * len(parameter) / parameter.numel()) if parameter.dim() > 1 else 0.1
        centre = 1 if parameter.dim() == 1 and name.endswith("weight") else 0
        parameter.copy_(torch.from_numpy(centre + scale * numbers).view(parameter.shape))
        place += parameter.numel()
    return place


def normalised(images: np.ndarray) -> torch.Tensor:
    """(B, 32, 32, 3) u8 -> (B, 3, 32, 32), channels-last in memory"""
    return torch.from_numpy(images).float().mul_(1 / 127.5).sub_(1).permute(0, 3, 1, 2)


class PlainImages(torch.utils.data.Dataset):
    def __init__(self, images: np.ndarray, labels: np.ndarray, training: bool) -> None:
        from torchvision import transforms

        cut = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()] if training else []
        scale = [transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)]
        self.transform = transforms.Compose(cut + scale)
        self.images, self.labels = images, labels.tolist()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def correct(output: torch.Tensor, y: torch.Tensor) -> int:
    return int((output.argmax(1) == y).sum())


def loss(output: torch.Tensor, y: torch.Tensor) -> float:
    return F.cross_entropy(output.float(), y, reduction="sum").item()


def work_of(peer: "Plain | Tuned", members: int, draws: int) -> dict[str, int]:
    """Of a population of such peers, each of which trains on so many draws a cycle: as bench.py has the program's."""
    parameters = sum(p.numel() for p in peer.model.parameters())
    measured = peer.evaluate(lambda _, y: len(y))
    return {"parameters": parameters, "members": members, "draws": draws, "reward_images": measured}


class Plain:
    def __init__(self, network: str, held_out: int) -> None:
        images, labels = make_images()
        self.model = ResNet(network)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
        self.images, self.uncut = (PlainImages(images, labels, training) for training in (True, False))
        held = PlainImages(images[:held_out], labels[:held_out], training=False)
        self.held = torch.utils.data.DataLoader(held, BATCH)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> float:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def train(self, draws: torch.Tensor, cut: bool = True) -> list[float]:
        """-> the loss of each batch; `cut`: of images that are cropped and flipped."""
        self.model.train()
        images = self.images if cut else self.uncut
        return [self.step(x, y) for x, y in torch.utils.data.DataLoader(images, BATCH, sampler=draws.tolist())]

    def evaluate(self, measure: Measure = correct, bf16: bool = False) -> float:
        """The sum of what is measured, over the held-out images."""
        self.model.eval()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return sum(measure(self.model(x), y) for x, y in self.held)


class Tuned:
    def __init__(self, network: str, held_out: int, bf16: bool = False, compiled: bool = False) -> None:
        images, labels = make_images()
        self.bf16 = bf16
        model = NullNetwork() if network == "null" else ResNet(network)
        self.model = model.to(memory_format=torch.channels_last)
        self._flatten()
        padded = F.pad(torch.from_numpy(images), (0, 0, 4, 4, 4, 4))
        self.windows = padded.unfold(1, 32, 1).unfold(2, 32, 1).permute(0, 1, 2, 4, 5, 3)  # (N, 9, 9, 32, 32, 3)
        self.labels = torch.from_numpy(labels)
        self.held = normalised(images[:held_out]).split(64), self.labels[:held_out].split(64)
        self.loss, self.forward, self.folded = self._loss, self.model, None
        if compiled:
            self.loss, self.forward = (torch.compile(f, dynamic=False) for f in (self._loss, self.model))

    def _flatten(self) -> None:
        parameters = list(self.model.parameters())
        statistics = [b for b in self.model.buffers() if b.is_floating_point()]
        padded = [-(-t.numel() // 16) * 16 for t in parameters + statistics]  # pieces begin at 64 bytes
        count = sum(padded[: len(parameters)])
        self.state = torch.zeros(2 * count + sum(padded[len(parameters) :]))
        self.weights, self.momentum = self.state[:count], self.state[count : 2 * count]
        self.gradient = torch.zeros(count)
        place = 0
        for tensor, length in zip(parameters + statistics, padded, strict=True):
            begin = place if place < count else place + count  # behind the momentum
            view = self.state.as_strided(tensor.shape, tensor.stride(), begin)
            view.copy_(tensor.data)
            tensor.data = view
            if place < count:
                tensor.grad = self.gradient.as_strided(tensor.shape, tensor.stride(), place)
            place += length

    def _loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            return F.cross_entropy(self.model(x).float(), y)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss = self.loss(x, y)
        loss.backward()
        with torch.no_grad():
            self.gradient.add_(self.weights, alpha=5e-4)
            self.momentum.mul_(0.9).add_(self.gradient)
            self.weights.add_(self.momentum, alpha=-0.1)
            self.gradient.zero_()
        return loss.detach()

    def train(self, draws: torch.Tensor, cut: bool = True) -> list[torch.Tensor]:
        """As Plain's."""
        self.model.train()
        losses = []
        for some in draws.split(BATCH):
            place = torch.randint(162, (len(some),)) if cut else torch.full((len(some),), 40)
            x = self.windows[some, place % 81 // 9, place % 9]
            x = torch.where((place >= 81).view(-1, 1, 1, 1), x.flip(2), x)
            x = x.float().mul_(1 / 127.5).sub_(1).permute(0, 3, 1, 2)
            losses.append(self.step(x, self.labels[some]))
        return losses

    def evaluate(self, measure: Measure = correct, folded: bool = False) -> float:
        """As Plain's; `folded`: with batch norm in the convolutions' weights, which is done anew each time."""
        self.model.eval()
        forward = self.forward
        if folded:
            if self.folded is None:
                self.folded = Folded(self.model, torch.bfloat16 if self.bf16 else torch.float32)
            self.folded.follow()
            forward = self.folded
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=self.bf16 and not folded):
            return sum(measure(forward(x), y) for x, y in zip(*self.held, strict=True))


class Folded:
    """A network for inference, of another's weights with batch norm in those of the convolutions before it."""

    def __init__(self, model: ResNet, dtype: torch.dtype) -> None:
        self.original, self.dtype, self.pairs = model, dtype, []
        self.network = deepcopy(model).to(dtype).requires_grad_(False)
        modules = zip(model.modules(), self.network.modules(), strict=True)
        for original, folded in list(modules):
            for conv, norm in (("conv1", "bn1"), ("conv2", "bn2"), ("0", "1")):
                if hasattr(original, conv) and isinstance(getattr(original, norm, None), nn.BatchNorm2d):
                    target = getattr(folded, conv)
                    target.bias = nn.Parameter(torch.zeros(target.out_channels, dtype=dtype), requires_grad=False)
                    setattr(folded, norm, nn.Identity())
                    self.pairs.append((getattr(original, conv), getattr(original, norm), target))

    @torch.no_grad()
    def follow(self) -> None:
        for conv, norm, target in self.pairs:
            scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
            target.weight.copy_(conv.weight * scale.view(-1, 1, 1, 1))
            target.bias.copy_(norm.bias - norm.running_mean * scale)
        for own, original in zip(self.network.fc.parameters(), self.original.fc.parameters(), strict=True):
            own.copy_(original)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x.to(self.dtype))
