"""Refuse data that no source estimate can be trusted on, in one sentence each."""

from __future__ import annotations

from itertools import combinations

import mne
import numpy as np

from headwater._utils.errors import InputError

# A channel that varies less than this share of its type's median is dead; filters leave it some rounding error.
FLAT_SHARE = 1e-6

# A channel that varies so many times more than its type's median is broken, or written in another unit: blinks reach
# about ten times the median.
LOUD_SHARE = 50.0

# Median over channels of the standard deviation over time, and the unit: brain signals are about 1e-5 V, 1e-12 T and
# 1e-11 T/m, averages a hundredth of that. Data written in mV, uV, fT or fT/cm, or scaled twice, lie outside.
LIMITS = {"eeg": (1e-9, 5e-4, "V"), "mag": (1e-17, 1e-8, "T"), "grad": (1e-16, 1e-6, "T/m")}

# Two channels that differ by less than this share of their size are the same signal; by less than this, their
# electrodes are probably bridged by gel.
EQUAL_SHARE, BRIDGED_SHARE = 1e-4, 0.02

LEAST_TIMES = 20  # for comparing the courses of channels


def check_data(evoked: mne.Evoked) -> None:
    """Refuse channels that are flat, equal or far stronger than others, values not in SI units, empty averages."""
    if not evoked.nave > 0:
        raise InputError(
            f"The recording says that it is an average of {evoked.nave:g} trials, on which its noise depends; set "
            "evoked.nave to their true number."
        )
    if np.iscomplexobj(evoked.data):
        raise InputError("The data are complex numbers, such as spectra; localise them before their transform.")
    invalid = [name for name, row in zip(evoked.ch_names, evoked.data, strict=True) if not np.isfinite(row).all()]
    if invalid:
        raise InputError(f"NaN or infinite values in {few(invalid)}; {_as_bad(invalid)}.")
    kinds = np.array(evoked.get_channel_types())
    for kind in dict.fromkeys(kinds):
        names = [name for name, other in zip(evoked.ch_names, kinds, strict=True) if other == kind]
        _check_kind(kind, names, evoked.data[kinds == kind])


def _check_kind(kind: str, names: list[str], data: np.ndarray) -> None:
    """Check the channels of one type."""
    if data.shape[1] == 1:
        _check_unit(kind, float(np.median(np.abs(data))))
        return
    if flat := _flat(names, data):
        raise InputError(f"The signal is flat in {few(flat)}; {_as_bad(flat)} (a reference electrode, too).")
    _check_unit(kind, float(np.median(data.std(axis=1))))
    if loud := _loud(names, data):
        raise InputError(
            f"The signal is more than {LOUD_SHARE:.0f} times that of other channels in {few(loud)}; {_as_bad(loud)}."
        )
    if equal := [pair for pair, share in _differences(names, data) if share <= EQUAL_SHARE]:
        shown = few([f"{one} and {other}" for one, other in equal])
        spare = list(dict.fromkeys(other for _, other in equal))
        raise InputError(f"Channels have the same signal ({shown}); keep one of each: {_as_bad(spare)}.")


def without_signal_or_excess(evoked: mne.Evoked) -> dict[str, str]:
    """Return channels that are flat, or far stronger than the others of their type, and what is wrong with each.

    Data in other units than SI, single samples, and types most of whose channels are flat are for `check_data`.
    """
    found: dict[str, str] = {}
    kinds = np.array(evoked.get_channel_types())
    for kind in dict.fromkeys(kinds) if len(evoked.times) > 1 else ():
        names = [name for name, other in zip(evoked.ch_names, kinds, strict=True) if other == kind]
        data = evoked.data[kinds == kind]
        if np.isfinite(data).all() and np.median(np.ptp(data, axis=1)) > 0:
            found |= dict.fromkeys(_flat(names, data), "flat")
            found |= dict.fromkeys(_loud(names, data), f"more than {LOUD_SHARE:.0f} times as strong as the others")
    return found


def _flat(names: list[str], data: np.ndarray) -> list[str]:
    spread = np.ptp(data, axis=1)
    return [name for name, size in zip(names, spread, strict=True) if size <= FLAT_SHARE * np.median(spread)]


def _loud(names: list[str], data: np.ndarray) -> list[str]:
    deviation = data.std(axis=1)
    return [name for name, size in zip(names, deviation, strict=True) if size > LOUD_SHARE * np.median(deviation)]


def _check_unit(kind: str, size: float) -> None:
    least, most, unit = LIMITS[kind]
    if size > most:
        raise InputError(
            f"The {kind.upper()} values are about {size:.2g} {unit}, far beyond any brain signal: they were "
            f"probably written in micro- or femto-units; scale them to {unit} before saving the recording."
        )
    if size < least:
        raise InputError(
            f"The {kind.upper()} values are about {size:.2g} {unit}, far below any brain signal: they were probably "
            f"scaled twice; scale them to {unit} before saving the recording."
        )


def bridged(evoked: mne.Evoked) -> str:
    """Name the pairs of electrodes whose signals are nearly the same, in words."""
    names = [name for name, kind in zip(evoked.ch_names, evoked.get_channel_types(), strict=True) if kind == "eeg"]
    if not names:
        return "no EEG used"
    pairs = [pair for pair, share in _differences(names, evoked.get_data("eeg")) if share <= BRIDGED_SHARE]
    return few([f"{one} and {other}" for one, other in pairs]) or "none"


def _differences(names: list[str], data: np.ndarray) -> list[tuple[tuple[str, str], float]]:
    """How much the courses of channels differ, as a share of the larger one; pairs with less than a tenth only."""
    if data.shape[1] < LEAST_TIMES:
        return []
    data = data - data.mean(axis=1, keepdims=True)
    size = np.linalg.norm(data, axis=1)
    alike = np.corrcoef(data) > 0.99
    return [
        ((names[one], names[other]), float(np.linalg.norm(data[one] - data[other]) / max(size[one], size[other])))
        for one, other in combinations(range(len(names)), 2)
        if alike[one, other]
    ]


def _as_bad(names: list[str]) -> str:
    return f"mark what is wrong as bad, for example `bads={tuple(names[:8])!r}`"


def few(names: list[str], most: int = 8) -> str:
    """Name the first few."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
