"""The results folder of one localisation."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import mne

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_folder, refuse_existing, refuse_unowned
from headwater.localization import Localization
from headwater.report.html import write_report

# Marks a folder as ours, so that only such folders are replaced, and says how it was made.
MARKER = "headwater.json"

REPORT = "report.html"

# What a results folder holds; with anything else in it, it is not replaced.
OURS = ("localization-stc.h5", "localization-src.fif.gz", "peaks.csv", REPORT, MARKER)


def write_results(
    localization: Localization, out: Path | str, *, command: str | None = None, overwrite: bool = False
) -> Path:
    """Write the source estimate, the peaks and the report.

    A report that fails does not cost the rest: estimate and peaks are kept, and the failure is raised afterwards.

    Parameters
    ----------
    localization : Localization
    out : path-like
        The folder to make: ``localization-stc.h5`` and ``localization-src.fif.gz`` (MNE-Python reads both),
        ``peaks.csv``, ``report.html`` and ``headwater.json`` (assumptions and versions, for programs).
    command : str | None
        The command that reproduces it, shown in the report.
    overwrite : bool
        Replace a folder that an earlier call wrote. Any other folder is left alone.

    Returns
    -------
    out : Path

    Examples
    --------
    >>> import headwater as hw
    >>> hw.write_results(hw.analyze("my-ave.fif"), "results")  # doctest: +SKIP
    """
    out = Path(out)
    refuse_foreign(out, overwrite=overwrite)
    failure: Exception | None = None
    with atomic_folder(out, overwrite=overwrite, check=_refuse_additions) as folder:
        with said_plainly(out):
            localization.stc.save(folder / "localization", ftype="h5", verbose="ERROR")
            mne.write_source_spaces(folder / "localization-src.fif.gz", localization.leadfield.src, verbose="ERROR")
            localization.peaks.to_csv(folder / "peaks.csv", index=False, float_format="%.6g")
            (folder / MARKER).write_text(json.dumps(_provenance(localization, command), indent=1) + "\n")
        try:
            write_report(localization, folder / REPORT, command=command)
        except Exception as error:  # noqa: BLE001 - whatever it is, what has been computed is kept
            failure = error
    if failure is not None:
        raise InputError(
            f"The report could not be made ({_reason(failure)}); the estimate and the peaks are in {out}."
        ) from failure
    return out


def refuse_foreign(out: Path, *, overwrite: bool) -> None:
    """Refuse a path that is taken, or that holds anything but the results of an earlier call."""
    refuse_existing(out, overwrite=overwrite)
    _refuse_additions(out)


def _refuse_additions(out: Path) -> None:
    """Refuse to replace a folder that we have not written or to which somebody has added files."""
    refuse_unowned(out, MARKER, overwrite=True)
    added = [path.name for path in out.glob("*") if path.name not in OURS]
    if added:
        raise InputError(
            f"{out} holds files that headwater has not written ({', '.join(sorted(added)[:4])}), which would be lost; "
            "move them away, or choose another `out`."
        )


@contextmanager
def said_plainly(out: Path) -> Iterator[None]:
    """Turn a full disk and the like into one sentence; h5py reports them as RuntimeError too, when it closes a file."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"The results cannot be written to {out.parent} ({_reason(error)}); nothing was kept."
        ) from error


def _reason(error: BaseException) -> str:
    """Return what the operating system said, if it said anything, or else the first line of the error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)
        if found := re.search(r"errno = (\d+)", str(cause)):  # as HDF5 puts it
            return os.strerror(int(found[1]))
        cause = cause.__cause__ or cause.__context__
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _provenance(localization: Localization, command: str | None) -> dict[str, object]:
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "versions": {name: version(name) for name in ("headwater", "mne", "numpy", "scipy")},
        "assumptions": localization.assumptions,
        "trust": None if localization.trust is None else localization.trust.as_dict(),
        "uncertainty": None if localization.uncertainty is None else localization.uncertainty.as_dict(),
    }
