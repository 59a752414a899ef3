"""What one attack led to: the command is run in this process and what it left behind is examined."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

from headwater.cli import main

FOUND, REFUSED = "completed", "refused"
TRACEBACK, NONSENSE, LOST, HANG, CRASH = "traceback", "nonsense", "lost file", "hang", "crash"
FAILURES = (TRACEBACK, NONSENSE, LOST, HANG, CRASH)
KINDS = (FOUND, REFUSED, *FAILURES)

BRAIN_MM = 130.0  # no source of a human brain is further from the origin of head or MRI coordinates
USAGE, INTERRUPTED = 2, 130


@dataclass(frozen=True)
class Outcome:
    """One line of the log."""

    case: str
    kind: str
    words: str = ""

    def to_json(self) -> str:
        """Return one line."""
        return json.dumps(asdict(self))


def run(case: str, arguments: list[object], check: Callable[[], str] = str) -> Outcome:
    """Run the command line and judge how it ended.

    Parameters
    ----------
    case : str
        For the log.
    arguments : list
        Of ``headwater``.
    check : callable
        Called after success; returns what is wrong with the results, or nothing.
    """
    printed = io.StringIO()
    try:
        with (
            patch.object(sys, "argv", ["headwater", *map(str, arguments)]),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        return Outcome(case, TRACEBACK, traceback.format_exc(limit=-3)[-700:])
    text = " ".join(printed.getvalue().split())
    if "Traceback (most recent call last)" in text or code not in (0, USAGE):
        return Outcome(case, TRACEBACK, f"exit {code}: {text[-500:]}")
    if code == USAGE:
        said = "Error" in text or "Usage" in text
        return Outcome(case, REFUSED, text[-300:]) if said else Outcome(case, NONSENSE, f"exit 2 in silence: {text}")
    if wrong := check():
        return Outcome(case, NONSENSE, f"{wrong}: {text[:300]}")
    return Outcome(case, FOUND, text[-200:])


def check_results(out: Path, truth_mm: np.ndarray | None = None, tolerance_mm: float = 30.0) -> str:
    """Say what is wrong with a results folder.

    Parameters
    ----------
    out : Path
    truth_mm : array of shape (3,) | None
        Where the strongest source is. An estimate further away than ``tolerance_mm`` is wrong if it is called good.
    tolerance_mm : float
    """
    missing = [name for name in ("peaks.csv", "report.html", "headwater.json") if not (out / name).is_file()]
    if missing:
        return f"no {', '.join(missing)}"
    peaks = pd.read_csv(out / "peaks.csv")
    numbers = peaks[["time_s", "x_mm", "y_mm", "z_mm", "amplitude"]].to_numpy(float)
    if not np.isfinite(numbers).all():
        return "peaks that are not finite"
    if (np.linalg.norm(numbers[:, 1:4], axis=1) > BRAIN_MM).any():
        return "a peak outside of the head"
    trust = json.loads((out / "headwater.json").read_text())["trust"]
    if truth_mm is not None and trust is not None and trust["status"] == "good" and len(peaks):
        error_mm = float(np.linalg.norm(numbers[0, 1:4] - truth_mm))
        if error_mm > tolerance_mm:
            return f"called good and wrong by {error_mm:.0f} mm"
    return ""
