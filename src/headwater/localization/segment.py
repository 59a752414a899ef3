"""Reduce a recording to the one multichannel segment that is to be localised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.localization.components import choose_component, component_maps
from headwater.localization.conditions import event_names, events_of, listed, matching
from headwater.localization.filtering import Band
from headwater.localization.rejection import Reject, trials_in_words, without_artefacts

# A string, for mne.preprocessing takes a while to be imported.
Recording: TypeAlias = "mne.io.BaseRaw | mne.BaseEpochs | mne.Evoked | list[mne.Evoked] | mne.preprocessing.ICA"

# A raw segment longer than this is almost always a forgotten tmin or tmax, and its estimate would fill the memory.
MAX_RAW_SECONDS = 10.0

OPEN = Band()

# The usual window of evoked responses around an event, in s, baseline first.
EPOCH = (-0.2, 0.5)

# Files give times to the sample, people to the millisecond.
SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class Segment:
    """What is to be localised.

    Attributes
    ----------
    evoked : mne.Evoked
        A copy; ``nave`` is the number of trials in it.
    trials : mne.BaseEpochs | None
        The trials it is the average of, where there are any.
    origin : str
        What it is, in words.
    assumptions : dict of str to str
        How trials were chosen, where there were any.
    """

    evoked: mne.Evoked
    trials: mne.BaseEpochs | None
    origin: str
    assumptions: dict[str, str] = field(default_factory=dict)


def select_segment(
    recording: Recording,
    condition: str | int | None = None,
    tmin: float | None = None,
    tmax: float | None = None,
    band: Band = OPEN,
    *,
    epoch: tuple[float, float] = EPOCH,
) -> Segment:
    """Reduce a recording to one multichannel segment.

    Parameters
    ----------
    recording : Raw, Epochs, Evoked, list of Evoked or ICA
    condition : str | int | None
        Name (or index, for averages) of the average, epochs or event to use, or number of the component.
    tmin, tmax : float | None
        Window in seconds. Only a raw recording without condition is cut here; averages keep their baseline, which the
        noise covariance is estimated from, and are cropped after that.
    band : Band
        Filter, applied to as long a piece of the recording as there is.
    epoch : tuple of float
        Window around the events of a raw recording, in seconds.

    Returns
    -------
    segment : Segment
    """
    if isinstance(recording, mne.io.BaseRaw) and condition is None:
        return Segment(_raw_window(recording, tmin, tmax, band), None, "raw segment, not averaged")
    if isinstance(recording, mne.io.BaseRaw):
        return _average(_cut(recording, str(condition), band, epoch), condition, OPEN)
    if isinstance(recording, mne.BaseEpochs):
        return _average(_chosen_epochs(recording, condition), condition, band)
    if isinstance(recording, mne.Evoked | list):
        evoked = _choose_evoked(recording if isinstance(recording, list) else [recording], condition)
        origin = f"average of {evoked.nave} trials, condition {evoked.comment!r}"
        return Segment(band.apply(evoked.copy()), None, origin)
    if isinstance(recording, mne.preprocessing.ICA):
        return _component(recording, condition, band)
    raise InputError(
        f"Cannot localise a {type(recording).__name__}; give mne Raw, Epochs, Evoked or ICA, or the path of a "
        "recording."
    )


def refuse_rejection(segment: Segment, reject: Reject) -> None:
    """Refuse to leave out trials where there are none."""
    if reject is not None and segment.trials is None:
        raise InputError("There are no trials that `reject` could leave out; give epochs, or raw data and `condition`.")


def without_trials(segment: Segment, condition: str | int | None, reject: Reject, good: list[str]) -> Segment:
    """Average again without the trials in which good channels have artefacts."""
    if segment.trials is None or reject is None:
        return segment
    trials = segment.trials.copy()
    trials.info["bads"] = [name for name in trials.ch_names if name not in good]
    return _average(trials, condition, OPEN, reject)


def _component(ica: mne.preprocessing.ICA, condition: str | int | None, band: Band) -> Segment:
    if band != OPEN:
        raise InputError("Components have no course in time to be filtered; filter the recording before its ICA.")
    evoked, origin = choose_component(component_maps(ica), condition)
    return Segment(evoked, None, origin)


def _average(epochs: mne.BaseEpochs, condition: str | int | None, band: Band, reject: Reject = None) -> Segment:
    """Average trials: filtered, without those that have artefacts."""
    name = "all" if condition is None else str(condition)
    trials, rejection = without_artefacts(band.apply(epochs), reject)
    words = trials_in_words(trials)
    if len(trials) == 0:
        raise InputError(f"Condition {name!r} has no trials left ({words}); check the rejection of epochs.")
    with mne.utils.use_log_level("ERROR"):
        evoked = trials.average(picks="all")
    stands_for = [one for one in trials.event_id if one != name] if condition is not None else []
    names = f" ({', '.join(map(str, stands_for))})" if stands_for else ""
    origin = f"average of {evoked.nave} trials, condition {name!r}{names}"
    return Segment(evoked, trials, origin, {"Trials": words, "Rejection of trials": rejection})


def _chosen_epochs(epochs: mne.BaseEpochs, condition: str | int | None) -> mne.BaseEpochs:
    epochs = epochs.copy().load_data()
    if np.iscomplexobj(epochs.get_data(copy=False)):
        raise InputError("The epochs are complex numbers, such as spectra; localise them before their transform.")
    if condition is None:
        return epochs
    names = matching(str(condition), epochs.event_id)
    if not names:
        raise InputError(f"Condition {condition!r} is not in the recording, which has {listed(epochs.event_id)}.")
    return epochs[names]


def _choose_evoked(evokeds: list[mne.Evoked], condition: str | int | None) -> mne.Evoked:
    names = [evoked.comment or "" for evoked in evokeds]
    known = ", ".join(f"{number}: {_short(name)!r}" for number, name in enumerate(names)) or "none"
    if condition is None:
        if len(evokeds) == 1:
            return evokeds[0]
        raise InputError(
            f"The recording holds several conditions; choose one with `condition`, by number or name ({known})."
        )
    found = [] if isinstance(condition, int) else matching(condition, dict.fromkeys(names))
    chosen = [number for number, name in enumerate(names) if name in found]
    if not chosen and str(condition).isdecimal() and int(condition) < len(evokeds):
        chosen = [int(condition)]
    if len(chosen) > 1:
        raise InputError(f"Condition {condition!r} is ambiguous in the recording; choose one by number ({known}).")
    if not chosen:
        raise InputError(f"Condition {condition!r} is not in the recording, which has {known}.")
    return evokeds[chosen[0]]


def _short(name: str, most: int = 60) -> str:
    """Names of averages that MNE-Python makes from many kinds of trials are as long as a page."""
    return name if len(name) <= most else f"{name[:most]}..."


def _raw_window(raw: mne.io.BaseRaw, tmin: float | None, tmax: float | None, band: Band) -> mne.Evoked:
    last = float(raw.times[-1])
    start = 0.0 if tmin is None else tmin
    stop = last if tmax is None else tmax
    check_window(start, stop, 0.0, last)
    if stop - start > MAX_RAW_SECONDS:
        names = event_names(raw)
        advice = f", or an event with `condition` ({listed(names)})" if names else ""
        raise InputError(
            f"The raw segment is {stop - start:.0f} s long; choose at most {MAX_RAW_SECONDS:.0f} s with `tmin` and "
            f"`tmax`{advice}."
        )
    first, final = raw.time_as_index([max(start, 0.0), min(stop, last)], use_rounding=True)
    data = band.apply(raw).get_data(start=first, stop=final + 1)
    return mne.EvokedArray(data, raw.info.copy(), tmin=raw.times[first], comment="raw", nave=1, verbose="ERROR")


def _cut(raw: mne.io.BaseRaw, condition: str, band: Band, epoch: tuple[float, float]) -> mne.Epochs:
    """Cut trials around the events of a condition."""
    events, event_id = events_of(raw, condition)
    start, stop = epoch
    if not -np.inf < start < stop < np.inf or stop - start < 1 / raw.info["sfreq"]:
        raise InputError(f"`epoch={epoch}` is not a window around events; give its start and its end in seconds.")
    return mne.Epochs(
        band.apply(raw),
        events,
        event_id,
        start,
        stop,
        baseline=(None, -1 / raw.info["sfreq"]) if start <= -2 / raw.info["sfreq"] and stop > 0 else None,
        preload=True,
        proj=False,
        event_repeated="drop",  # some systems write the same marker twice
        verbose="ERROR",
    )


def check_window(tmin: float, tmax: float, first: float, last: float) -> None:
    """Refuse a time window that is empty or lies outside the data (times in seconds)."""
    for name, time in (("tmin", tmin), ("tmax", tmax)):
        if not first - SLACK <= time <= last + SLACK:
            raise InputError(
                f"`{name}={time:g}` s is not within the recording ({first:.3f} to {last:.3f} s); give a time that is."
            )
    if tmin > tmax:
        raise InputError(f"The time window {tmin:g} to {tmax:g} s is empty; give `tmin` below `tmax`, in seconds.")


def stimulus_locked(recording: Recording, condition: str | int | None) -> mne.Info | None:
    """Return the info of a recording whose time zero is that of a stimulus; None for raw windows and components."""
    if isinstance(recording, mne.io.BaseRaw) and condition is not None:
        return recording.info
    if isinstance(recording, list) and recording:
        return recording[0].info
    return recording.info if isinstance(recording, mne.Evoked | mne.BaseEpochs) else None
