"""Opens every file of a run that has a final name as soon as it is there, again whenever it was replaced.

    watch_files.py RUN STOP

Goes on until the file STOP exists. The exit code is 1 when a file couldn't be read to its end, or had no checksum.
"""

import json
import os
import sys
import time
import tomllib
from pathlib import Path

os.environ["HDF5_USE_FILE_LOCKING"] = "FALSE"  # whoever only looks must not keep the program from its files
import h5py  # noqa: E402


def read_hdf5(path: Path) -> None:
    with open(path, "rb") as file:
        file.seek(-16, os.SEEK_END)
        if file.read(8) != b"XXH3-64\0":
            raise OSError("no checksum at the end")
    with h5py.File(path, "r") as file:
        file.visititems(lambda _, item: item[()] if isinstance(item, h5py.Dataset) and item.shape is not None else None)


READERS = {
    ".h5": read_hdf5,
    ".json": lambda path: json.loads(path.read_text()),
    ".toml": lambda path: tomllib.loads(path.read_text()),
}


def main() -> int:
    run, stop = Path(sys.argv[1]), Path(sys.argv[2])
    seen = set()
    last = False
    while not last:
        last = stop.exists()
        # os.walk passes over folders that are removed meanwhile.
        for path in (Path(folder, name) for folder, _, names in os.walk(run) for name in names):
            if path.suffix not in READERS:
                continue
            try:
                status = path.stat()
                version = (path, status.st_ino, status.st_mtime_ns)
                if version not in seen:
                    READERS[path.suffix](path)
                    seen.add(version)
            except FileNotFoundError:
                continue  # removed or replaced meanwhile
            except Exception as error:
                if not path.exists():
                    continue
                print(f"{path} does not open: {error}")
                return 1
        time.sleep(0.01)
    print(f"all {len(seen)} files that were there at some time opened")
    return 0


sys.exit(main())
