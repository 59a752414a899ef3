"""Leave out trials with artefacts."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import Literal, TypeAlias

import mne
import numpy as np

from headwater._utils.errors import InputError

# Peak-to-peak thresholds as in MNE-Python, in V, T and T/m; "auto" finds them from the spread over trials, "autoreject"
# by cross-validation with the package of that name.
Reject: TypeAlias = Literal["auto", "autoreject"] | dict[str, float] | None

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
    if len(epochs) < LEAST_TRIALS and not isinstance(reject, dict):
        raise InputError(
            f"There are {len(epochs)} trials, too few to find thresholds from them; leave out `reject`, or give "
            f"thresholds."
        )
    thresholds = _thresholds(epochs, reject)
    try:
        kept = epochs.copy().drop_bad(reject=thresholds, verbose="ERROR")
    except ValueError as error:
        raise InputError(f"The thresholds `reject={reject!r}` do not fit the recording: {error}") from error
    limits = (f"{thresholds[kind] * UNITS[kind][0]:.4g} {UNITS[kind][1]} ({kind})" for kind in thresholds)
    origin = {"auto": "from the data", "autoreject": "from the data by autoreject"}.get(str(reject), "as given")
    return kept, f"peak-to-peak above {', '.join(limits)}, {origin}: {len(kept)} of {len(epochs)} trials kept"


def _thresholds(epochs: mne.BaseEpochs, reject: Reject) -> dict[str, float]:
    if isinstance(reject, str) and reject in FOUND:
        return FOUND[reject](epochs)
    return _checked(reject)


def find_thresholds(epochs: mne.BaseEpochs) -> dict[str, float]:
    """Find the peak-to-peak value, per type of sensor, that sets trials with artefacts apart from the others."""
    thresholds = {}
    good = _good(epochs)
    for kind in dict.fromkeys(good.get_channel_types()):
        size = np.log(np.ptp(good.get_data(kind, copy=False), axis=2).max(axis=1))
        median = np.median(size)
        spread = MAD_TO_SD * np.median(np.abs(size - median))
        thresholds[kind] = float(np.exp(median + DEVIATIONS * spread))
    return thresholds


def cross_validated_thresholds(epochs: mne.BaseEpochs) -> dict[str, float]:
    """Return autoreject's thresholds: the average of the trials kept is closest to the median of those left out.

    Jas, Engemann, Bekhti, Raimondo & Gramfort 2017, doi 10.1016/j.neuroimage.2017.06.030.
    """
    try:
        from autoreject import get_rejection_threshold
    except ImportError as error:
        raise InputError(
            "`reject='autoreject'` needs the package autoreject; install it with `pip install headwater[autoreject]`, "
            "or use `reject='auto'`."
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn, about the search
        found = get_rejection_threshold(_good(epochs), random_state=0, verbose=False)
    return {kind: float(value) for kind, value in found.items() if kind in UNITS}


def _good(epochs: mne.BaseEpochs) -> mne.BaseEpochs:
    return epochs.copy().pick(mne.pick_types(epochs.info, meg=True, eeg=True, exclude="bads"))


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


def _checked(reject: Reject) -> dict[str, float]:
    if not isinstance(reject, dict) or not set(reject) <= set(UNITS) or not all(one > 0 for one in reject.values()):
        raise InputError(
            f"`reject={reject!r}` cannot be used; give 'auto', 'autoreject', or peak-to-peak thresholds such as "
            "{'eeg': 150e-6}."
        )
    return reject


FOUND = {"auto": find_thresholds, "autoreject": cross_validated_thresholds}
