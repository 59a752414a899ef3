"""Layout of a group of samples.

==========================  ============================================================================================
attributes                  settings that determine the samples, and their checksum
``y``, ``courses``, ...     arrays with one row per sample, one chunk per part
``entries/000007/...``      ragged arrays of sparse patterns, one group per part
``checksums``               one row per part, written last: a part without one is not finished
==========================  ============================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from headwater._utils.cache import content_hash
from headwater._utils.errors import InputError
from headwater.simulation.samples import Truth

FORMAT = "headwater samples 2"
WITHOUT_CHECKSUMS = "headwater samples 1"  # has the array "done" in place of "checksums", and no noise level
PER_ENTRY = ("component", "source", "coefficient", "direction")
TRUTH = tuple(one.name for one in fields(Truth))
CHECKSUM_BYTES = 16
REPAIRABLE = "simulate the same samples into it again, which repairs it"
CONTINUE = "simulate the same samples into it again, which continues where it stopped"
LOST = "delete it and simulate the samples again"


@dataclass(frozen=True, eq=False)
class Store:
    """An existing group of samples, finished or not.

    Attributes
    ----------
    path : Path
    group : zarr.Group
        Typed loosely, because an item may be an array or a group.
    settings : dict
    """

    path: Path
    group: Any
    settings: dict[str, Any]

    @property
    def n_parts(self) -> int:
        """Number of parts, finished or not."""
        return -(-int(self.settings["n"]) // int(self.settings["shard_size"]))

    @property
    def has_checksums(self) -> bool:
        """Whether damage can be detected."""
        return bool(self.settings["format"] == FORMAT)

    def rows(self, part: int) -> slice:
        """Return the range of the samples of a part."""
        size = self.settings["shard_size"]
        return slice(part * size, min((part + 1) * size, self.settings["n"]))

    def finished(self) -> np.ndarray:
        """Whether each part has been written, shape (n_parts,)."""
        with explained(self.path):
            if self.has_checksums:
                return np.asarray(np.any(self.group["checksums"][:], axis=1))
            return np.asarray(self.group["done"][:], dtype=bool)

    def read(self, part: int) -> dict[str, np.ndarray]:
        """Read the arrays of a finished part and compare them with their checksum."""
        with explained(self.path):
            arrays = {name: self.group[name][self.rows(part)] for name in self.regular()}
            if "entries" in self.group:
                entries = self.group[f"entries/{part:06d}"]
                arrays |= {name: entries[name][:] for name in PER_ENTRY}
            whole = not self.has_checksums or np.array_equal(self.group["checksums"][part], checksum(arrays))
        if not whole:
            raise damaged(self.path, f"part {part} of {self.n_parts} has changed since it was written")
        return arrays

    def regular(self) -> list[str]:
        """Names of the arrays with one row per sample."""
        if self.has_checksums:
            return list(self.settings["arrays"])
        return sorted(set(self.group.array_keys()) - {"done"})

    def check_arrays(self) -> None:
        """Refuse a group whose arrays are not those that its settings describe."""
        n = self.settings["n"]
        expected = {name: ((n, *shape), kind) for name, (shape, kind) in self.settings["arrays"].items()}
        expected["checksums"] = ((self.n_parts, CHECKSUM_BYTES), "uint8")
        for name, (shape, kind) in expected.items():
            with explained(self.path, LOST):
                found = self.group[name]
                fits = found.shape == shape and str(found.dtype) == kind
            if not fits:
                raise damaged(self.path, f"the array {name} has another shape or type", LOST)


def open_store(path: Path, mode: str = "r") -> Store:
    """Open a group begun by `write_samples`; refuse anything else."""
    try:
        group = zarr.open_group(path, mode=mode)  # type: ignore[arg-type]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{path} is not a Zarr group; choose another path.") from error
    except Exception as error:  # Zarr raises many types of errors for truncated or foreign metadata
        raise InputError(f"{path} is not a Zarr group ({_one_line(error)}); choose another path.") from error
    settings: dict[str, Any] = dict(group.attrs)
    found = settings.pop("checksum", None)
    if not str(settings.get("format")).startswith("headwater samples"):
        raise InputError(
            f"{path} is a Zarr group that headwater did not write, and is left alone; choose another path."
        )
    if settings["format"] not in (FORMAT, WITHOUT_CHECKSUMS):
        raise InputError(f"{path} was written by another version of headwater; simulate the samples again.")
    store = Store(path, group, settings)
    if store.has_checksums:
        if found != settings_checksum(settings):
            raise damaged(path, "its settings have changed since they were written", LOST)
        store.check_arrays()
    return store


def settings_checksum(settings: dict[str, Any]) -> str:
    """Checksum of the attributes of a group."""
    return content_hash(json.dumps(settings, sort_keys=True))


def checksum(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Checksum of the arrays of a part, by name, shape, type and value."""
    named = [item for name in sorted(arrays) for item in (name, arrays[name])]
    return np.frombuffer(bytes.fromhex(content_hash(*named)), dtype=np.uint8)


@contextmanager
def explained(path: Path, remedy: str = REPAIRABLE) -> Iterator[None]:
    """Turn the errors of Zarr and its codecs on damaged files into one sentence."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # missing, truncated and changed files raise different types of errors
        raise damaged(path, _one_line(error), remedy) from error


def damaged(path: Path, why: str, remedy: str = REPAIRABLE) -> InputError:
    """Return the error for a group that has changed since it was written."""
    return InputError(f"{path} is damaged ({why}); {remedy}.")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
