"""Trains a fresh network by the policy that a run learned, in plain PyTorch, on the run's own images.

    python policy_pytorch.py RUN DATA [--epochs E]

DATA is a folder for torchvision's data sets.
"""

import argparse
import tomllib
from pathlib import Path

import numpy as np
import torch
from plain_pytorch import DATA
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision.transforms import v2

import autosampling
from autosampling.networks import make_network


class Numbered(Dataset):
    """Each example with its number, by which its loss is handed back."""

    def __init__(self, data: autosampling.TrainingSet) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple:
        return index, *self.data[index]


@torch.inference_mode()
def losses_and_labels(network: torch.nn.Module, loader: DataLoader) -> tuple[torch.Tensor, torch.Tensor, float]:
    """The loss and the label of each example, and the accuracy."""
    network.eval()
    pairs = [(network(images), labels) for images, labels in loader]
    logits, labels = (torch.cat(part) for part in zip(*pairs, strict=True))
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    return cross_entropy(logits, labels, reduction="none"), labels, accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args()

    options = tomllib.loads((arguments.run / "config.toml").read_text())
    data, shape, classes = DATA[options["data"]["name"]]
    to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    transform = v2.Compose([*to_tensor, v2.Normalize(options["data"]["mean"], options["data"]["std"])])
    file_data = data(arguments.data, train=True, download=True, transform=transform)
    training = autosampling.TrainingSet(arguments.run, file_data)
    reward = Subset(file_data, autosampling.open_run(arguments.run)["split_reward"].values.tolist())
    test = data(arguments.data, train=False, download=True, transform=transform)

    sampler = autosampling.PolicySampler(arguments.run, training.labels, arguments.epochs)
    loader = DataLoader(Numbered(training), sampler=sampler, batch_size=options["training"]["batch_size"])
    torch.manual_seed(options["run"]["seed"])
    network = make_network(options["model"]["name"], shape, classes)
    optimizer = torch.optim.SGD(network.parameters(), options["training"]["learning_rate"], momentum=0.9)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, arguments.epochs * len(loader))

    for epoch in range(arguments.epochs):
        network.train()
        for index, images, labels in loader:
            losses = cross_entropy(network(images), labels, reduction="none")
            sampler.observe(index, losses)
            optimizer.zero_grad()
            losses.mean().backward()
            optimizer.step()
            rate.step()
        held_out, labels, _ = losses_and_labels(network, DataLoader(reward, batch_size=500))
        sampler.end_epoch(
            [held_out[labels == c].mean().item() if (labels == c).any() else np.nan for c in range(classes)]
        )
        accuracy = losses_and_labels(network, DataLoader(test, batch_size=500))[2]
        print(f"epoch {epoch + 1}: test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
