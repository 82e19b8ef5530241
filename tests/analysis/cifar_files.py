"""Files in CIFAR's binary version, with random images."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

PACK = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
CIFAR10 = [f"data_batch_{k}.bin" for k in range(1, 6)]


def write_cifar(
    folder: Path, files: list[str], label_bytes: int = 1, packed: str = "", each: int = 20
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Writes `each` images a file; returns pixels (n, 32, 32, 3) and labels (n)."""
    random = np.random.default_rng(0)
    n = len(files) * each
    labels = random.integers(0, 10, (n, label_bytes), np.uint8)
    pixels = random.integers(0, 256, (n, 32, 32, 3), np.uint8)
    records = np.concatenate([labels, pixels.transpose(0, 3, 1, 2).reshape(n, 3072)], axis=1)
    folder.mkdir(parents=True)
    for file, part in zip(files, np.split(records, len(files)), strict=True):
        (folder / (file + packed)).write_bytes(PACK[packed](part.tobytes()))
    return pixels, labels[:, -1]
