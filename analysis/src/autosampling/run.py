"""A run as one xarray Dataset, read from its files only when values are asked for.

Letters: T cycles, P members, K draws a cycle, N training indices.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from .record_file import FORMAT_MAJOR, open_file

_SEGMENT = re.compile(r"cycles-(\d{8,})-(\d{8,})\.h5")
_HASHED_BYTES = 256 << 20  # as much of a run is hashed when it is opened; of the rest, only the trailers are read
_ATTEMPTS = 3  # a running job may move a segment between our listing it and reading it


class NewerFormatError(ValueError):
    """The record is of a major version that this package does not know."""


@dataclass(frozen=True)
class _Part:
    """A file, and the rows of the joined dataset that it holds."""

    path: Path
    first: int
    rows: int


class _Joined(BackendArray):
    """A dataset that lies in several files one after the other; a file is open only while it is read."""

    def __init__(self, name: str, parts: list[_Part], tail: tuple[int, ...], dtype: np.dtype) -> None:
        self.name, self.parts, self.dtype = name, parts, dtype
        self.shape = (sum(part.rows for part in parts), *tail)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        first, rest = key[0], key[1:]
        wanted = range(*first.indices(self.shape[0])) if isinstance(first, slice) else range(first, first + 1)
        ascending = wanted if wanted.step > 0 else wanted[::-1]
        pieces = [piece for part in self.parts if (piece := self._read_part(part, ascending, rest)) is not None]
        if not pieces:
            joined = np.empty((0, *np.empty(self.shape[1:], np.int8)[rest].shape), self.dtype)
        else:
            joined = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        joined = joined if wanted.step > 0 else joined[::-1]
        return joined if isinstance(first, slice) else joined[0]

    def _read_part(self, part: _Part, wanted: range, rest: tuple[Any, ...]) -> np.ndarray | None:
        skip = max(0, -(-(part.first - wanted.start) // wanted.step))
        inside = wanted[skip:]
        if not inside or inside.start >= part.first + part.rows:
            return None
        begin = inside.start - part.first
        end = min(part.rows, inside.stop - part.first)
        try:
            with h5py.File(part.path, "r") as file:
                return file[self.name][(slice(begin, end, wanted.step), *rest)]
        except (OSError, KeyError) as error:
            raise ValueError(
                f"{part.path} cannot be read ({error}): restore it from a copy; if the job has just been resumed, "
                "open the run again"
            ) from error


def _check_file(path: Path, filetype: str, hashed: bool) -> None:
    """Raises ValueError or NewerFormatError where a file is not what its name says."""
    try:
        with h5py.File(path, "r") as file:
            major = str(file.attrs.get("format_version", "none")).split(".")[0]
            found = file.attrs.get("filetype")
    except OSError as error:
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing") from error
        raise ValueError(f"{path} is damaged or cut short ({error}): restore it from a copy") from error
    if major.isdigit() and int(major) > int(FORMAT_MAJOR):
        raise NewerFormatError(
            f"{path} has format version {major}.x, newer than {FORMAT_MAJOR}.x (this package is too old): "
            "install the package that came with the program"
        )
    if found != filetype or major != FORMAT_MAJOR:
        raise ValueError(f"{path} is of type {found!r}, version {major}.x, not {filetype!r}, {FORMAT_MAJOR}.x")
    if hashed:
        open_file(path, filetype).close()
        return
    with path.open("rb") as stream:
        stream.seek(-16, 2)
        if stream.read(8) != b"XXH3-64\0":
            raise ValueError(f"{path} is damaged or cut short (it has no checksum): restore it from a copy")


def _check_files(paths: list[Path], filetype: str) -> None:
    budget = _HASHED_BYTES
    for path in paths:
        budget -= path.stat().st_size if path.exists() else 0
        _check_file(path, filetype, hashed=budget >= 0)


def _list_segments(run: Path) -> list[_Part]:
    """The segments in order. Raises ValueError where cycles are missing between them."""
    found = [(path, match) for path in (run / "record").glob("*.h5") if (match := _SEGMENT.fullmatch(path.name))]
    parts: list[_Part] = []
    for path, match in sorted(found, key=lambda item: int(item[1][1])):
        first, last = int(match[1]), int(match[2])
        expected = parts[-1].first + parts[-1].rows if parts else 0
        if first > expected:
            raise ValueError(
                f"{run / 'record'} has no segment with the cycles {expected} to {first - 1} (it was moved or deleted): "
                "restore it from a copy"
            )
        if first < expected:
            raise ValueError(f"{path} begins before the segment ahead of it ends: move the wrong one out of the folder")
        parts.append(_Part(path, first, last - first + 1))
    return parts


def _dimensions(dataset: h5py.Dataset) -> tuple[str, ...]:
    if dataset.is_scale:
        return (dataset.name.rsplit("/", 1)[-1],)
    return tuple(dim[0].name.rsplit("/", 1)[-1] for dim in dataset.dims)


def _is_bare_dimension(dataset: h5py.Dataset) -> bool:
    return dataset.is_scale and b"not a netCDF variable" in dataset.attrs.get("NAME", b"")


def _datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    found: dict[str, h5py.Dataset] = {}

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset) and not _is_bare_dimension(item):
            found[name] = item

    file.visititems(visit)
    return found


def _variable(name: str, dataset: h5py.Dataset, parts: list[_Part]) -> xr.Variable:
    attributes = {key: dataset.attrs[key] for key in ("units", "long_name") if key in dataset.attrs}
    dims = _dimensions(dataset)
    if dataset.dtype.kind == "O":
        values = dataset.asstr()[()]
        return xr.Variable(dims, values, attributes)
    lazy = indexing.LazilyIndexedArray(_Joined(name, parts, dataset.shape[1:], dataset.dtype))
    return xr.Variable(dims, lazy, attributes)


def _join(parts: list[_Part]) -> xr.Dataset:
    """The datasets of all parts: those by cycle and by epoch joined, all others from one file that has them."""
    variables: dict[str, xr.Variable] = {}
    epochs: list[_Part] = []
    for part in parts:
        with h5py.File(part.path, "r") as file:
            if "epoch" in file:
                rows = file["epoch"].shape[0]
                epochs.append(_Part(part.path, sum(p.rows for p in epochs), rows))
    with_epochs = {part.path for part in epochs[:1]}
    first, last = parts[0].path, parts[-1].path
    for path in dict.fromkeys([last, first, *with_epochs]):
        with h5py.File(path, "r") as file:
            if path == last:
                attributes = {key: _plain(value) for key, value in file.attrs.items() if not key.startswith("_")}
            for name, dataset in _datasets(file).items():
                dims = _dimensions(dataset)
                flat = name.replace("/", "_")
                if flat in variables:
                    continue
                if dims[:1] == ("cycle",):
                    variables[flat] = _variable(name, dataset, parts)
                elif dims[:1] == ("epoch",):
                    variables[flat] = _variable(name, dataset, epochs)
                else:
                    rows = dataset.shape[0] if dataset.shape else 1
                    variables[flat] = _variable(name, dataset, [_Part(path, 0, rows)])
    coordinates = {name: variables.pop(name) for name in ("cycle", "epoch") if name in variables}
    return xr.Dataset(variables, coordinates, attributes)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


def read_summary(run: str | Path) -> dict[str, Any]:
    """The run's summary.json; empty where there is none yet."""
    try:
        return json.loads((Path(run) / "summary.json").read_text())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return {}


def _choose(path: Path) -> tuple[list[_Part], str]:
    """The files to read, and their type: run.h5 if it covers all cycles, else the segments."""
    file, folder = (path, None) if path.is_file() else (path / "run.h5", path)
    segments = _list_segments(folder) if folder else []
    if file.is_file():
        _check_files([file], "autosampling run")
        with h5py.File(file, "r") as opened:
            cycles = opened["cycle"].shape[0]
        if not segments or cycles >= segments[-1].first + segments[-1].rows:
            return [_Part(file, 0, cycles)], "autosampling run"
    if not segments:
        raise FileNotFoundError(
            f"{path} has no record (no run.h5 and no record/cycles-….h5; the run has not written one yet, or this is "
            "no run directory): give the folder that --output named"
        )
    _check_files([part.path for part in segments], "autosampling segment")
    return segments, "autosampling segment"


def open_run(path: str | Path) -> xr.Dataset:
    """Opens a run, finished or not, as a Dataset whose values are read when they are asked for.

    `path` is the run directory, or its run.h5. The variables and dimensions are those of RECORD_FORMAT.md (`split/x` is
    called `split_x`); each cycle is there once. A run that has not finished lacks what is only known at its end. The
    attribute `path` says where it was, `state` how far the run is by its summary.json.

    Raises FileNotFoundError where there is no run, ValueError where a file is damaged or missing, NewerFormatError (a
    ValueError) where the record is newer than this package.
    """
    path = Path(path)
    for attempt in range(_ATTEMPTS):
        try:
            parts, filetype = _choose(path)
            run = _join(parts)
            break
        except FileNotFoundError:
            if attempt == _ATTEMPTS - 1 or not path.exists():
                raise
    default = "finished" if filetype == "autosampling run" else "unknown"
    run.attrs.update(path=str(path), state=read_summary(path).get("state", default))
    return run


def configuration(run: xr.Dataset) -> dict[str, Any]:
    """The resolved options of a run, by section."""
    return tomllib.loads(str(run["configuration"].item()))
