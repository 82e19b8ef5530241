"""Training images of a run, from the data set's own files, and sheets of them."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from . import measures
from .run import configuration
from .style import Drawing, looks, new_figure

Bytes = NDArray[np.uint8]
_IDX_IMAGES = b"\x00\x00\x08\x03"
_CIFAR = {"cifar10": ([f"data_batch_{k}.bin" for k in range(1, 6)], 1), "cifar100": (["train.bin"], 2)}
_SHOWN_CLASSES, _EACH = 10, 8


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def _find(folder: Path, names: list[str]) -> list[Path]:
    """The files of these names, whatever follows them (.gz), in the folder or below."""
    found = []
    for name in names:
        matches = sorted(path for path in folder.rglob(name + "*") if path.is_file())
        if not matches:
            raise FileNotFoundError(f"{folder} has no {name}")
        found.append(matches[0])
    return found


def _read_mnist(folder: Path) -> Bytes:
    (path,) = _find(folder, ["train-images*idx3-ubyte"])
    content = _read(path)
    if content[:4] != _IDX_IMAGES:
        raise ValueError(f"{path} is no IDX file of images")
    count, height, width = (int.from_bytes(content[at : at + 4], "big") for at in (4, 8, 12))
    return np.frombuffer(content, np.uint8, count * height * width, offset=16).reshape(count, height, width)


def _read_cifar(folder: Path, name: str) -> Bytes:
    names, labels = _CIFAR[name]
    content = b"".join(_read(path) for path in _find(folder, names))
    rows = np.frombuffer(content, np.uint8).reshape(-1, labels + 3072)
    return rows[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def read_training_images(run: xr.Dataset, folder: str | Path | None = None) -> Bytes:
    """(file rows, H, W) or (file rows, H, W, 3): the whole training file; an index's image is row split_training.

    `folder` is by default `data.path` of the configuration. Raises FileNotFoundError or ValueError, saying why, where
    the images are not to be had.
    """
    data = configuration(run)["data"]
    name, path = data["name"], Path(folder or data.get("path", ""))
    readers: dict[str, Callable[[], Bytes]] = {"mnist": partial(_read_mnist, path)}
    readers |= {cifar: partial(_read_cifar, path, cifar) for cifar in _CIFAR}
    if name not in readers:
        raise ValueError(f"images of {name!r} are not shown (only those of {', '.join(readers)})")
    if not path.is_dir():
        raise FileNotFoundError(f"the data set's folder {path} is not here (run elsewhere, or from another folder)")
    images = readers[name]()
    if len(images) <= int(run["split_training"].values.max()):
        raise ValueError(f"{path} has {len(images):,} training images, fewer than the run used")
    return images


def _grid(images: Bytes, rows: list[NDArray[np.integer]], columns: int) -> Bytes:
    """Tiles the images of each row, white where a row is short."""
    height, width = images.shape[1:3]
    sheet = np.full((len(rows) * (height + 2), columns * (width + 2), *images.shape[3:]), 255, np.uint8)
    for line, numbers in enumerate(rows):
        for column, number in enumerate(numbers[:columns]):
            top, left = line * (height + 2) + 1, column * (width + 2) + 1
            sheet[top : top + height, left : left + width] = images[number]
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


def draw_contact_sheet(run: xr.Dataset, images: Bytes, counts: NDArray[np.int64]) -> Drawing:
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
    run: xr.Dataset, images: Bytes, table: pd.DataFrame, columns: int = 8, lines: int = 3
) -> Drawing:
    """The images with the lowest scores, with the label trained on, and the true one where it differs."""
    names = measures.class_names(run)
    first = table.head(columns * lines)
    with looks():
        figure, _ = new_figure(height=0.25 + 0.83 * lines)
        figure.clear()
        for axes, (_, suspect) in zip(figure.subplots(lines, columns).flat, first.iterrows(), strict=False):
            axes.imshow(images[int(suspect["row"])], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            given, true = int(suspect["label"]), int(suspect["true_label"])
            axes.set_title(names[given] + (f" ({names[true]})" if given != true else ""), fontsize=8, pad=2)
        for axes in figure.axes:
            axes.axis("off")
    caption = "The lowest scores, with the label trained on; in brackets the true one, where noise was planted."
    return Drawing("suspect-sheet", "The suspects", caption, figure)
