"""The results folder of a benchmark: begun, resumed, finished, or replaced once the new results are whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater._utils.claim import Claim, read_settings
from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater.benchmark.cell import read_cell, read_tuning
from headwater.benchmark.provenance import INCIDENTAL

MARKER = "benchmark.json"
FINISHED = "report.html"  # the last file to be written
NEXT = "replacement"  # where results grow that are to replace those of another run
FILES = "files"  # in the marker of a finished run: what it has written
FREE = (*INCIDENTAL, FILES)


@dataclass(frozen=True)
class ResultsFolder:
    """One results folder.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @contextmanager
    def hold(self, about: dict[str, Any], *, overwrite: bool) -> Iterator[Path]:
        """Begin a run or resume it, and give the folder in which it grows.

        With ``overwrite``, a run that is to replace the results of another one grows in a folder of its own.
        """
        claim = self._claim(about, overwrite=overwrite)
        with claim.hold():
            yield claim.folder

    def finish(self, work: Path, files: list[str]) -> None:
        """Note what was written; let the results of another run give way to those in ``work``."""
        about = {**read_marker(work), FILES: files}
        with atomic_file(work / MARKER) as temporary:
            temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        if work == self.path:
            return
        old = _files_of_run(self.path)
        if FILES in read_marker(self.path) or not (self.path / FINISHED).exists():  # else of an earlier version
            _refuse_foreign([self.path / name for name in files if self.path / name not in old])
        for path in old - {self.path / name for name in files}:
            path.unlink(missing_ok=True)
        for name in (*files, MARKER):  # the marker last: until then, the same command resumes the run
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (work / name).replace(target)
        _remove_empty(work)
        _remove_empty(self.path)

    def _claim(self, about: dict[str, Any], *, overwrite: bool) -> Claim:
        """Choose the folder of a run."""
        claim = Claim(self.path, MARKER, about, free=FREE)
        if not (self.path / MARKER).is_file():
            return claim
        different = _differences(read_marker(self.path), about)
        finished = (self.path / FINISHED).exists()
        if not different and not finished:
            return claim
        if not overwrite:
            state = "a finished benchmark" if finished else f"the beginning of another run ({', '.join(different)})"
            raise InputError(
                f"{self.path} holds {state}; choose another `out`, or set `overwrite=True` to replace it when the new "
                "results are whole."
            )
        work = self.path / NEXT
        if (work / MARKER).is_file() and _differences(read_marker(work), about):
            _delete_run(work)
        return Claim(work, MARKER, about, free=FREE)


def read_marker(folder: Path) -> dict[str, Any]:
    """Return what ``benchmark.json`` says of a run."""
    about = read_settings(folder / MARKER)
    if not isinstance(about.get(FILES, []), list):
        raise InputError(f"{folder / MARKER} is damaged; restore it, or choose another `out`.")
    return about


def _refuse_foreign(paths: list[Path]) -> None:
    """Refuse to replace files that no run has written."""
    if foreign := [str(path) for path in paths if path.exists()]:
        raise InputError(
            f"{', '.join(foreign)} would be replaced but was not written by headwater; move it elsewhere and start the "
            "benchmark again, which then finishes at once."
        )


def _differences(found: dict[str, Any], about: dict[str, Any]) -> list[str]:
    keys = (found.keys() | about.keys()) - set(FREE)
    return sorted(key for key in keys if found.get(key) != about.get(key))


def _delete_run(folder: Path) -> None:
    """Delete what a run has written in a folder, and nothing else."""
    for path in {*_files_of_run(folder), folder / MARKER}:
        path.unlink(missing_ok=True)
    _remove_empty(folder)


def _files_of_run(folder: Path) -> set[Path]:
    """Find what a run has written in a folder, the marker aside."""
    noted = [folder / str(name) for name in read_marker(folder).get(FILES, [])]
    inside = (path for path in noted if path.is_relative_to(folder) and ".." not in path.parts)
    return {*inside, *_recognised(folder)}


def _recognised(folder: Path) -> Iterable[Path]:
    """Find the files of a run that has not noted them: one that was interrupted, or of an earlier version."""
    yield from (folder / name for name in ("results.csv", "table.md", FINISHED))
    for kind, read in (("cells", read_cell), ("tuning", read_tuning)):
        for path in (folder / kind).glob("*--*.json"):
            try:
                read(path)
            except InputError:
                continue
            yield path


def _remove_empty(folder: Path) -> None:
    """Remove the folders of a run where nothing is left in them."""
    for path in (folder / "cells", folder / "tuning", folder):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
