"""Writing results so that they are either whole or absent, and never overwritten by surprise."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater._utils.errors import InputError


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and rename it to ``path`` once the block has ended without error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # MNE and others choose the format by the suffix, so the temporary name keeps all of them.
    temporary = path.with_name(f".part-{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside ``path`` and rename it to ``path`` once the block has ended without error.

    An existing ``path`` is refused, unless ``overwrite``: then it is replaced as a whole, at the very end.
    """
    path = path.absolute()
    refuse_existing(path, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".part-{path.name}-", dir=path.parent))
    except OSError as error:
        raise InputError(f"Cannot write to {path.parent}: {error.strerror}; choose another --out.") from error
    old = temporary.with_name(temporary.name + "-old")
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            path.replace(old)
        temporary.replace(path)
    finally:
        if old.exists() and not path.exists():
            old.replace(path)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuse a result path that is already taken, before any work is spent on it."""
    if not path.exists():
        return
    if not overwrite:
        raise InputError(f"{path} already exists; choose another --out or add --overwrite to replace it.")
    if not path.is_dir():
        raise InputError(f"{path} is a file, not a results folder, and is left alone; choose another --out.")


def refuse_unowned(path: Path, marker: str, *, overwrite: bool) -> None:
    """Refuse to overwrite a folder that lacks the file ``marker`` of ours; an empty folder may be replaced."""
    refuse_existing(path, overwrite=overwrite)
    if path.is_dir() and any(path.iterdir()) and not (path / marker).is_file():
        raise InputError(f"{path} was not written by headwater and is left alone; choose another --out.")
