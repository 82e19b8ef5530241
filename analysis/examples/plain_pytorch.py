"""Trains a fresh network on what a run learned, in plain PyTorch: its winning schedule in order, or with --static draws
from its learned distribution.

    python plain_pytorch.py RUN DATA [--static]

DATA is a folder for torchvision's data sets.
"""

import argparse
import tomllib
from pathlib import Path

import torch
import torchvision
from torchvision.transforms import v2

from autosampling.networks import make_network
from autosampling.sampler import ResumableLoader, ScheduleSampler, StaticSampler, TrainingSet

DATA = {
    "mnist": (torchvision.datasets.MNIST, (1, 28, 28), 10),
    "cifar10": (torchvision.datasets.CIFAR10, (3, 32, 32), 10),
    "cifar100": (torchvision.datasets.CIFAR100, (3, 32, 32), 100),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--static", action="store_true")
    arguments = parser.parse_args()

    options = tomllib.loads((arguments.run / "config.toml").read_text())
    data, shape, classes = DATA[options["data"]["name"]]
    to_tensor = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    transform = v2.Compose([*to_tensor, v2.Normalize(options["data"]["mean"], options["data"]["std"])])
    training = TrainingSet(arguments.run, data(arguments.data, train=True, download=True, transform=transform))
    test = data(arguments.data, train=False, download=True, transform=transform)

    schedule = ScheduleSampler(arguments.run)
    sampler = StaticSampler(arguments.run) if arguments.static else schedule
    loader = ResumableLoader(training, sampler=sampler, num_workers=2)
    torch.manual_seed(options["run"]["seed"])
    network = make_network(options["model"]["name"], shape, classes)
    wanted = options["training"]
    optimizer = torch.optim.SGD(
        network.parameters(), wanted["learning_rate"], wanted["momentum"], weight_decay=wanted["weight_decay"]
    )
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, schedule.epochs * len(loader))

    for epoch in range(schedule.epochs):
        network.train()
        for images, labels in loader:
            loss = torch.nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
            # To go on from here after an interruption, save loader.state_dict() beside the weights, and load both.
        network.eval()
        with torch.inference_mode():
            right = [
                (network(images).argmax(1) == labels).sum()
                for images, labels in torch.utils.data.DataLoader(test, batch_size=500)
            ]
        print(f"epoch {epoch + 1}: test accuracy {int(sum(right)) / len(test):.4f}")


if __name__ == "__main__":
    main()
