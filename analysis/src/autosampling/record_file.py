"""Files of the record as RECORD_FORMAT.md describes them: opened, checked, sealed."""

from __future__ import annotations

from pathlib import Path

import h5py
import xxhash

FORMAT_MAJOR = 1
_MARK = b"XXH3-64\0"


class NewerFormatError(ValueError):
    """The record is of a major version that this package does not know."""


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


def _is_sealed(path: Path, hashed: bool) -> bool:
    """Whether the file ends with a checksum; if `hashed`, whether it is that of its bytes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 16))
        trailer = file.read()
    return trailer[:8] == _MARK and (not hashed or trailer[8:] == _hash_of(path, size - 16))


def open_hdf5(path: Path) -> h5py.File:
    """Opens an HDF5 file for reading, without a lock: a finished file never changes, and not every disk has locks.

    Raises PermissionError where it may not be read, and ValueError where it is damaged.
    """
    try:
        return h5py.File(path, "r", locking=False)
    except PermissionError as error:
        raise PermissionError(f"{path} may not be read (permission denied): ask its owner") from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"{path} is damaged or cut short ({error}): restore it from a copy") from error


def open_file(path: Path, filetype: str, hashed: bool = True) -> h5py.File:
    """Opens a file of the record for reading. Without `hashed` only the presence of its checksum is checked.

    Raises FileNotFoundError where there is none, PermissionError where it may not be read, NewerFormatError where it is
    of a later major version, and ValueError where it is damaged or of another type.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing (the run has not got so far, or this is no run directory)")
    file = open_hdf5(path)
    try:
        _check(file, path, filetype, hashed)
    except BaseException:
        file.close()
        raise
    return file


def _check(file: h5py.File, path: Path, filetype: str, hashed: bool) -> None:
    try:
        found, version = file.attrs.get("filetype"), str(file.attrs.get("format_version", "none"))
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged ({error}): restore it from a copy") from error
    major = version.split(".")[0]
    if major.isdigit() and int(major) > FORMAT_MAJOR:
        raise NewerFormatError(
            f"{path} has format version {version}, newer than {FORMAT_MAJOR}.x (this package is too old): "
            "install the package that came with the program"
        )
    if found != filetype or major != str(FORMAT_MAJOR):
        raise ValueError(
            f"{path} is of type {found!r} and format version {version}, not {filetype!r} and {FORMAT_MAJOR}.x: "
            "give a run directory of this program"
        )
    if not _is_sealed(path, hashed):
        raise ValueError(f"{path} is damaged or cut short (its checksum does not hold): restore it from a copy")


def open_run_file(run: str | Path) -> h5py.File:
    """Opens the run.h5 of a run, given by its directory or by that file."""
    path = Path(run)
    path = path / "run.h5" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing (the run has not finished, or this is no run directory): let it finish, or collect "
            f"what there is with autosampling finish {path.parent}"
        )
    return open_file(path, "autosampling run")
