"""Makes a mixture of three sources from the MNIST subset, for jobs/configs/mixture.toml.

    .venv/bin/python3 jobs/mixture.py mixture.h5 [--without SOURCE]

Of the 8,000 training digits 1,000 stay clean for the reward set; their rows go to mixture.txt beside mixture.h5. The
others are dealt out: a quarter to `scans`, half to `forms`, and a quarter to `web`, whose labels are drawn at random.
signals/source says which is which. --without leaves a source out.
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import h5py
import numpy as np

MNIST = Path(__file__).resolve().parents[1] / "tests/data/mnist-10k"
REWARD = 1000


def read_idx(name: str) -> np.ndarray:
    """An array of bytes from MNIST's format: its number of dimensions, their lengths, then the values."""
    content = gzip.decompress((MNIST / f"{name}.gz").read_bytes())
    dimensions = content[3]
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(
        np.frombuffer(content, ">u4", dimensions, offset=4)
    )


def main() -> None:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--without", metavar="SOURCE", default="", help="scans, forms or web")
    arguments = parser.parse_args()
    random = np.random.default_rng(1)
    x, y = (
        read_idx("train-images-idx3-ubyte"),
        read_idx("train-labels-idx1-ubyte").astype(np.int64),
    )
    source = np.concatenate(
        [
            ["scans"] * REWARD,
            random.choice(["scans", "forms", "web"], len(x) - REWARD, p=(0.25, 0.5, 0.25)),
        ]
    )
    y[source == "web"] = random.integers(0, 10, (source == "web").sum())
    kept = source != arguments.without
    kept[:REWARD] = True
    with h5py.File(arguments.file, "w") as file:
        file["x"], file["y"] = x[kept], y[kept]
        file["x_test"], file["y_test"] = (
            read_idx("t10k-images-idx3-ubyte"),
            read_idx("t10k-labels-idx1-ubyte"),
        )
        file["signals/source"] = source[kept].astype(object)
    arguments.file.with_suffix(".txt").write_text("\n".join(map(str, range(REWARD))) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
