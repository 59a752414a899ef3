"""Leave out trials with artefacts."""

from __future__ import annotations

from collections import Counter
from typing import Literal, TypeAlias

import mne
import numpy as np

from headwater._utils.errors import InputError

# Peak-to-peak thresholds as in MNE-Python, in V, T and T/m; "auto" finds them from the data.
Reject: TypeAlias = Literal["auto"] | dict[str, float] | None

# A trial is left out where its largest peak-to-peak value lies this many robust standard deviations above the median of
# all trials, on a logarithmic scale. Of Gaussian noise, fewer than one trial in a hundred does.
DEVIATIONS = 4.0
MAD_TO_SD = 1.4826

# With fewer trials the spread over trials is not known well enough.
LEAST_TRIALS = 10

UNITS = {"eeg": (1e6, "uV"), "mag": (1e15, "fT"), "grad": (1e13, "fT/cm")}


def without_artefacts(epochs: mne.BaseEpochs, reject: Reject) -> tuple[mne.BaseEpochs, str]:
    """Return the trials within the thresholds, and which thresholds those are, in words."""
    if reject is None:
        return epochs, "none"
    thresholds = find_thresholds(epochs) if reject == "auto" else _checked(reject)
    try:
        kept = epochs.copy().drop_bad(reject=thresholds, verbose="ERROR")
    except ValueError as error:
        raise InputError(f"The thresholds `reject={reject!r}` do not fit the recording: {error}") from error
    limits = (f"{thresholds[kind] * UNITS[kind][0]:.4g} {UNITS[kind][1]} ({kind})" for kind in thresholds)
    origin = "from the data" if reject == "auto" else "as given"
    return kept, f"peak-to-peak above {', '.join(limits)}, {origin}: {len(kept)} of {len(epochs)} trials kept"


def find_thresholds(epochs: mne.BaseEpochs) -> dict[str, float]:
    """Find the peak-to-peak value, per type of sensor, that sets trials with artefacts apart from the others."""
    if len(epochs) < LEAST_TRIALS:
        raise InputError(
            f"There are {len(epochs)} trials, too few to find thresholds from them; leave out `reject`, or give "
            f"thresholds."
        )
    thresholds = {}
    good = epochs.copy().pick(mne.pick_types(epochs.info, meg=True, eeg=True, exclude="bads"))
    for kind in dict.fromkeys(good.get_channel_types()):
        size = np.log(np.ptp(good.get_data(kind, copy=False), axis=2).max(axis=1))
        median = np.median(size)
        spread = MAD_TO_SD * np.median(np.abs(size - median))
        thresholds[kind] = float(np.exp(median + DEVIATIONS * spread))
    return thresholds


def trials_in_words(epochs: mne.BaseEpochs) -> str:
    """Count the trials kept and those left out, by reason."""
    reasons = Counter(_reason(log[0], epochs.ch_names) for log in epochs.drop_log if log and log[0] != "IGNORED")
    left_out = ", ".join(f"{count} ({reason})" for reason, count in reasons.most_common(5))
    return f"{len(epochs)} kept" + (f", left out: {left_out}" if left_out else "")


def _reason(said: str, ch_names: list[str]) -> str:
    """Return why MNE-Python has dropped a trial, for people."""
    if said in ch_names:
        return "amplitude"
    return {"NO_DATA": "outside the recording", "TOO_SHORT": "outside the recording", "USER": "by hand"}.get(said, said)


def _checked(reject: dict[str, float]) -> dict[str, float]:
    if not isinstance(reject, dict) or not set(reject) <= set(UNITS) or not all(one > 0 for one in reject.values()):
        raise InputError(
            f"`reject={reject!r}` cannot be used; give 'auto', or peak-to-peak thresholds such as {{'eeg': 150e-6}}."
        )
    return reject
