"""Replace a file so that a crash or a full disk leaves either the old content or the new."""

from __future__ import annotations

import os
from pathlib import Path


def replace_durably(temporary: Path, path: Path) -> None:
    """Flush a completely written file to disk, then rename it.

    Without the flush, a crash shortly after renaming may leave an empty file under the final name.

    Parameters
    ----------
    temporary : Path
        File or folder on the same file system as ``path``. The content of a folder is not flushed.
    path : Path
    """
    if temporary.is_file():
        _flush(temporary, os.O_RDWR)
    temporary.replace(path)
    if os.name == "posix":  # other systems cannot open a folder
        _flush(path.parent, os.O_RDONLY)


def _flush(path: Path, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
