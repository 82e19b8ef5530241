"""Training images, from files as data sets have them, and the sheets that are made of them."""

import gzip
import io
import lzma

import h5py
import numpy as np
import pytest
from cifar_files import CIFAR10, PACK, write_cifar
from PIL import Image
from recorded_runs import Shape, write_run

from autosampling import images, measures, open_run


def run_on(folder, name, classes=10):
    """A run of 60 training images on that data set."""
    return open_run(
        write_run(folder / "run", Shape(data=f'name = "{name}"\npath = "{folder / "data"}"', classes=classes))
    )


@pytest.mark.parametrize("packed", PACK)
@pytest.mark.parametrize("below", [".", "cifar-10-batches-bin"])
def test_cifar10_is_read_plain_and_packed(tmp_path, packed, below):
    pixels, _ = write_cifar(tmp_path / "data" / below, CIFAR10, packed=packed)
    np.testing.assert_array_equal(images.read_training_images(run_on(tmp_path, "cifar10")), pixels)


@pytest.mark.parametrize("recorded", ["data", "/gone/data", "/gone/project/data"])
@pytest.mark.parametrize("at", [".", "elsewhere"])
def test_images_are_found_from_another_folder_than_the_runs(tmp_path, monkeypatch, recorded, at):
    pixels, _ = write_cifar(tmp_path / "data", CIFAR10)
    shape = Shape(data=f'name = "cifar10"\npath = "{recorded}"')
    run = open_run(write_run(tmp_path / "runs/of/today/run", shape))
    (tmp_path / at).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / at)
    np.testing.assert_array_equal(images.read_training_images(run), pixels)


def test_images_that_are_nowhere_are_said_to_be_missing_with_the_option_that_names_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="folder or file .*data is not here, nor in .*run or above it.*--data"):
        images.read_training_images(run_on(tmp_path, "cifar10"))


def test_cifar100_has_two_labels_ahead_of_the_pixels(tmp_path):
    pixels, _ = write_cifar(tmp_path / "data/cifar-100-binary", ["train.bin"], label_bytes=2, each=100)
    np.testing.assert_array_equal(images.read_training_images(run_on(tmp_path, "cifar100")), pixels)


def test_contact_sheet_shows_the_most_and_least_sampled_of_each_class(tmp_path):
    pixels, _ = write_cifar(tmp_path / "data", CIFAR10)
    run = run_on(tmp_path, "cifar10", classes=3)
    counts = measures.draw_counts(run)[0]
    drawing = images.draw_contact_sheet(run, images.read_training_images(run), counts)
    most, least = (axes.images[0].get_array() for axes in drawing.figure.axes)
    label, row = run["label"].values, run["split_training"].values
    for number in range(3):
        of_class = np.flatnonzero(label == number)
        for sheet, extreme in ((most, counts[of_class].max()), (least, counts[of_class].min())):
            first = sheet[34 * number + 1 : 34 * number + 33, 1:33]
            (shown,) = [index for index in of_class if (pixels[row[index]] == first).all()]
            assert counts[shown] == extreme


def run_on_arrays(folder, x):
    with h5py.File(folder / "data", "w") as file:
        file["x"] = x
    return images.read_training_images(run_on(folder, "arrays"))


def test_arrays_are_shown_as_images_shades_or_curves(tmp_path):
    bytes_ = np.arange(60 * 4 * 5 * 3).reshape(60, 4, 5, 3).astype(np.uint8)
    np.testing.assert_array_equal(run_on_arrays(tmp_path, bytes_), bytes_)
    np.testing.assert_array_equal(run_on_arrays(tmp_path, bytes_[..., :1]), bytes_[..., 0])
    grey = run_on_arrays(tmp_path, np.linspace(-1, 3, 60 * 6 * 5, dtype="f4").reshape(60, 6, 5))
    assert grey[0, 0, 0] == 0
    assert grey[-1, -1, -1] == 255
    ramp = np.tile(np.arange(130, dtype="f4"), (60, 1))  # more numbers than a curve has columns
    curve = run_on_arrays(tmp_path, ramp)[7]
    assert curve.shape == (32, 43)
    heights = 31 - (curve == 0).argmax(axis=0)
    assert heights[0] == 0
    assert heights[-1] == 31
    assert (np.diff(heights) >= 0).all()


def test_packed_photographs_are_shown_by_their_middle(tmp_path):
    contents = []
    for shade in range(60):
        out = io.BytesIO()
        Image.new("RGB", (120, 97), (4 * shade, 0, 0)).save(out, "PNG")
        contents.append(out.getvalue())
    with h5py.File(tmp_path / "data", "w") as file:
        file["bytes"] = np.frombuffer(b"".join(contents), np.uint8)
        file["length"] = np.array([len(content) for content in contents], np.uint64)
        file["begin"] = np.cumsum(file["length"][...]) - file["length"][...]
        file["training_images"] = np.array([60])
    pictures = images.read_training_images(run_on(tmp_path, "packed"))
    assert pictures.shape == (60, 96, 96, 3)
    assert [pictures[row][5, 7, 0] for row in range(60)] == [4 * shade for shade in range(60)]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "data_batch_3.bin").unlink(), "has no data_batch_3.bin"),
        (lambda folder: (folder / "data_batch_3.bin").write_bytes(bytes(4000)), "data_batch_3.bin is not of cifar10's"),
        (
            lambda folder: (folder / "data_batch_3.bin").write_bytes(gzip.compress(bytes(3073))[:-9]),
            "damaged or cut short",
        ),
        (
            lambda folder: (folder / "data_batch_3.bin").write_bytes(lzma.compress(bytes(3073))[:-9]),
            "damaged or cut short",
        ),
        (lambda folder: (folder / "data_batch_3.bin").write_bytes(b"\x28\xb5\x2f\xfd"), "zstd"),
        (lambda folder: [path.write_bytes(bytes(3073)) for path in folder.iterdir()], "fewer than the run used"),
    ],
    ids=["missing", "cut short", "gzip cut short", "xz cut short", "zstd", "another set"],
)
def test_files_that_are_not_the_runs_are_named(tmp_path, spoil, message):
    write_cifar(tmp_path / "data", CIFAR10)
    spoil(tmp_path / "data")
    with pytest.raises((OSError, ValueError), match=message):
        images.read_training_images(run_on(tmp_path, "cifar10"))
