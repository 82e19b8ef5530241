"""Training images of a run, from the data set's own files, and sheets of them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image, ImageOps

from . import measures
from .run import configuration
from .style import Drawing, looks, new_figure

Bytes = NDArray[np.uint8]


class Pictures(Protocol):
    """Pictures by their row: an array, or what looks them up."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, row: int, /) -> Any: ...


_IDX_IMAGES = b"\x00\x00\x08\x03"
_UNPACK = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ\x00": lzma.decompress}
_ZSTD = b"\x28\xb5\x2f\xfd"
# Where the program looks: folders below data.path, and stems of names (a file's plain name goes before a packed one).
_MNIST_FOLDERS = ("MNIST/raw", "raw")
_MNIST_FILE = ("train-images-idx3-ubyte", "train-images.idx3-ubyte")
_CIFAR = {  # folder, stems, bytes of label ahead of the pixels
    "cifar10": ("cifar-10-batches-bin", [f"data_batch_{k}" for k in range(1, 6)], 1),
    "cifar100": ("cifar-100-binary", ["train"], 2),
}
_SHOWN_CLASSES, _EACH = 10, 8
_MOST_BYTES = 2 << 30


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    if content.startswith(_ZSTD):
        raise ValueError(f"{path} is packed with zstd, which is not read here: unpack it")
    for magic, unpack in _UNPACK.items():
        if content.startswith(magic):
            try:
                return unpack(content)
            except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
                raise ValueError(f"{path} is damaged or cut short ({error})") from error
    return content


def _find(folders: list[Path], names: Sequence[str]) -> Path:
    """The file of one of these names, plain or packed, in the first folder that has one."""
    for folder in folders:
        for name in names:
            found = [path for path in folder.glob(name + "*") if path.name == name or path.name.startswith(name + ".")]
            if found:
                return min(found, key=lambda path: (len(path.name), path.name))
    raise FileNotFoundError(f"{folders[0]} has no {names[0]}")


def _read_mnist(folder: Path) -> Bytes:
    path = _find([folder, *(folder / name for name in _MNIST_FOLDERS)], _MNIST_FILE)
    content = _read(path)
    if content[:4] != _IDX_IMAGES:
        raise ValueError(f"{path} is no IDX file of images")
    count, height, width = (int.from_bytes(content[at : at + 4], "big") for at in (4, 8, 12))
    return np.frombuffer(content, np.uint8, count * height * width, offset=16).reshape(count, height, width)


def _read_cifar(folder: Path, name: str) -> Bytes:
    below, stems, labels = _CIFAR[name]
    parts = []
    for stem in stems:
        path = _find([folder, folder / below], (stem + ".bin", stem))
        content = np.frombuffer(_read(path), np.uint8)
        if content.size % (labels + 3072) != 0:
            raise ValueError(f"{path} is not of {name}'s binary version (no whole number of {labels + 3072} bytes)")
        parts.append(content.reshape(-1, labels + 3072)[:, labels:])
    return np.concatenate(parts).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _data_folder(run: xr.Dataset, path: Path) -> Path:
    """Where the data set is now: at the recorded place, else where the end of its path leads from the run's folder or
    one above it, as when a project was moved or copied whole.

    Raises FileNotFoundError naming the places.
    """
    of_run = Path(run.attrs["path"]).resolve()
    ends = [Path(*path.parts[first:]) for first in range(1, len(path.parts))] if path.is_absolute() else [path]
    for place in [path, *(folder / end for folder in (of_run, *of_run.parents) for end in ends)]:
        if place.exists():
            return place
    raise FileNotFoundError(
        f"the data set's folder or file {path} is not here, nor in {of_run} or above it (moved?): name it by --data"
    )


def _curves(values: NDArray[np.floating], height: int = 32, most: int = 64) -> Bytes:
    """(n, height, columns): the numbers of each example (n, K), dark, from left to right; columns are means."""
    group = -(-values.shape[1] // most)
    columns = values[:, : values.shape[1] // group * group].reshape(len(values), -1, group).mean(axis=2)
    low, span = columns.min(), np.ptp(columns)
    level = np.rint((columns - low) / (span or 1) * (height - 1)).astype(np.int64)
    pictures = np.full((len(values), height, columns.shape[1]), 255, np.uint8)
    pictures[np.arange(len(values))[:, None], height - 1 - level, np.arange(columns.shape[1])] = 0
    return pictures


def _read_arrays(path: Path) -> Bytes:
    """Images as they are; of real numbers those of two dimensions as shades of grey, others as curves."""
    with h5py.File(path, "r", locking=False) as file:
        if file["x"].nbytes > _MOST_BYTES:
            raise ValueError(f"x in {path} has {file['x'].nbytes / 1e9:.1f} GB, more than is shown here")
        x = file["x"][...]
    if x.dtype == np.uint8:
        if x.ndim == 4 and x.shape[3] not in (1, 3):
            raise ValueError(f"images of {x.shape[3]} channels are not shown")
        return x[..., 0] if x.ndim == 4 and x.shape[3] == 1 else x
    if x.ndim == 3 and min(x.shape[1:]) >= 4:
        return ((x - x.min()) / (np.ptp(x) or 1) * 255).astype(np.uint8)
    return _curves(x.reshape(len(x), -1))


class _Photographs:
    """The middle of each photograph of a packed file, small, decoded when it is asked for."""

    def __init__(self, path: Path, side: int = 96) -> None:
        self._path = path
        with h5py.File(path, "r", locking=False) as file:
            self.shape = (int(file["training_images"][0]), side, side, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, row: int, /) -> Bytes:
        with h5py.File(self._path, "r", locking=False) as file:
            begin, length = int(file["begin"][row]), int(file["length"][row])
            content = file["bytes"][begin : begin + length].tobytes()
        with Image.open(io.BytesIO(content)) as picture:
            return np.asarray(ImageOps.fit(picture.convert("RGB"), self.shape[1:3]))


def read_training_images(run: xr.Dataset, folder: str | Path | None = None) -> Pictures:
    """(file rows, H, W) or (file rows, H, W, 3): the whole training file; an index's image is row split_training.

    `folder` is by default `data.path` of the configuration, also as seen from the run's folder. Raises
    FileNotFoundError or ValueError, saying why, where the images are not to be had.
    """
    data = configuration(run)["data"]
    readers: dict[str, Callable[[Path], Pictures]] = {"mnist": _read_mnist}
    readers |= {cifar: partial(_read_cifar, name=cifar) for cifar in _CIFAR}
    readers |= {"arrays": _read_arrays, "packed": _Photographs}
    name = data["name"]
    if name not in readers:
        raise ValueError(f"images of {name!r} are not shown (only those of {', '.join(readers)})")
    path = Path(folder) if folder else _data_folder(run, Path(data.get("path", "")))
    images = readers[name](path)
    if len(images) <= int(run["split_training"].values.max()):
        raise ValueError(f"{path} has {len(images):,} training images, fewer than the run used")
    return images


def _grid(images: Pictures, rows: list[NDArray[np.integer]], columns: int) -> Bytes:
    """Tiles the images of each row, white where a row is short."""
    height, width = images.shape[1:3]
    sheet = np.full((len(rows) * (height + 2), columns * (width + 2), *images.shape[3:]), 255, np.uint8)
    for line, numbers in enumerate(rows):
        for column, number in enumerate(numbers[:columns]):
            top, left = line * (height + 2) + 1, column * (width + 2) + 1
            sheet[top : top + height, left : left + width] = images[int(number)]
    return sheet


def _show(axes: Axes, sheet: Bytes, labels: list[str], title: str) -> None:
    axes.grid(False)
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    step = sheet.shape[0] / len(labels)
    axes.set_yticks([(line + 0.5) * step for line in range(len(labels))], labels)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_title(title)
    axes.spines[:].set_visible(False)


def draw_contact_sheet(run: xr.Dataset, images: Pictures, counts: NDArray[np.int64]) -> Drawing:
    """The most and the least sampled images of each class, by the draws (N) of the winning schedule."""
    label, row = run["label"].values, run["split_training"].values
    names = measures.class_names(run)
    classes = [c for c in range(len(names)) if (label == c).any()]
    shown = classes[:_SHOWN_CLASSES]
    most, least = [], []
    for number in shown:
        index = np.flatnonzero(label == number)
        order = index[np.argsort(counts[index], kind="stable")]
        most.append(row[order[::-1][:_EACH]])
        least.append(row[order[:_EACH]])
    with looks():
        figure, _ = new_figure(height=3.4)
        figure.clear()
        left, right = figure.subplots(1, 2)
        _show(left, _grid(images, most, _EACH), [names[number] for number in shown], "most sampled")
        _show(right, _grid(images, least, _EACH), [""] * len(shown), "least sampled")
    part = f" The first {len(shown)} of {len(classes)} classes." if len(shown) < len(classes) else ""
    caption = f"By class (the label trained on), by draws in the winning schedule; ties by index.{part}"
    return Drawing("contact-sheet", "Most and least sampled images", caption, figure)


def draw_suspect_sheet(
    run: xr.Dataset, images: Pictures, table: pd.DataFrame, columns: int = 8, lines: int = 3
) -> Drawing:
    """The images with the lowest scores, with the label trained on, and the true one where it differs."""
    names = [name if len(name) <= 11 else name[:10] + "…" for name in measures.class_names(run)]
    first = table.head(columns * lines)
    with looks():
        figure, _ = new_figure(height=0.25 + 0.95 * lines)
        figure.clear()
        for axes, (_, suspect) in zip(figure.subplots(lines, columns).flat, first.iterrows(), strict=False):
            axes.imshow(images[int(suspect["row"])], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            given, true = int(suspect["label"]), int(suspect["true_label"])
            axes.set_title(names[given] + (f"\n({names[true]})" if given != true else ""), fontsize=7, pad=2)
        for axes in figure.axes:
            axes.axis("off")
    caption = "The lowest scores, with the label trained on; in brackets the true one, where noise was planted."
    return Drawing("suspect-sheet", "The suspects", caption, figure)
