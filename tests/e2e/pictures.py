"""Image files of all kinds for pictures.sh, and a comparison of what was packed of them with Pillow's pixels."""

import io
import sys
from pathlib import Path

import h5py
import numpy as np
from PIL import Image, features

EXIF_TURNED = 6  # a quarter


def picture(height: int, width: int, channels: int, seed: int) -> np.ndarray:
    """(height, width, channels): smooth, with some noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(0.1 * (c + 1) * x + seed) * np.cos(0.07 * y + c) for c in range(channels)]
    return np.clip(128 + 100 * np.stack(waves, -1) + generator.normal(0, 8, (height, width, channels)), 0, 255).astype("u1")


def make(tree: Path) -> None:
    for folder in ("a", "b"):
        (tree / folder).mkdir(parents=True)
    images = {
        "rgb": Image.fromarray(picture(45, 67, 3, 1)),
        "grey": Image.fromarray(picture(50, 33, 1, 2)[:, :, 0]),
        "alpha": Image.fromarray(picture(40, 40, 4, 3), "RGBA"),
        "grey_alpha": Image.fromarray(picture(40, 41, 2, 4), "LA"),
        "palette": Image.fromarray(picture(64, 32, 3, 5)).quantize(64),
        "bits": Image.fromarray(picture(31, 47, 1, 6)[:, :, 0]).convert("1"),
        "cmyk": Image.fromarray(picture(37, 53, 4, 7), "CMYK"),
    }
    for name, image in images.items():
        if name != "cmyk":
            image.save(tree / "a" / f"{name}.png")
            image.save(tree / "a" / f"{name} gamma.png", pnginfo=None)
        if image.mode in ("RGB", "L", "CMYK"):
            image.save(tree / "b" / f"{name}.JPEG", quality=90)
            image.save(tree / "b" / f"{name} progressive.JPEG", quality=60, progressive=True, subsampling=0)
    # A PNG that says a gamma: nobody heeds it.
    data = (tree / "a/rgb.png").read_bytes()
    chunk = b"gAMA" + (100_000).to_bytes(4, "big")
    import zlib

    chunk = (4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    (tree / "a/rgb gamma.png").write_bytes(data[:33] + chunk + data[33:])
    # YCCK is CMYK whose Adobe marker says so.
    data = bytearray((tree / "b/cmyk.JPEG").read_bytes())
    marker = data.index(b"Adobe")
    data[marker + 11] = 2
    (tree / "b/ycck.JPEG").write_bytes(data)
    exif = Image.Exif()
    exif[0x0112] = EXIF_TURNED
    images["rgb"].save(tree / "b/turned.JPEG", exif=exif)
    if features.check("webp"):
        images["rgb"].save(tree / "b/lossy.webp", quality=80)
        images["rgb"].save(tree / "b/lossless.webp", lossless=True)
        images["grey"].save(tree / "b/grey.webp", quality=80)


def packed(path: Path) -> dict[str, Image.Image]:
    """The images of a packed file by their names in the tree."""
    with h5py.File(path) as file:
        rows = zip(file["file_name"].asstr()[:], file["begin"][:], file["length"][:], strict=True)
        return {
            name: Image.open(io.BytesIO(file["bytes"][int(begin) : int(begin + length)].tobytes()))
            for name, begin, length in rows
        }


def resized(image: Image.Image, side: int) -> Image.Image:
    """As torchvision's Resize, where the image is larger."""
    short, long = sorted(image.size)
    if short <= side:
        return image
    other = int(side * long / short)
    return image.resize((side, other) if image.width <= image.height else (other, side), Image.Resampling.BILINEAR)


def compare(tree: Path, path: Path, side: int = 0) -> None:
    images = packed(path)
    files = sorted(str(file.relative_to(tree)) for file in tree.rglob("*.*"))
    assert sorted(images) == files, (sorted(images), files)
    wrong = []
    for name, image in images.items():
        assert image.format == "PPM", name
        expected = Image.open(tree / name).convert("RGB")
        if side:
            expected = resized(expected, side)
        found, wanted = np.asarray(image).astype(int), np.asarray(expected).astype(int)
        if found.shape != wanted.shape or abs(found - wanted).max() > 0:
            wrong.append(f"{name}: {found.shape} {wanted.shape}, off by {abs(found - wanted).max() if found.shape == wanted.shape else '?'}")
    assert not wrong, "\n".join(wrong)


def sizes(path: Path, side: int) -> None:
    for name, image in packed(path).items():
        assert min(image.size) == side and image.format == "JPEG", (name, image.size, image.format)


def spoil(tree: Path, spoilt: Path) -> None:
    for file in tree.rglob("*.*"):
        target = spoilt / file.relative_to(tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        data = file.read_bytes()
        target.write_bytes(data[: len(data) // 2])
    data = bytearray((tree / "b/rgb.JPEG").read_bytes())
    data[-2:-2] = b"\xff\xff\xd5\x12\x13"  # what libjpeg passes over with a warning
    (spoilt / "b/warned.JPEG").write_bytes(data)


def many(tree: Path) -> None:
    Image.fromarray(picture(600, 800, 3, 1)).save("/dev/null", "JPEG")
    buffer = io.BytesIO()
    Image.fromarray(picture(1200, 1600, 3, 1)).save(buffer, "JPEG", quality=95)
    for folder in ("a", "b"):
        (tree / folder).mkdir(parents=True)
        for number in range(300):
            (tree / folder / f"{number}.JPEG").write_bytes(buffer.getvalue())


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    paths = [Path(argument) if not argument.isdigit() else int(argument) for argument in arguments]
    {"make": make, "compare": compare, "sizes": sizes, "spoil": spoil, "many": many}[command](*paths)  # type: ignore[operator]
