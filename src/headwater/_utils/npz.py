"""Plain arrays in ``.npz`` files, written completely or not at all, and read only if their headers are plausible."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from headwater._utils.files import atomic_file


class DamagedFile(Exception):
    """The file is not an ``.npz`` file of plain arrays as written by `write_arrays`."""


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays to an uncompressed ``.npz`` file."""
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read arrays written by `write_arrays`.

    Sizes are checked in the headers before unpacking, so that a small file cannot fill the memory. The checksums of the
    zip format reveal changed values.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_headers(archive)
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except FileNotFoundError:
        raise
    # zipfile raises RuntimeError for damaged flags; its subclass NotImplementedError says that a method is unknown.
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise DamagedFile(str(error)) from error


def _check_headers(archive: zipfile.ZipFile) -> None:
    """Refuse compressed members, and members whose array would need more bytes than the member has."""
    for member in archive.infolist():
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise DamagedFile(f"{member.filename} is compressed")
        with archive.open(member) as stream:
            version = npy.read_magic(stream)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read_header(stream)
            if dtype.hasobject or math.prod(shape) * dtype.itemsize + stream.tell() != member.file_size:
                raise DamagedFile(f"{member.filename} is not as large as its header says")
