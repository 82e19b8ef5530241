"""Files of the record as RECORD_FORMAT.md describes them: opened, checked, sealed."""

from __future__ import annotations

from pathlib import Path

import h5py
import xxhash

FORMAT_MAJOR = "1"
_MARK = b"XXH3-64\0"


def _hash_of(path: Path, size: int) -> bytes:
    digest = xxhash.xxh3_64()
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(size, 1 << 20))):
            digest.update(block)
            size -= len(block)
    return digest.intdigest().to_bytes(8, "little")


def append_checksum(path: Path) -> None:
    """Ends a file with the checksum without which the program refuses it."""
    digest = _hash_of(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(_MARK + digest)


def open_file(path: Path, filetype: str) -> h5py.File:
    """Opens a file of the record for reading.

    Raises FileNotFoundError where there is none, ValueError where it is damaged, of another type, or of a format
    version that this package doesn't know.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing (the run has not got so far, or this is no run directory)")
    with path.open("rb") as file:
        trailer = (file.seek(max(0, path.stat().st_size - 16)), file.read())[1]
    if trailer[:8] != _MARK or trailer[8:] != _hash_of(path, path.stat().st_size - 16):
        raise ValueError(f"{path} is damaged or cut short (its checksum does not hold): restore it from a copy")
    file = h5py.File(path, "r")
    found, version = file.attrs.get("filetype"), str(file.attrs.get("format_version", "none"))
    if found != filetype or version.split(".")[0] != FORMAT_MAJOR:
        file.close()
        raise ValueError(
            f"{path} is of type {found!r} and format version {version}, not {filetype!r} and {FORMAT_MAJOR}.x: "
            "give a run directory of this program, or install the package that came with it"
        )
    return file


def open_run_file(run: str | Path) -> h5py.File:
    """Opens the run.h5 of a run, given by its directory or by that file."""
    path = Path(run)
    path = path / "run.h5" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing (the run has not finished, or this is no run directory): let it finish, or collect what "
            f"there is with autosampling finish {path.parent}"
        )
    return open_file(path, "autosampling run")
