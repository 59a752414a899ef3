"""Write results completely or not at all, and overwrite only on request."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from headwater._utils.durable import replace_durably
from headwater._utils.errors import InputError
from headwater._utils.workplace import REPLACED, workplace


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary path and rename it to ``path`` if the block ends without error.

    Parameters
    ----------
    path : Path
        The temporary file has the same name, because MNE-Python and others infer the format from it.
    overwrite : bool
        Replace an existing file. If False, a file that appears at ``path`` in the meantime is kept.
    """
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with workplace(path) as folder:
        temporary = folder / path.name
        yield temporary
        if not overwrite:
            _claim(path, lambda: os.close(os.open(path, os.O_CREAT | os.O_EXCL)))
        replace_durably(temporary, path)


@contextmanager
def atomic_folder(
    path: Path, *, overwrite: bool = False, check: Callable[[Path], None] | None = None
) -> Iterator[Path]:
    """Yield a temporary folder and rename it to ``path`` if the block ends without error.

    Parameters
    ----------
    path : Path
        A link to a folder is followed.
    overwrite : bool
        Replace an existing folder as a whole, at the end. If False, an existing folder is refused at the beginning, and
        again at the end if it has appeared in the meantime.
    check : callable | None
        Raises `InputError` unless the folder may be replaced; called at the beginning and again at the end.
    """
    _refuse_taken(path, overwrite, check)
    path = path.resolve()
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            place = stack.enter_context(workplace(path))
        except OSError as error:
            raise InputError(f"Cannot write to {path.parent}: {error.strerror}; choose another `out`.") from error
        temporary = place / path.name
        temporary.mkdir()
        yield temporary
        _refuse_taken(path, overwrite, check)
        if path.exists():
            path.rename(place / REPLACED)
        if os.name == "posix":  # renaming alone would replace an empty folder
            _claim(path, path.mkdir)
        temporary.rename(path)


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuse a result path that already exists, before any work is done."""
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path} is a link to {path.readlink()}, which does not exist; choose another `out`.")
    if not path.exists():
        return
    if not overwrite:
        raise InputError(f"{path} already exists; choose another `out`, or set `overwrite=True` to replace it.")
    if not path.is_dir():
        raise InputError(f"{path} is a file, not a results folder, and is left alone; choose another `out`.")


def refuse_unowned(path: Path, marker: str, *, overwrite: bool) -> None:
    """Refuse to overwrite a folder without headwater's file ``marker``; an empty folder may be replaced."""
    refuse_existing(path, overwrite=overwrite)
    if path.is_dir() and any(path.iterdir()) and not (path / marker).is_file():
        raise InputError(f"{path} was not written by headwater and is left alone; choose another `out`.")


def _refuse_taken(path: Path, overwrite: bool, check: Callable[[Path], None] | None) -> None:
    refuse_existing(path, overwrite=overwrite)
    if check is not None and path.exists():
        check(path)


def _claim(path: Path, make: Callable[[], None]) -> None:
    """Create a file or folder at a free path; only one of several processes can succeed."""
    try:
        make()
    except FileExistsError as error:
        raise InputError(
            f"{path} was written by another process in the meantime and is left alone; choose another `out`."
        ) from error
