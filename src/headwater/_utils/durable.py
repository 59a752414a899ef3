"""Replace a file so that a crash or a full disk leaves either the old content or the new."""

from __future__ import annotations

import os
from pathlib import Path


def replace_durably(temporary: Path, path: Path) -> None:
    """Rename a file that has been written completely, once its content is on the disk.

    Without the flush, a crash shortly after the renaming may leave an empty file under the final name.

    Parameters
    ----------
    temporary : Path
        On the same file system as ``path``; a file, or a folder, whose content is not flushed.
    path : Path
    """
    if temporary.is_file():
        _flush(temporary, os.O_RDWR)
    temporary.replace(path)
    if os.name == "posix":  # elsewhere a folder cannot be opened
        _flush(path.parent, os.O_RDONLY)


def _flush(path: Path, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
