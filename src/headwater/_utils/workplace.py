"""Temporary folders for unfinished results, and the removal of those that killed processes left behind."""

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks, so leftovers of killed processes stay there
    fcntl = None  # type: ignore[assignment]

REPLACED = "replaced"  # name of the folder being replaced until the new one is in place
RANDOM = "[a-z0-9_]" * 8  # suffix appended by `tempfile`


@contextmanager
def workplace(path: Path) -> Iterator[Path]:
    """Yield a folder next to ``path`` that is locked while in use and deleted afterwards.

    Leftovers of terminated processes for the same ``path`` are deleted first.
    """
    clean(path)
    folder, lock = _locked_folder(path)
    try:
        yield folder
    finally:
        _restore(folder, path)
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def clean(path: Path) -> None:
    """Delete the workplaces of ``path`` that no running process holds."""
    for found in path.parent.glob(glob.escape(_prefix(path)) + RANDOM):
        lock = _lock(found, wait=False)
        if lock is not None:
            _restore(found, path)
            shutil.rmtree(found, ignore_errors=True)
            os.close(lock)


def _prefix(path: Path) -> str:
    return f".part-{path.name}-"


def _locked_folder(path: Path) -> tuple[Path, int | None]:
    """Make a folder and lock it; retry if another process deleted it as stale in between."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_prefix(path), dir=path.parent))
        lock = _lock(folder, wait=True)
        if folder.exists():
            return folder, lock
        if lock is not None:
            os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Lock a folder until its descriptor is closed or the process ends; None if locking is impossible."""
    if fcntl is None:
        return None
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # in use, deleted in between, or on a file system without locks
        if descriptor is not None:
            os.close(descriptor)
        return None
    return descriptor


def _restore(folder: Path, path: Path) -> None:
    """Put the folder being replaced back, unless something has taken its place."""
    if (folder / REPLACED).exists() and not os.path.lexists(path):
        with suppress(OSError):
            (folder / REPLACED).rename(path)
