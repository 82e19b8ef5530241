"""How fast photographs are packed and made training examples of, on one core, beside Python's ways to do the same.

    python3 tests/bench/photographs.py BUILD [--images 4000] [--rounds 3]

BUILD is a build folder with the program and tests/bench/input_speed. Packing is set beside Pillow and h5py, which read,
decode and write the same files; training input beside torchvision's DataLoader with one worker (ImageFolder,
RandomResizedCrop, flip, normalisation), where torchvision is installed. Each pair is measured in turns; the median of
the rounds counts (of packing; three of the other). What both packed is compared first.
"""

import argparse
import io
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from statistics import median

import h5py
import numpy as np
from PIL import Image


def make_tree(tree: Path, images: int) -> None:
    """JPEGs of the size and of about the detail of ImageNet's: 500 x 375, 100 KB."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:375, :500]
    files = []
    for seed in range(50):
        waves = [np.sin((0.02 + 0.01 * c) * x * (1 + seed / 50) + seed) * np.cos(0.03 * y + c) for c in range(3)]
        coarse = generator.normal(0, 30, (94, 125, 3)).repeat(4, axis=0).repeat(4, axis=1)[:375, :500]
        pixels = 128 + 70 * np.stack(waves, -1) + coarse + generator.normal(0, 12, (375, 500, 3))
        buffer = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype("u1")).save(buffer, "JPEG", quality=88)
        files.append(buffer.getvalue())
    print(f"{images} JPEGs of 500 x 375, {sum(map(len, files)) / len(files) / 1000:.0f} KB each")
    for number in range(images):
        folder = tree / f"class{number % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.JPEG").write_bytes(files[number % len(files)])


def pack_in_python(tree: Path, packed: Path) -> None:
    """The same file with Pillow and h5py: every image is decoded, so that it is known to be whole."""
    paths = sorted(tree.glob("*/*.JPEG"))
    offset = 0
    with h5py.File(packed, "w") as file:
        content = file.create_dataset("bytes", (sum(path.stat().st_size for path in paths),), "u1")
        begin, length = [], []
        for path in paths:
            data = path.read_bytes()
            with Image.open(io.BytesIO(data)) as image:
                image.load()
            content[offset : offset + len(data)] = np.frombuffer(data, "u1")
            begin.append(offset)
            length.append(len(data))
            offset += len(data)
        file["begin"], file["length"] = begin, length
        file["label"] = [int(path.parent.name.removeprefix("class")) for path in paths]


def seconds_of(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def packed_images(path: Path) -> Counter[bytes]:
    """How often each image is there, by its hash."""
    with h5py.File(path) as file:
        content, places = file["bytes"], zip(file["begin"][:], file["length"][:], strict=True)
        return Counter(sha256(content[begin : begin + length]).digest() for begin, length in places)


def compare_packing(program: Path, tree: Path, work: Path, images: int, rounds: int) -> None:
    ours, theirs = [], []
    command = [program, "pack", tree, work / "ours.h5", "--threads", "1"]
    for _ in range(rounds):
        ours.append(seconds_of(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)))
        theirs.append(seconds_of(lambda: pack_in_python(tree, work / "theirs.h5")))
    assert packed_images(work / "ours.h5") == packed_images(work / "theirs.h5"), "other images were packed"
    rate = [images / median(seconds) for seconds in (ours, theirs)]
    print(f"packing         {rate[0]:7.0f} images/s, Pillow and h5py {rate[1]:7.0f}: {rate[0] / rate[1]:.2f} x")


def rate_of_torchvision(tree: Path, most: float = 10) -> float:
    import torch
    from torchvision import datasets, transforms

    steps = [
        transforms.RandomResizedCrop(224),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
    images = datasets.ImageFolder(tree, transforms.Compose(steps))
    loader = torch.utils.data.DataLoader(images, batch_size=64, shuffle=True, num_workers=1)
    batches = iter(loader)
    next(batches)  # the worker starts
    start, count = time.perf_counter(), 0
    for batch, _ in batches:
        count += len(batch)
        if time.perf_counter() - start > most:
            break
    return count / (time.perf_counter() - start)


def compare_input(bench: Path, tree: Path, work: Path) -> None:
    try:
        import torchvision  # noqa: F401
    except ImportError:
        print("training input  not compared: there is no torchvision")
        return
    ours, theirs = [], []
    for _ in range(3):
        out = subprocess.run([bench, work / "ours.h5"], check=True, capture_output=True, text=True)
        ours.append(float(out.stdout))
        theirs.append(rate_of_torchvision(tree))
    rate = median(ours), median(theirs)
    print(f"training input  {rate[0]:7.0f} images/s, torchvision      {rate[1]:7.0f}: {rate[0] / rate[1]:.2f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3, help="of packing")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        make_tree(work / "tree", arguments.images)
        compare_packing(arguments.build / "src/autosampling", work / "tree", work, arguments.images, arguments.rounds)
        compare_input(arguments.build / "tests/bench/input_speed", work / "tree", work)


if __name__ == "__main__":
    main()
