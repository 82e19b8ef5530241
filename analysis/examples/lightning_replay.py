"""Trains a fresh network on the winning schedule of a run with PyTorch Lightning, on as many processes as asked for.

    python lightning_replay.py RUN DATA [--devices 2]

DATA is a folder for torchvision's MNIST. The sampler stays in its place with any strategy: Lightning knows it for a
distributed one. A checkpoint of Lightning's holds the place in the schedule, in the middle of an epoch, too.
"""

import argparse
import tomllib
from pathlib import Path

import lightning
import torch
import torchvision
from torchvision.transforms import v2

from autosampling.networks import make_network
from autosampling.sampler import ResumableLoader, ScheduleSampler, TrainingSet


class Replay(lightning.LightningModule):
    def __init__(self, run: Path, data: Path) -> None:
        super().__init__()
        self.run, self.data = run, data
        self.options = tomllib.loads((run / "config.toml").read_text())
        self.network = make_network(self.options["model"]["name"], (1, 28, 28), 10)

    def read(self, train: bool) -> torchvision.datasets.MNIST:
        normalise = v2.Normalize(self.options["data"]["mean"], self.options["data"]["std"])
        transform = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), normalise])
        return torchvision.datasets.MNIST(self.data, train=train, download=True, transform=transform)

    def train_dataloader(self) -> ResumableLoader:
        # Made here, where the processes know of each other. All of the schedule is one epoch of Lightning's: the run's
        # own epochs may differ by a cycle in length, which Lightning does not take.
        sampler = ScheduleSampler(self.run, epoch_cycles=ScheduleSampler(self.run).cycles)
        return ResumableLoader(TrainingSet(self.run, self.read(train=True)), sampler=sampler, num_workers=2)

    def val_dataloader(self) -> torch.utils.data.DataLoader:
        return torch.utils.data.DataLoader(self.read(train=False), batch_size=500)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        images, labels = batch
        return torch.nn.functional.cross_entropy(self.network(images), labels)

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> None:
        images, labels = batch
        right = (self.network(images).argmax(1) == labels).float().mean()
        self.log("test_accuracy", right, sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        wanted = self.options["training"]
        return torch.optim.SGD(
            self.parameters(), wanted["learning_rate"], wanted["momentum"], weight_decay=wanted["weight_decay"]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--devices", type=int, default=1)
    arguments = parser.parse_args()
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="auto",
        devices=arguments.devices,
        default_root_dir=arguments.run.parent / "lightning",
        enable_progress_bar=False,
        logger=False,
    )
    trainer.fit(Replay(arguments.run, arguments.data))
    print(f"test accuracy {trainer.callback_metrics['test_accuracy']:.4f}")


if __name__ == "__main__":
    main()
