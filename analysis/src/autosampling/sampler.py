"""What a run learned as a sampler for PyTorch: the winning schedule in order, or draws from the learned distribution.

Letters: N training examples, B batch of the run, R replicas (processes that train one model data-parallel).
"""

from __future__ import annotations

import tomllib
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import distributed
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from .record_file import open_run_file


def _place_in_world() -> tuple[int, int]:
    """Rank and number of the processes of torch.distributed."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


class TrainingSet(Dataset[tuple[Any, Any]]):
    """The examples that a run trained on, by training index, with the labels that it trained on.

    `file_data` is the whole training file as a map-style data set of (image, label) pairs, such as torchvision's
    `CIFAR10(train=True)`. A regression has no labels: its targets are those of `file_data`.
    """

    def __init__(self, run: str | Path, file_data: Any) -> None:
        with open_run_file(run) as file:
            self.rows: NDArray[np.uint32] = file["split/training"][...]  # (N)
            self.labels: NDArray[np.int32] = file["label"][...]  # (N)
            self._is_regression = int(file.attrs["classes"]) == 1
        if len(file_data) <= int(self.rows.max()):
            raise ValueError(
                f"the data has {len(file_data)} examples, but the run used row {self.rows.max()}: "
                "give the whole training file"
            )
        self.file_data = file_data

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        example, target = self.file_data[int(self.rows[index])]
        return example, target if self._is_regression else int(self.labels[index])


class RecordedSampler(DistributedSampler[int]):
    """What the two samplers share: epochs, splitting over replicas, and a state to go on from.

    Each pass over the sampler is one epoch; the next pass is the next one. Replica r of R takes every R-th index of a
    batch from the r-th on, so that together they train on the very batches of the run; R must divide B. Without `rank`
    and `replicas` they are those of `torch.distributed` when the sampler is made.

    It is a DistributedSampler by name, so that PyTorch Lightning leaves it in its place. Beside a plain DataLoader it
    can see neither the batch size, which must be `batch_size`, nor that Lightning's overfit_batches puts another
    sampler in its place: ResumableLoader takes care of both.
    """

    def __init__(self, run: str | Path, rank: int | None, replicas: int | None) -> None:
        if (rank is None) != (replicas is None):
            raise ValueError("rank and replicas go together: give both, or neither")
        with open_run_file(run) as file:
            configuration = tomllib.loads(file["configuration"].asstr()[()])
            self.training_images = int(file.attrs["training_images"])
        self.global_batch_size = int(configuration["training"]["batch_size"])
        self._follows_world = replicas is None
        self.rank, self.num_replicas = _place_in_world() if rank is None or replicas is None else (rank, replicas)
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(f"rank {self.rank} is not one of {self.num_replicas} replicas")
        if self.global_batch_size % self.num_replicas != 0:
            raise ValueError(
                f"batches of {self.global_batch_size} cannot be split over {self.num_replicas} replicas: "
                "take a number of processes that divides it"
            )
        self.epoch = 0
        self._done = 0  # batches of this epoch before the next pass; all of them: it is the next epoch's
        self._passing = False  # whether a pass has begun and not come to its end

    @property
    def batch_size(self) -> int:
        """Of one replica: what the DataLoader needs."""
        return self.global_batch_size // self.num_replicas

    @abstractmethod
    def _batches(self, epoch: int) -> int:
        """How many batches an epoch has; 0 beyond the last one."""

    @abstractmethod
    def _draws(self, epoch: int) -> NDArray[np.integer]:
        """The training indices of an epoch, in order. Raises ValueError beyond the last one."""

    def __len__(self) -> int:
        """Indices of this replica in the whole of the present epoch."""
        return self._batches(self.epoch) * self.batch_size

    def __iter__(self) -> Iterator[int]:
        if self._follows_world and self.num_replicas != _place_in_world()[1]:
            raise RuntimeError(
                f"the sampler was made for {self.num_replicas} process, but there are {_place_in_world()[1]}: make it "
                "after torch.distributed was initialised (with Lightning in train_dataloader)"
            )
        self.load_state_dict(self.state_dict())
        self._passing = True
        first = self._done * self.global_batch_size + self.rank
        yield from self._draws(self.epoch)[first :: self.num_replicas].tolist()
        self._done, self._passing = self._batches(self.epoch), False

    def state_dict(self) -> dict[str, int]:
        """Where the next pass begins: right at all times under ResumableLoader, else only between passes, since a
        DataLoader takes indices ahead of the loop."""
        if self._done == self._batches(self.epoch) > 0:
            return {"epoch": self.epoch + 1, "batches": 0}
        return {"epoch": self.epoch, "batches": self._done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Lets the next pass go on from there, whatever the number of replicas. Raises ValueError for a state that
        can't be one of this sampler's."""
        epoch, batches = state.get("epoch", -1), state.get("batches", -1)
        if epoch < 0 or not 0 <= batches <= self._batches(epoch):
            raise ValueError(f"{state} is not a state of this sampler (of another run?): give what its state_dict gave")
        self.epoch, self._done, self._passing = epoch, batches, False

    def set_epoch(self, epoch: int) -> None:
        """Lets the next pass be this epoch. Needless in a plain loop, where it is the next one anyway.

        Raises ValueError in the middle of another epoch, the rest of which would be lost. Under a plain DataLoader
        that is seen unless its workers had taken all indices of the epoch.
        """
        at = self.state_dict()
        if epoch == at["epoch"]:
            return
        if at["batches"] > 0 or self._passing:
            place = (
                f"after {at['batches']} of {self._batches(at['epoch'])} batches" if at["batches"] else "before its end"
            )
            raise ValueError(
                f"epoch {at['epoch']} was left {place}, and the loop would go on with epoch {epoch}: let whole epochs "
                "pass (in Lightning no limit_train_batches)"
            )
        self.epoch, self._done = epoch, 0


class ScheduleSampler(RecordedSampler):
    """The winning schedule of a run, in order: dynamic replay.

    An epoch is one of the run's, which differ by up to a cycle in length, or `epoch_cycles` cycles each (the last may
    be shorter). `epochs` is how many there are. Loops that set the epoch, as Lightning's do, fix the number of batches
    at the start: for them all epochs must be equal, else set_epoch refuses.
    """

    def __init__(
        self, run: str | Path, epoch_cycles: int | None = None, rank: int | None = None, replicas: int | None = None
    ) -> None:
        super().__init__(run, rank, replicas)
        with open_run_file(run) as file:
            if "draw_weight" in file:
                raise ValueError(
                    f"{run} weighted its draws in the loss, which a sampler cannot do: replay it with "
                    "autosampling replay"
                )
            if "schedule" not in file:
                raise ValueError(
                    f"{run} averaged its members (population.selection = mean): it has no winning schedule; take draws "
                    "from its distribution"
                )
            self._schedule: NDArray[np.int32] = file["schedule"][...].ravel()  # (T K)
            cycles, draws = file["schedule"].shape
            ends = (file["epoch_cycle"][...] + 1).tolist() if "epoch_cycle" in file else []
        if epoch_cycles is not None:
            ends = list(range(epoch_cycles, cycles, epoch_cycles))
        self.cycles = cycles
        self._bounds = [cycle * draws for cycle in [0, *(end for end in ends if end < cycles), cycles]]
        self.epochs = len(self._bounds) - 1

    def _batches(self, epoch: int) -> int:
        if epoch >= self.epochs:
            return 0
        return (self._bounds[epoch + 1] - self._bounds[epoch]) // self.global_batch_size

    def _draws(self, epoch: int) -> NDArray[np.integer]:
        if epoch >= self.epochs:
            raise ValueError(f"the schedule has {self.epochs} epochs: there is none after them")
        return self._schedule[self._bounds[epoch] : self._bounds[epoch + 1]]

    def set_epoch(self, epoch: int) -> None:
        lengths = np.diff(self._bounds)
        if len(set(lengths)) > 1:
            most = max(lengths) * self.cycles // self._bounds[-1]
            nearest = max(n for n in range(1, most + 1) if self.cycles % n == 0)
            raise ValueError(
                "the epochs of the schedule differ in length, but this loop takes as many batches from each: give "
                f"ScheduleSampler an epoch_cycles that divides its {self.cycles} cycles, such as {nearest}, or "
                f"{self.cycles} for all in one epoch"
            )
        super().set_epoch(epoch)


class StaticSampler(RecordedSampler):
    """Draws with replacement from the distribution that a run learned: static replay.

    An epoch has `batches` batches, by default N // B; it is a function of the seed and its number alone. There is no
    last one.
    """

    def __init__(
        self,
        run: str | Path,
        seed: int = 0,
        batches: int | None = None,
        rank: int | None = None,
        replicas: int | None = None,
    ) -> None:
        super().__init__(run, rank, replicas)
        with open_run_file(run) as file:
            self._cumulative = np.cumsum(file["probability"][...])  # (N)
        self.seed = seed
        self._length = self.training_images // self.global_batch_size if batches is None else batches

    def _batches(self, epoch: int) -> int:
        return self._length

    def _draws(self, epoch: int) -> NDArray[np.integer]:
        uniform = np.random.default_rng([self.seed, epoch]).random(self._length * self.global_batch_size)
        return np.searchsorted(self._cumulative, uniform * self._cumulative[-1], side="right")


class ResumableLoader(DataLoader[Any]):
    """A DataLoader over one of these samplers that can go on in the middle of an epoch.

    It tells its sampler of each batch that it gives to the loop; what workers have prefetched does not count. So the
    state says where the loop is, a pass after one that was left early goes on there, and PyTorch Lightning saves and
    loads it with its checkpoints (but counts an epoch that max_steps ended as a whole one, in those saved after fit).
    `dataset` holds the N training examples by training index, as TrainingSet does; `options` are DataLoader's.
    """

    def __init__(self, dataset: Dataset[Any], *, sampler: RecordedSampler, **options: Any) -> None:
        if options.get("batch_sampler") is not None:
            raise TypeError(
                "batches of a batch_sampler would not be the run's: leave it out; for predictions (Lightning's predict "
                "sets one) give a plain DataLoader over the data set"
            )
        if not isinstance(sampler, RecordedSampler):
            raise TypeError(f"{type(sampler).__name__} would change the order: give a ScheduleSampler or StaticSampler")
        if options.get("batch_size", sampler.batch_size) != sampler.batch_size:
            raise TypeError(f"batches are of {sampler.batch_size}, as the run's: leave out batch_size")
        if len(dataset) != sampler.training_images:  # type: ignore[arg-type]
            raise ValueError(
                f"the data set has {len(dataset)} examples, but the schedule is over {sampler.training_images}: "  # type: ignore[arg-type]
                "give TrainingSet(run, data)"
            )
        super().__init__(dataset, sampler=sampler, **{**options, "batch_size": sampler.batch_size})
        self._recorded = sampler

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        at = self._recorded.state_dict()
        for number, batch in enumerate(super().__iter__(), at["batches"] + 1):
            self._recorded.load_state_dict({"epoch": at["epoch"], "batches": number})
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Where to go on after the batches that the loop was given."""
        return self._recorded.state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Lets the next pass go on from there."""
        self._recorded.load_state_dict(state)
