"""Weights between a run and PyTorch, both ways, and the schedule for everyone else."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from .networks import HEADS, is_script, make_network, script_file
from .record_file import append_checksum, open_file, open_run_file

_COUNTER = "num_batches_tracked"
_IMAGES = {"mnist": ((1, 28, 28), 10), "cifar10": ((3, 32, 32), 10), "cifar100": ((3, 32, 32), 100)}


def _examples_in(data: Mapping[str, Any]) -> tuple[tuple[int, ...], int]:
    """Shape and outputs of a user's own file: arrays, or packed photographs."""
    path = Path(data["path"])
    if not path.is_file():
        raise FileNotFoundError(f"{path}, the data set's file, is not here, and it says what the network is for")
    with h5py.File(path, "r", locking=False) as file:
        if data["name"] == "packed":
            side = data.get("image_size", 224)
            return (3, side, side), len(file["class_name"])
        x, y = file["x"], file["y"]
        numbers = y.dtype.kind == "f"
        outputs = int(np.prod(y.shape[1:])) if numbers else int(y[...].max()) + 1
        if x.dtype != np.uint8:
            return x.shape[1:] or (1,), outputs
        return (x.shape[3] if x.ndim == 4 else 1, *x.shape[1:3]), outputs


def _examples_of(data: Mapping[str, Any]) -> tuple[tuple[int, ...], int]:
    """Shape of an example, of images (C, H, W), and number of outputs for the data set of a configuration."""
    name = data.get("name", "mnist")
    if name in ("arrays", "packed"):
        return _examples_in(data)
    if name == "synthetic":
        size = data.get("synthetic_size", 32)
        return (data.get("synthetic_channels", 3), size, size), data.get("synthetic_classes", 10)
    if name not in _IMAGES:
        known = ", ".join((*_IMAGES, "arrays", "packed", "synthetic"))
        raise ValueError(f"data set {name!r} is unknown here: take one of {known}")
    return _IMAGES[name]


def _newest_checkpoint(run: Path) -> Path:
    folders = [
        folder
        for folder in (run / "checkpoint").glob("cycle-*")
        if re.fullmatch(r"cycle-\d{8,}", folder.name) and (folder / "index.h5").is_file()
    ]
    if not folders:
        raise FileNotFoundError(
            f"{run} has no checkpoint (the run ended before its first one, or this is no run directory)"
        )
    return max(folders, key=lambda folder: int(folder.name.removeprefix("cycle-")))


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a state file by name, each contiguous in its own storage; what is the optimizer's is left out."""
    with open_file(Path(path), "autosampling state") as file:
        state = file["state"][...]
        names = file["tensor_name"].asstr()[...]
        layout = zip(
            names, file["tensor_offset"][...], file["tensor_shape"][...], file["tensor_channels_last"][...], strict=True
        )
        tensors = {}
        for name, offset, axes, channels_last in layout:
            if name.startswith(("momentum.", "optimizer.")):
                continue
            shape = [int(length) for length in axes if length > 0]
            values = state[offset : offset + int(np.prod(shape))]
            if channels_last:
                outputs, inputs, height, width = shape
                values = values.reshape(outputs, height, width, inputs).transpose(0, 3, 1, 2)
            tensors[name] = torch.from_numpy(values.reshape(shape).copy(order="C"))
    return tensors


def _own_names(network: torch.nn.Module) -> dict[str, str]:
    """For each name in a network's state dict the first name of the same tensor."""
    first: dict[int, str] = {}
    return {
        name: first.setdefault(id(value) if value.numel() == 0 else value.data_ptr(), name)
        for name, value in network.state_dict(keep_vars=True).items()
    }


def _as_scripted(tensors: dict[str, Tensor], network: torch.nn.Module) -> dict[str, Tensor]:
    """The state dict of a TorchScript network: with all names of a tensor, and whole numbers where it has them."""
    names = _own_names(network)
    return {name: tensors[names[name]].to(value.dtype) for name, value in network.state_dict().items()}


def _with_counters(tensors: dict[str, Tensor], batches: int) -> dict[str, Tensor]:
    """Adds batch norm's counters of batches, which PyTorch wants and the program doesn't keep."""
    complete = {}
    for name, tensor in tensors.items():
        complete[name] = tensor
        if name.endswith(".running_var"):
            complete[name.replace("running_var", _COUNTER)] = torch.tensor(batches)
    return complete


def _export_schedule(run: Path, output: Path) -> list[Path]:
    """probability.npy (N); with winners also schedule.npy (T, K) int32 and schedule.csv (cycle, draw, index)."""
    paths = [output / "schedule.npy", output / "schedule.csv", output / "probability.npy"]
    with open_run_file(run) as file:
        np.save(paths[2], file["probability"][...])
        if "schedule" not in file:
            return paths[2:]
        schedule = file["schedule"]
        cycles, draws = schedule.shape
        array = np.lib.format.open_memmap(paths[0], mode="w+", dtype=np.int32, shape=schedule.shape)
        step = max(1, (1 << 20) // draws)
        with paths[1].open("w", newline="") as table:
            for first in range(0, cycles, step):
                part = array[first : first + step] = schedule[first : first + step]
                cycle, draw = np.indices(part.shape)
                rows = pd.DataFrame({"cycle": first + cycle.ravel(), "draw": draw.ravel(), "index": part.ravel()})
                rows.to_csv(table, index=False, header=first == 0, lineterminator="\n")
        array.flush()
    return paths


def _load_strictly(name: str, network: torch.nn.Module, weights: dict[str, Tensor]) -> None:
    """Raises ValueError where these are not exactly the tensors of that network here."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"the run's {name} is not this package's ({error}): install the package that came with the program"
        ) from error


def export_run(run: str | Path, output: str | Path) -> list[Path]:
    """Writes what a run learned into the folder `output` and returns the files.

    `weights.pt`: the state dict of the last checkpoint's winner, for `torch.load` with its defaults and a strict
    `load_state_dict` into `autosampling.networks.make_network`, which is torchvision's network for those named
    imagenet-…. `network.pt`, for a TorchScript network: that network, with these weights. `network.json`: which
    network that is, of what images, and the mean and std by which its images are normalised. Where the run has finished
    also `schedule.npy`, `schedule.csv` and `probability.npy`: the winning schedule in order, and the learned
    distribution.

    Raises FileNotFoundError or ValueError where there is no good checkpoint, or its network is not known here;
    ImportError where that is torchvision's, which isn't installed.
    """
    run, output = Path(run), Path(output)
    run = run.parent if run.is_file() else run
    checkpoint = _newest_checkpoint(run)
    with open_file(checkpoint / "index.h5", "autosampling checkpoint") as index:
        about = dict(index.attrs)
        number = int(index["state_of"][about["winner"]])
        configuration = tomllib.loads(index["configuration"].asstr()[()])
    batches = int(about["cycle"]) * configuration["population"]["cycle_batches"]
    shape, classes = _examples_of(configuration["data"])
    name = configuration["model"]["name"]
    network = make_network(name, shape, classes)
    state = read_state(checkpoint / f"state-{number}.h5")
    weights = _as_scripted(state, network) if is_script(name) else _with_counters(state, batches)
    _load_strictly(name, network, weights)
    facts = {
        "network": name,
        "shape": shape,
        "classes": classes,
        "mean": configuration["data"]["mean"],
        "std": configuration["data"]["std"],
        "cycles": int(about["cycle"]),
        "cycles_planned": int(about["cycles_planned"]),
        "seed": int(about["seed"]),
        "git_hash": about["git_hash"],
    }

    if is_script(name) and (output / "network.pt").exists() and (output / "network.pt").samefile(script_file(name)):
        raise ValueError(f"{output / 'network.pt'} is the network that the run began with: give another --output")
    output.mkdir(parents=True, exist_ok=True)
    files = [output / "weights.pt", output / "network.json"]
    torch.save(weights, files[0])
    files[1].write_text(json.dumps(facts, indent=2) + "\n")
    if is_script(name):
        files.append(output / "network.pt")
        torch.jit.save(network, files[-1])
    if (run / "run.h5").is_file():
        files += _export_schedule(run, output)
    return files


_OTHER_FORMATS = {  # first bytes: what the file is, and what to do
    b"\x89HDF": ("an HDF5 file", "model.init itself takes a state file of the program's"),
    b"\x93NUMPY": ("an array of NumPy's", "make tensors of it, and torch.save them by name"),
}


def _describe(file: Path, error: Exception) -> str:
    """What a file is that torch.load refuses, and what to do."""
    start = file.read_bytes()[:9]
    for magic, (what, advice) in _OTHER_FORMATS.items():
        if start.startswith(magic):
            return f"it is {what}: {advice}"
    if start[7:] == b"\0{":
        return "it is a safetensors file: torch.save what safetensors.torch.load_file gives"
    words = str(error)
    if "TorchScript" in words:
        return "it is TorchScript: torch.save the state_dict() of what torch.jit.load gives"
    if found := re.search(r"GLOBAL (\S+)", words):
        what = "a whole module or other objects, pickled, which may run any code"
        return f"it holds {what}, {found[1]}: torch.save the module's state_dict() alone"
    what = "it is a pickle that torch.save didn't make" if start.startswith(b"\x80") else words.split("\n")[0]
    return f"{what}: give a file that torch.save made of a state dict alone"


def _load(file: str | Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch.load raises what its parsers happen to
        raise ValueError(f"torch.load cannot read {file} with weights_only ({_describe(Path(file), error)})") from error


def _find_weights(loaded: Any, first_name: str) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict inside what was loaded, without a wrapper's prefix, and the names that lie outside it.

    `first_name` is a parameter that the network must have: what stands before it is the prefix.
    """
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    items = loaded.items() if isinstance(loaded, Mapping) else ()
    tensors = {name: value for name, value in items if isinstance(name, str) and isinstance(value, Tensor)}
    found = [name for name in tensors if name == first_name or name.endswith("." + first_name)]
    if not found:
        some = ", ".join(list(tensors)[:3]) or "no tensor"
        raise ValueError(f"no {first_name} in the weights (they hold {some}, …): give a state dict of the network")
    prefix = min(found, key=len).removesuffix(first_name)
    inside = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return inside, [name for name in tensors if not name.startswith(prefix)]


def _fault(name: str, value: Tensor | None, target: Tensor) -> str:
    """Why a tensor can't take this place; nothing where it can."""
    if value is None:
        return "is missing"
    kinds = {
        "sparse or nested": value.layout != torch.strided or value.is_nested,
        "quantised": value.is_quantized,
        "complex": value.is_complex(),
        "on the meta device, without values": value.is_meta,
    }
    if found := [kind for kind, holds in kinds.items() if holds]:
        return f"is {found[0]}"
    if not value.is_floating_point():
        return f"has elements of {value.dtype}, no real numbers"
    if value.shape != target.shape:
        return f"is {tuple(value.shape)}, not {tuple(target.shape)}"
    value = value.to(torch.float32)
    if not value.isfinite().all():
        return "has values that are not finite"
    if name.endswith(".running_var") and (value < 0).any():
        return "has negative values"
    return ""


def _fit(given: dict[str, Tensor], wanted: dict[str, Tensor], head: str, new_head: bool) -> dict[str, Tensor]:
    """The wanted tensors from the given ones; the head from `wanted` itself if it's to be new."""
    given = {name: value for name, value in given.items() if name in wanted or not name.endswith(_COUNTER)}
    first_convolutions = [tensors.get("conv1.weight", torch.empty(0)).shape[2:] for tensors in (given, wanted)]
    large = first_convolutions == [(7, 7), (3, 3)]
    fitted, differences, of_head_alone = {}, [], True
    for name, target in wanted.items():
        value = given.pop(name, None)
        of_head = name.startswith(head + ".")
        if new_head and of_head:
            fitted[name] = target
            continue
        fault = _fault(name, value, target)
        if value is not None and not fault:
            fitted[name] = value.detach().to(torch.float32)
            continue
        differences.append(f"{name} {fault}")
        of_head_alone &= of_head
    differences += [f"{name} is not in the network" for name in given]
    if differences:
        hint = "\n  to start the last layer afresh: --new-head" if of_head_alone and not given else ""
        if large:
            hint = "\n  this first convolution is for 224 × 224: take a model.name with imagenet-"
        raise ValueError("the weights do not fit the network:\n  " + "\n  ".join(differences) + hint)
    return fitted


def _dataset(file: h5py.File, name: str, data: Any, dimensions: tuple[str, ...], meaning: str) -> None:
    dataset = file.create_dataset(name, data=data)
    dataset.attrs.update({"units": "1", "long_name": meaning})
    for axis, dimension in enumerate(dimensions):
        if dimension not in file:
            scale = file.create_dataset(dimension, data=np.zeros(dataset.shape[axis], np.float32))
            scale.make_scale(f"This is a netCDF dimension but not a netCDF variable. {dataset.shape[axis]:10d}")
        dataset.dims[axis].attach_scale(file[dimension])


def write_state(path: str | Path, tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors as a state file, which option `model.init` takes."""
    try:
        version = importlib.metadata.version("autosampling")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    sizes = [tensor.numel() for tensor in tensors.values()]
    shapes = np.zeros((len(sizes), 4), np.int64)
    for row, tensor in zip(shapes, tensors.values(), strict=True):
        row[: tensor.dim()] = tensor.shape
    path = Path(path)
    temporary = path.with_name(path.name + ".tmp")
    with h5py.File(temporary, "w") as file:
        file.attrs.update({"filetype": "autosampling state", "format_version": "1.0", "program_version": version})
        file.attrs.update({"git_hash": "unknown", "git_dirty": np.int64(0), "build_type": "Python"})
        file.attrs["compiler"] = f"PyTorch {torch.__version__}"
        flat = np.concatenate([tensor.numpy().ravel() for tensor in tensors.values()])
        names = np.array(list(tensors), dtype=h5py.string_dtype())
        offsets = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)
        _dataset(file, "state", flat, ("element",), "state of a member: parameters, batch-norm statistics")
        _dataset(file, "tensor_name", names, ("tensor",), "name of the tensor")
        _dataset(file, "tensor_offset", offsets, ("tensor",), "first element in the state")
        _dataset(file, "tensor_shape", shapes, ("tensor", "axis"), "shape, zeros after the last dimension")
        order = "whether the elements lie in the order N, H, W, C"
        _dataset(file, "tensor_channels_last", np.zeros(len(sizes), np.uint8), ("tensor",), order)
    append_checksum(temporary)
    os.replace(temporary, path)


def import_weights(
    file: str | Path, output: str | Path, config: str | Path, new_head: bool = False, seed: int = 0
) -> list[str]:
    """Writes PyTorch weights as a file for option `model.init` of the run that `config` (TOML) describes.

    `file` holds a state dict, or a checkpoint with one under `state_dict`, `model_state_dict` or `model` (as PyTorch
    Lightning writes it). A wrapper's prefix (`module.`, `model.`, `_orig_mod.`) and counters of batches are taken away.
    `new_head` starts the last layer afresh, drawn with `seed`: for weights of a network with other classes.

    Returns the names of the tensors that lay beside the network's and were left out. Raises ValueError, naming each
    tensor, where the weights are not of that network.
    """
    configuration = tomllib.loads(Path(config).read_text(encoding="utf-8-sig"))
    name = configuration.get("model", {}).get("name", "resnet20")
    shape, classes = _examples_of(configuration.get("data", {}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make_network(name, shape, classes)
    own = _own_names(network)
    wanted = {
        key: value.detach().to(torch.float32)
        for key, value in network.state_dict().items()
        if own[key] == key and (is_script(name) or not key.endswith(_COUNTER))
    }
    given, left_out = _find_weights(_load(file), next(iter(wanted)))
    whole = {key for key, value in network.state_dict().items() if not value.is_floating_point()}
    given = {
        key: value.to(torch.float32) if key in whole else value
        for key, value in given.items()
        if own.get(key, key) == key
    }
    if new_head and name not in HEADS:
        raise ValueError(f"--new-head is not for {name} (its last layer isn't known): script one with a new head")
    write_state(output, _fit(given, wanted, HEADS.get(name, ""), new_head))
    return left_out
