"""A policy that a run learned, in a plain PyTorch loop of the user's own, on any data that have its signals."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from .policy import class_features, column_features, exponent, loss_features
from .record_file import open_run_file


class PolicySampler:
    """What `autosampling replay --policy` draws, for a DataLoader: the learned weights by the share of the training
    that is done, with signals of the loop's own.

        sampler = autosampling.PolicySampler("runs/search", labels, epochs=20)
        loader = DataLoader(data, sampler=sampler, batch_size=64)
        for epoch in range(20):
            for index, images, targets in loader:       # data[i] gives i, too
                losses = cross_entropy(model(images), targets, reduction="none")
                losses.mean().backward()
                ...
                sampler.observe(index, losses)          # of each example
            sampler.end_epoch(class_loss)               # mean loss by class on held-out examples

    Draws are thinned permutations: each pass goes on in a random order of all N examples, of which each is kept with a
    probability in proportion to the policy's, and gives N of them. It needs no PyTorch itself.

    Letters: N training examples, C classes.
    """

    def __init__(
        self,
        run: str | Path,
        labels: ArrayLike,
        epochs: int,
        columns: Mapping[str, NDArray[Any]] | None = None,
        seed: int = 0,
    ) -> None:
        """labels (N), whole numbers from 0; columns: those that the policy goes by, (N) each.

        Raises ValueError where the run has no policy, or the data lack a signal that it goes by.
        """
        with open_run_file(run) as file:
            if "policy_weight" not in file:
                raise ValueError(f"{run} has no policy (exploration.kind wasn't policy): take a StaticSampler")
            self._names = [str(name) for name in file["weight_name"].asstr()[...]]
            self._weight = file["policy_weight"][...]  # (rounds, weights)
            self._share = file["round_cycle"][...] / float(file.attrs["cycles_planned"])
        self.labels = np.asarray(labels)
        if self.labels.ndim != 1 or not len(self.labels):
            raise ValueError(f"labels has the shape {self.labels.shape}: give one an example")
        if self.labels.dtype.kind not in "iu" or self.labels.min() < 0:
            raise ValueError("labels must be whole numbers from 0")
        if epochs < 1:
            raise ValueError(f"epochs is {epochs}: give how many the training will have")
        self.epochs, self.epoch, self._passing = epochs, 0, False
        self._random = np.random.default_rng(seed)
        self._order = np.empty(0, np.int64)  # what is left of the permutation that is going on
        self._loss = np.full(len(self.labels), np.nan)
        self._sum, self._draws = np.zeros(len(self.labels)), np.zeros(len(self.labels), np.int64)
        self._class_loss = np.full(int(self.labels.max()) + 1, np.nan)
        self._columns = column_features(self._names, columns or {})
        for name, values in self._columns.items():
            if len(values) != len(self.labels):
                raise ValueError(f"the column of {name} has {len(values)} values for {len(self.labels)} examples")
        exponent(self.weights, self._features())  # or a signal is missing

    @property
    def weights(self) -> dict[str, float]:
        """Of the policy in this epoch, by name."""
        round_ = int(np.searchsorted(self._share[1:], self.epoch / self.epochs, side="right"))
        return dict(zip(self._names, self._weight[round_].tolist(), strict=True))

    def _features(self) -> dict[str, NDArray[np.float64]]:
        known = ~np.isnan(self._loss)
        rank = np.full(len(self._loss), np.nan)
        rank[known] = (2 * stats.rankdata(self._loss[known]) - 1) / max(1, known.sum()) - 1
        return loss_features(rank) | class_features(self.labels, self._class_loss) | self._columns

    def probability(self) -> NDArray[np.float64]:
        """(N) of a draw in this epoch."""
        weights = np.exp(exponent(self.weights, self._features()))
        return weights / weights.sum()

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[int]:
        if self._passing:
            raise RuntimeError("the epoch before wasn't ended: call end_epoch after each pass")
        if self.epoch >= self.epochs:
            raise RuntimeError(f"the training was to have {self.epochs} epochs: give PolicySampler more")
        self._passing = True
        return iter(self._draw().tolist())

    def _draw(self) -> NDArray[np.int64]:
        probability = self.probability()
        keep = probability / probability.max()
        drawn: list[NDArray[np.int64]] = []
        missing = len(self)
        while missing > 0:
            if not len(self._order):
                self._order = self._random.permutation(len(self))
            places = np.flatnonzero(self._random.random(len(self._order)) < keep[self._order])
            used = places[missing - 1] + 1 if len(places) >= missing else len(self._order)
            drawn.append(self._order[places[:missing]])
            missing -= len(drawn[-1])
            self._order = self._order[used:]
        return np.concatenate(drawn)

    def observe(self, index: Any, losses: Any) -> None:
        """The losses of a batch, of each example before its step: whole numbers and reals of one length."""
        index, losses = (np.asarray(v.detach().cpu() if hasattr(v, "detach") else v) for v in (index, losses))
        if index.shape != losses.shape:
            raise ValueError(f"{losses.shape} losses for {index.shape} examples: give one of each (reduction='none')")
        if index.dtype.kind not in "iu" or (index.size and not 0 <= index.min() <= index.max() < len(self)):
            raise ValueError(f"an index isn't a whole number from 0 to {len(self) - 1}: give those that were drawn")
        if not np.isfinite(losses).all():
            raise ValueError("a loss isn't finite: the training has come apart")
        np.add.at(self._sum, index, losses)
        np.add.at(self._draws, index, 1)

    def end_epoch(self, class_loss: ArrayLike | None = None) -> None:
        """The pass is over: the signals are brought up to date, and the next one is drawn with the next weights.

        class_loss (C): mean loss by class on held-out examples, NaN where there is none; needed where the policy goes
        by it.
        """
        if class_loss is None:
            if self.weights.get("class.loss", 0) != 0:
                warnings.warn(
                    "the policy goes by the classes' losses on held-out examples: give class_loss", stacklevel=2
                )
        else:
            given = np.asarray(class_loss, float)
            if len(given) < len(self._class_loss):
                raise ValueError(f"class_loss has {len(given)} classes of {len(self._class_loss)}")
            self._class_loss = given
        seen = self._draws > 0
        self._loss[seen] = self._sum[seen] / self._draws[seen]
        self._sum[:], self._draws[:] = 0, 0
        self.epoch, self._passing = self.epoch + 1, False
