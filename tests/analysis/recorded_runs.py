"""Run directories written as RECORD_FORMAT.md says, for the tests: small, with known contents, whole or in pieces.

Letters: T cycles, P members, S slots, K draws, N training indices, C classes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from autosampling.record_file import append_checksum

DIMENSIONS = ("cycle", "epoch", "round", "member", "slot", "draw", "index", "reward_index", "class", "rank")


@dataclass
class Shape:
    cycles: int = 24
    planned: int = 24
    members: int = 4
    slots: int = 2
    draws: int = 10
    images: int = 60
    classes: int = 3
    reward_images: int = 30
    seed: int = 7
    credit: str = "advantage"
    gain: float = 0.0  # added to the test accuracy
    averaged: bool = False  # the members: no winners
    ranks: int = 2
    version: str = "1.0"
    dataset: int = 0  # its hash
    replay: str = ""  # options of section [replay]
    rounds: int = 0  # of a policy search
    data: str = 'name = "synthetic"'  # options of section [data]


Data = dict[str, tuple[tuple[str, ...], np.ndarray]]


def make_data(shape: Shape) -> Data:
    """All datasets of a run: every second image of the last tenth has a wrong label, and a low score."""
    random = np.random.default_rng(shape.seed)
    T, P, S, K, N = shape.cycles, shape.members, shape.slots, shape.draws, shape.images
    by_member, by_cycle = ("cycle", "member"), ("cycle",)
    accuracy = np.clip(np.linspace(0.3, 0.8, T)[:, None] + 0.05 * random.standard_normal((T, P)), 0, 1)
    winner = accuracy.argmax(axis=1).astype(np.int32)
    other = (winner + 1) % P
    survivor = np.sort(np.stack([winner, other], axis=1), axis=1).astype(np.int32)[:, :S]
    parent = survivor[np.arange(T)[:, None], random.integers(0, S, (T, P))]
    parent[np.arange(T), winner], parent[np.arange(T), other] = winner, other
    line = np.empty(T, np.int32)
    line[-1] = winner[-1]
    for cycle in range(T - 2, -1, -1):
        line[cycle] = parent[cycle, line[cycle + 1]]
    fed = random.integers(0, N, (T, S, K)).astype(np.int32)
    slot = (survivor == line[:, None]).argmax(axis=1)
    true_label = (np.arange(N) % shape.classes).astype(np.int32)
    label = true_label.copy()
    label[-(N // 10) :: 2] = (label[-(N // 10) :: 2] + 1) % shape.classes
    score = random.standard_normal(N) - 4.0 * (label != true_label)
    data: Data = {
        "cycle": (by_cycle, np.arange(T, dtype=np.int64)),
        "reward": (by_member, accuracy),
        "reward_accuracy": (by_member, accuracy),
        "reward_loss": (by_member, 2 - accuracy),
        "train_loss": (by_member, 2 - accuracy / 2),
        "learning_rate": (by_member, np.full((T, P), 0.1)),
        "weight_decay": (by_member, np.zeros((T, P))),
        "seconds_train": (by_member, np.full((T, P), 0.5)),
        "seconds_reward": (by_member, np.full((T, P), 0.3) + 0.1 * (np.arange(P) == 1)),
        "seconds_wait": (by_member, np.full((T, P), 0.2)),
        "parent": (by_member, parent.astype(np.int32)),
        "finite": (by_member, np.ones((T, P), np.uint8)),
        "winner": (by_cycle, winner),
        "attempt": (by_cycle, (np.arange(T) == 3).astype(np.int32)),
        "cycle_epoch": (by_cycle, (np.arange(T) * K // N).astype(np.int32)),
        "learned": (by_cycle, np.ones(T, np.uint8)),
        "explored": (by_cycle, np.ones(T, np.uint8)),
        "state_hash": (by_cycle, np.arange(T, dtype=np.uint64) + np.uint64(2**63)),
        "survivor": (("cycle", "slot"), survivor),
        "survivor_schedule": (("cycle", "slot", "draw"), fed),
        "label": (("index",), label),
        "true_label": (("index",), true_label),
        "split/training": (("index",), np.arange(N, dtype=np.uint32)),
        "split/reward": (("reward_index",), np.arange(N, N + shape.reward_images, dtype=np.uint32)),
        "line": (by_cycle, line),
        "schedule": (("cycle", "draw"), fed[np.arange(T), slot]),
        "count": (("index",), np.bincount(fed.ravel(), minlength=N)),
        "probability": (("index",), np.exp(score) / np.exp(score).sum()),
    }
    if shape.averaged:
        for name in ("parent", "winner", "survivor", "survivor_schedule", "line", "schedule"):
            del data[name]
        data["mean_reward"] = data["mean_reward_accuracy"] = (by_cycle, accuracy.max(axis=1))
        data["mean_reward_loss"] = (by_cycle, 2 - accuracy.max(axis=1))
    if shape.credit == "advantage":
        data["draw_count"] = (("index",), np.full(N, 9, np.int64))
        data["score"] = (("index",), score)
    epochs = T * K // N
    if epochs:
        number = np.arange(1, epochs + 1)
        data["epoch"] = (("epoch",), number.astype(np.int32))
        data["epoch_cycle"] = (("epoch",), -(-number * N // K) - 1)
        data["test_accuracy"] = (("epoch",), 0.5 + 0.05 * number + shape.gain)
        data["test_loss"] = (("epoch",), 1 - 0.05 * number)
        data["distribution_entropy"] = (("epoch",), np.full(epochs, np.log(N) - 0.1))
    if shape.rounds:
        number = np.arange(shape.rounds)
        data["round"] = (("round",), number.astype(np.int32))
        data["round_cycle"] = (("round",), number * T // shape.rounds)
    if shape.classes == 1:  # a regression
        data["reward"] = (by_member, -data["reward_loss"][1])
        for name in {"reward_accuracy", "test_accuracy"} & data.keys():
            data[name] = (data[name][0], np.full_like(data[name][1], np.nan))
    return data


def configuration(shape: Shape) -> str:
    return (
        f"[run]\nseed = {shape.seed}\n[data]\n{shape.data}\nreward_images_per_cycle = 0\n"
        f'[exploration]\nkind = "mixture"\ncredit = "{shape.credit}"\n'
    ) + (f"[replay]\n{shape.replay}\n" if shape.replay else "")


def write_file(path: Path, shape: Shape, data: Data, filetype: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs.update({"filetype": filetype, "format_version": shape.version, "program_version": "0.1.0"})
        file.attrs.update({"git_hash": "0123abc", "seed": np.uint64(shape.seed), "start_time": "2026-01-31T12:00:00Z"})
        file.attrs["dataset_hash"] = np.uint64(shape.dataset)
        numbers = {"members": shape.members, "slots": shape.slots, "draws": shape.draws, "classes": shape.classes}
        numbers |= {"training_images": shape.images, "cycles_planned": shape.planned, "ranks": shape.ranks, "link": 0}
        file.attrs.update({name: np.int64(value) for name, value in numbers.items()})
        lengths = {d: n for dims, v in data.values() for d, n in zip(dims, v.shape, strict=True)}
        lengths["rank"] = shape.ranks
        for name, length in lengths.items():
            if name not in data:
                scale = file.create_dataset(name, data=np.zeros(length, np.float32))
                scale.make_scale(f"This is a netCDF dimension but not a netCDF variable. {length:10d}")
        for name, (_, values) in data.items():
            dataset = file.create_dataset(name, data=values)
            dataset.attrs.update({"units": "s" if name.startswith("seconds") else "1", "long_name": name})
            if name in DIMENSIONS:
                dataset.make_scale(name)
        for name, (dims, _) in data.items():
            if name not in DIMENSIONS:
                for axis, dim in enumerate(dims):
                    file[name].dims[axis].attach_scale(file[dim])
        text = h5py.string_dtype()
        file.create_dataset("configuration", data=configuration(shape), dtype=text)
        for name in ("host", "device", "cpu"):
            file.create_dataset(name, data=np.array([name] * shape.ranks, object), dtype=text).dims[0].attach_scale(
                file["rank"]
            )
    append_checksum(path)


def write_run(run: Path, shape: Shape | None = None, more: Data | None = None) -> Path:
    """A finished run's run.h5, with `more` datasets."""
    shape = shape or Shape()
    write_file(run / "run.h5", shape, make_data(shape) | (more or {}), "autosampling run")
    return run


def write_segments(run: Path, shape: Shape | None = None, bounds: tuple[int, ...] = (0, 5, 6, 24)) -> Path:
    """The same run in segments, as a job that has not finished leaves it."""
    shape = shape or Shape()
    data = make_data(shape)
    # The cycle by which each is recorded: an epoch after its last one, a round before its first one.
    at = {"epoch": data["epoch_cycle"][1] if "epoch_cycle" in data else np.empty(0)}
    at["round"] = np.maximum(data["round_cycle"][1] - 1, 0) if "round_cycle" in data else np.empty(0)
    ends = ("line", "schedule", "count", "probability", "draw_count", "score")
    for first, end in zip(bounds[:-1], bounds[1:], strict=True):
        part: Data = {}
        for name, (dims, values) in data.items():
            if name in ends or (dims[0] in ("index", "reward_index") and first > 0):
                continue
            if dims[0] == "cycle":
                part[name] = (dims, values[first:end])
            elif dims[0] not in at:
                part[name] = (dims, values)
            elif (inside := (at[dims[0]] >= first) & (at[dims[0]] < end)).any():
                part[name] = (dims, values[inside])
        write_file(run / f"record/cycles-{first:08}-{end - 1:08}.h5", shape, part, "autosampling segment")
    (run / "config.toml").write_text(configuration(shape))
    return run


def write_summary(run: Path, state: str, **more: Any) -> None:
    (run / "summary.json").write_text(json.dumps({"state": state, "time": "2026-01-31T12:00:00Z", **more}))
