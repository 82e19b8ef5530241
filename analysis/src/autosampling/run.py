"""A run as one xarray Dataset, read from its files only when values are asked for.

Letters: T cycles, P members, K draws a cycle, N training indices.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from .record_file import open_file, open_hdf5

_JOINED = ("cycle", "epoch", "round")  # dimensions that go on from one segment to the next
_SEGMENT = re.compile(r"cycles-(\d{8,})-(\d{8,})\.h5")
# What all files of a run have in common.
_IDENTITY = ("seed", "dataset_hash", "members", "slots", "draws", "training_images", "classes")
_HASHED_BYTES = 256 << 20  # as much of a run is hashed when it is opened; of the rest, only the trailers are read
_ATTEMPTS = 3  # a running job may move a segment between our listing it and reading it


@dataclass(frozen=True)
class _File:
    """A file of the record, and the numbers of the cycles, epochs and rounds that it holds."""

    path: Path
    numbers: dict[str, NDArray[np.integer]]  # by dimension of _JOINED
    link: int  # of the job that wrote it


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
        pieces = [
            piece for part in self._within(ascending) if (piece := self._read_part(part, ascending, rest)) is not None
        ]
        if not pieces:
            joined = np.empty((0, *np.empty(self.shape[1:], np.int8)[rest].shape), self.dtype)
        else:
            joined = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        joined = joined if wanted.step > 0 else joined[::-1]
        return joined if isinstance(first, slice) else joined[0]

    def _within(self, rows: range) -> list[_Part]:
        """The parts from that of the first row to that of the last."""
        if not rows:
            return []
        begin, end = (bisect_right(self.parts, row, key=lambda part: part.first) for row in (rows[0], rows[-1]))
        return self.parts[begin - 1 : end]

    def _read_part(self, part: _Part, wanted: range, rest: tuple[Any, ...]) -> np.ndarray | None:
        skip = max(0, -(-(part.first - wanted.start) // wanted.step))
        inside = wanted[skip:]
        if not inside or inside.start >= part.first + part.rows:  # between two rows of a stride
            return None
        begin = inside.start - part.first
        end = min(part.rows, inside.stop - part.first)
        try:
            with open_hdf5(part.path) as file:
                return file[self.name][(slice(begin, end, wanted.step), *rest)]
        except PermissionError:
            raise
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(
                f"{part.path} cannot be read ({error}): restore it from a copy; if the job has just been resumed, "
                "open the run again"
            ) from error


class _Checks:
    """Opens files of one run, and checks each: the whole of it as long as the files are no more than _HASHED_BYTES."""

    def __init__(self) -> None:
        self.budget = _HASHED_BYTES
        self.identity: dict[str, Any] = {}

    def open(self, path: Path, filetype: str) -> _File:
        self.budget -= path.stat().st_size
        with open_file(path, filetype, hashed=self.budget >= 0) as file:
            identity = {name: file.attrs[name].item() for name in _IDENTITY if name in file.attrs}
            for name, value in identity.items():
                if self.identity.get(name, value) != value:
                    raise ValueError(
                        f"{path} belongs to another run ({name} is {value}, not {self.identity[name]}): "
                        "move it out of the folder"
                    )
            self.identity |= identity
            numbers = {name: file[name][...] if name in file else np.empty(0, np.int64) for name in _JOINED}
            return _File(path, numbers, int(file.attrs["link"]))

    def open_segment(self, path: Path, first: int, last: int) -> _File:
        segment = self.open(path, "autosampling segment")
        if not np.array_equal(segment.numbers["cycle"], np.arange(first, last + 1)):
            raise ValueError(f"{path} does not hold the cycles that its name says: it was renamed or is damaged")
        return segment


def _named_segments(run: Path) -> list[tuple[int, int, Path]]:
    """First and last cycle by their names; of those that begin alike the longest first."""
    found = [(path, match) for path in (run / "record").glob("*.h5") if (match := _SEGMENT.fullmatch(path.name))]
    return sorted(((int(m[1]), int(m[2]), path) for path, m in found), key=lambda named: (named[0], -named[1]))


def _open_segments(run: Path) -> list[_File]:
    """The segments that are the record, in order; one that was joined stands for its parts, should they still be there.

    Raises ValueError where some are missing in between, damaged, renamed, or another run's.
    """
    named = _named_segments(run)
    by_first: dict[int, list[tuple[int, Path]]] = {}
    for first, last, path in named:
        by_first.setdefault(first, []).append((last, path))
    end = max((last + 1 for _, last, _ in named), default=0)
    checks, files, covered = _Checks(), [], 0
    while covered < end:
        if covered not in by_first:
            beyond = [first for first, _, _ in named if first > covered]
            if not beyond:
                overlapping = next(path for _, last, path in named if last >= covered)
                raise ValueError(f"{overlapping} begins before the segment ahead of it ends: move the wrong one away")
            raise ValueError(
                f"{run / 'record'} has no segment with the cycles {covered} to {beyond[0] - 1} (it was moved or "
                "deleted): restore it from a copy"
            )
        for last, path in by_first[covered]:
            try:
                files.append(checks.open_segment(path, covered, last))
                break
            except ValueError:
                if path == by_first[covered][-1][1]:
                    raise
        covered = last + 1
    return files


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


def _parts(files: list[_File], dimension: str) -> list[_Part]:
    """Where the rows of each file lie along a joined dimension; files that have none are left out."""
    rows = [len(file.numbers[dimension]) for file in files]
    firsts = [0, *accumulate(rows)]
    return [_Part(file.path, first, number) for file, first, number in zip(files, firsts, rows, strict=False) if number]


def _join(files: list[_File]) -> xr.Dataset:
    """The datasets of all files: those by cycle, epoch and round joined, all others from one file that has them."""
    variables: dict[str, xr.Variable] = {}
    joined = {dimension: _parts(files, dimension) for dimension in _JOINED}
    first, last = files[0].path, files[-1].path
    job = next(file.path for file in files if file.link == files[-1].link)  # its first segment names its ranks
    for path in dict.fromkeys([last, job, first, *(part.path for parts in joined.values() for part in parts[:1])]):
        with open_hdf5(path) as file:
            if path == last:
                attributes = {key: _plain(value) for key, value in file.attrs.items() if not key.startswith("_")}
            for name, dataset in _datasets(file).items():
                flat = name.replace("/", "_")
                if flat not in variables:
                    along = (_dimensions(dataset) or ("",))[0]
                    alone = [_Part(path, 0, dataset.shape[0] if dataset.shape else 1)]
                    variables[flat] = _variable(name, dataset, joined.get(along, alone))
    coordinates = {
        name: variables.pop(name).copy(data=np.concatenate([file.numbers[name] for file in files]))
        for name in _JOINED
        if name in variables
    }
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


def _choose(path: Path) -> tuple[list[_File], str]:
    """The files to read, and their type: run.h5 if it covers all cycles, else the segments."""
    file, folder = (path, None) if path.is_file() else (path / "run.h5", path)
    named = _named_segments(folder) if folder else []
    if file.is_file():
        whole = _Checks().open(file, "autosampling run")
        if len(whole.numbers["cycle"]) > max((last for _, last, _ in named), default=-1):
            return [whole], "autosampling run"
    if not folder or not named:
        raise FileNotFoundError(
            f"{path} has no record (no run.h5 and no record/cycles-….h5; the run has not written one yet, or this is "
            "no run directory): give the folder that --output named"
        )
    return _open_segments(folder), "autosampling segment"


def open_segments(path: str | Path, **options: Any) -> xr.Dataset:
    """What is by cycle in the segments of a run directory, by `xarray.open_mfdataset`, for computing in chunks.

    It is checked as by open_run. Needs dask; `options` go to open_mfdataset (`chunks`, `parallel`, …). By itself,
    open_mfdataset joins what isn't by cycle, too, and multiplies it.

    Raises FileNotFoundError where there is no segment, ValueError where one is damaged or missing.
    """
    files = _open_segments(Path(path))
    if not files:
        raise FileNotFoundError(f"{path} has no record/cycles-….h5: give the folder that --output named")

    def by_cycle(segment: xr.Dataset) -> xr.Dataset:
        return segment[[name for name, variable in segment.data_vars.items() if "cycle" in variable.dims]]

    settings: dict[str, Any] = {
        "engine": "h5netcdf",
        "preprocess": by_cycle,
        "combine": "nested",
        "concat_dim": "cycle",
        "data_vars": "minimal",
        "coords": "minimal",
        "compat": "override",
        "join": "override",
    }
    return xr.open_mfdataset([file.path for file in files], **settings | options)


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
            files, filetype = _choose(path)
            run = _join(files)
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
