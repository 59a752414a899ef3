"""The results folder of one localisation."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import mne

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_folder, refuse_unowned
from headwater.localization import Localization
from headwater.report.html import write_report

# What a results folder holds; with anything else in it, it is not replaced.
OURS = ("localization-stc.h5", "localization-src.fif.gz", "peaks.csv", "report.html", "headwater.json")

# Marks a folder as ours, so that --overwrite never replaces anything else, and says how it was made.
MARKER = "headwater.json"


def write_results(
    localization: Localization, out: Path | str, *, command: str | None = None, overwrite: bool = False
) -> Path:
    """Write the source estimate, the peaks and the report: all of them, or nothing.

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
    """
    out = Path(out)
    refuse_unowned(out, MARKER, overwrite=overwrite)
    _refuse_additions(out)
    with atomic_folder(out, overwrite=overwrite) as folder, said_plainly(out):
        localization.stc.save(folder / "localization", ftype="h5", verbose="ERROR")
        mne.write_source_spaces(folder / "localization-src.fif.gz", localization.leadfield.src, verbose="ERROR")
        localization.peaks.to_csv(folder / "peaks.csv", index=False, float_format="%.6g")
        write_report(localization, folder / "report.html", command=command)
        (folder / MARKER).write_text(json.dumps(_provenance(localization, command), indent=1) + "\n")
    return out


def _refuse_additions(out: Path) -> None:
    """Refuse to replace a folder to which somebody has added files."""
    added = [path.name for path in out.glob("*") if path.name not in OURS]
    if added:
        raise InputError(
            f"{out} holds files that headwater has not written ({', '.join(sorted(added)[:4])}), which would be lost; "
            "move them away, or choose another --out."
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
    """Find what the operating system said, without the libraries' details."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return os.strerror(error.errno)
        error = error.__context__  # type: ignore[assignment]
    return "the disk may be full"


def _provenance(localization: Localization, command: str | None) -> dict[str, object]:
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "versions": {name: version(name) for name in ("headwater", "mne", "numpy", "scipy")},
        "assumptions": localization.assumptions,
    }
