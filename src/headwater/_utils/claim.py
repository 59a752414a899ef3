"""Begin a run in a folder, resume it, or refuse the folder, depending on the settings stored there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file

try:
    import fcntl
except ImportError:  # Windows has no such locks, so two runs in one folder are not detected there
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Claim:
    """Claim of a run to a folder.

    Parameters
    ----------
    folder : Path
    marker : str
        File in the folder that holds the settings, ``.json`` or ``.yaml``.
    settings : dict
        Plain values only. Different settings define a different run.
    free : tuple of str
        Settings that may differ when the run is resumed, such as ``"command"`` or ``"schedule.steps"``.
    resume : bool | None
        True: the folder must hold a run. False: it must not. None: resume a run if there is one, otherwise begin.
    """

    folder: Path
    marker: str
    settings: dict[str, Any]
    free: tuple[str, ...] = ()
    resume: bool | None = None

    def check(self) -> bool:
        """Refuse a folder that does not belong to this run; write nothing.

        Returns
        -------
        begun : bool
            Whether the run has begun in the folder.
        """
        found = self._entries()
        if self.marker not in found:
            if self.resume:
                raise InputError(f"{self.folder} holds no run to resume; leave out `resume`.")
            if found:
                raise InputError(f"{self.folder} is not empty and holds no run; choose another `out`.")
            return False
        if self.resume is False:
            raise InputError(
                f"{self.folder} is not empty: a run has begun there; set `resume=True` to continue it, or choose "
                "another `out`."
            )
        if different := self._different(read_settings(self.folder / self.marker)):
            raise InputError(
                f"{self.folder} holds a run with other settings ({', '.join(different)}); resume it with those, or "
                "choose another `out`."
            )
        return True

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Check the folder, write the settings, and lock the folder until the block ends.

        If the run fails before it writes anything, the folder is released.

        Yields
        ------
        begun : bool
            Whether the run had already begun in the folder.
        """
        self.check()
        new = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            begun = self.check()  # another run may have begun in the meantime
            with atomic_file(self.folder / self.marker) as temporary:
                temporary.write_text(_dumps(self.settings, temporary), encoding="utf-8")
            try:
                yield begun
            except Exception:
                if not begun and self._entries() == {self.marker}:
                    (self.folder / self.marker).unlink()
                    if new:
                        self.folder.rmdir()
                raise

    def _entries(self) -> set[str]:
        """List the names in the folder, without temporary files of killed processes."""
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            raise InputError(f"{self.folder} is not a folder and is left alone; choose another `out`.")
        try:
            names = {path.name for path in self.folder.iterdir()} if self.folder.exists() else set()
        except OSError as error:
            raise InputError(f"Cannot read {self.folder} ({error.strerror}); choose another `out`.") from error
        return {name for name in names if not name.startswith(".part-")}

    def _different(self, found: dict[str, Any]) -> list[str]:
        """Return the names of the settings that differ from those in the folder."""
        one, other = _flat(found), _flat(_loads(_dumps(self.settings, Path(self.marker)), Path(self.marker)))
        names = [name for name in {**one, **other} if one.get(name, _ABSENT) != other.get(name, _ABSENT)]
        return [name for name in names if not any(f"{name}.".startswith(f"{free}.") for free in self.free)]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the folder if the file system supports locks."""
        if fcntl is None:
            yield
            return
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise InputError(
                f"Another process is working in {self.folder}; wait until it ends, or choose another `out`."
            ) from error
        except OSError:  # a file system without locks
            pass
        try:
            yield
        finally:
            os.close(descriptor)


def read_settings(path: Path) -> dict[str, Any]:
    """Read the settings that `Claim` has written."""
    try:
        settings = _loads(path.read_text(encoding="utf-8"), path)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise _damaged(path) from error
    if not isinstance(settings, dict):
        raise _damaged(path)
    return settings


_ABSENT = object()


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged, so its run cannot be resumed; restore the file, or choose another `out`.")


def _dumps(settings: dict[str, Any], path: Path) -> str:
    if path.suffix == ".json":
        return json.dumps(settings, indent=1) + "\n"
    return str(yaml.safe_dump(settings, sort_keys=False))


def _loads(text: str, path: Path) -> Any:
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the settings by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
