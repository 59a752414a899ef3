"""Reduce a recording to the one multichannel segment that is to be localised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import mne

from headwater._utils.errors import InputError
from headwater.localization.components import choose_component, component_maps
from headwater.localization.filtering import Band

# A string, for mne.preprocessing takes a while to be imported.
Recording: TypeAlias = "mne.io.BaseRaw | mne.BaseEpochs | mne.Evoked | list[mne.Evoked] | mne.preprocessing.ICA"

# A raw segment longer than this is almost always a forgotten tmin or tmax, and its estimate would fill the memory.
MAX_RAW_SECONDS = 10.0

OPEN = Band()

# Epochs cut around annotations of a raw recording: the usual window of evoked responses, baseline first.
EVENT_WINDOW = (-0.2, 0.5)


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
    """

    evoked: mne.Evoked
    trials: mne.BaseEpochs | None
    origin: str


def select_segment(
    recording: Recording,
    condition: str | int | None = None,
    tmin: float | None = None,
    tmax: float | None = None,
    band: Band = OPEN,
) -> Segment:
    """Reduce a recording to one multichannel segment.

    Parameters
    ----------
    recording : Raw, Epochs, Evoked, list of Evoked or ICA
    condition : str | int | None
        Name (or index, for averages) of the average, epochs or annotation to use, or number of the component.
    tmin, tmax : float | None
        Window in seconds. Only a raw recording without condition is cut here; averages keep their baseline, which the
        noise covariance is estimated from, and are cropped after that.
    band : Band
        Filter, applied to as long a piece of the recording as there is.

    Returns
    -------
    segment : Segment
    """
    if isinstance(recording, mne.Evoked):
        recording = [recording]
    if isinstance(recording, list):
        evoked = band.apply(_choose_evoked(recording, condition).copy())
        return Segment(evoked, None, f"average of {evoked.nave} trials, condition {evoked.comment!r}")
    if isinstance(recording, mne.io.BaseRaw):
        if condition is None:
            return Segment(_raw_window(recording, tmin, tmax, band), None, "raw segment, not averaged")
        recording, band = _epochs_at_annotations(recording, str(condition), band), OPEN
    if isinstance(recording, mne.preprocessing.ICA):
        if band != OPEN:
            raise InputError("Components have no course in time to be filtered; filter the recording before its ICA.")
        evoked, origin = choose_component(component_maps(recording), condition)
        return Segment(evoked, None, origin)
    if not isinstance(recording, mne.BaseEpochs):
        raise InputError(
            f"Cannot localise a {type(recording).__name__}; give mne Raw, Epochs, Evoked or ICA, or the path of a "
            "recording."
        )
    epochs = recording
    if condition is not None:
        if str(condition) not in epochs.event_id and str(condition) not in _hierarchical(epochs.event_id):
            raise InputError(f"Condition {condition!r} is not in the recording, which has {_names(epochs.event_id)}.")
        epochs = epochs[str(condition)]
    if len(epochs) == 0:
        raise InputError(f"Condition {condition!r} has no trials left; check the rejection of epochs.")
    epochs = band.apply(epochs)
    with mne.utils.use_log_level("ERROR"):
        evoked = epochs.average(picks="all")
    return Segment(evoked, epochs, f"average of {evoked.nave} trials, condition {condition or 'all'!r}")


def _hierarchical(event_id: dict[str, int]) -> set[str]:
    """All tags of names such as ``visual/left``, which MNE-Python selects by too."""
    return {tag for name in event_id for tag in name.split("/")}


def _names(names: object) -> str:
    return ", ".join(repr(name) for name in names) or "none"  # type: ignore[attr-defined]


def _choose_evoked(evokeds: list[mne.Evoked], condition: str | int | None) -> mne.Evoked:
    names = [evoked.comment for evoked in evokeds]
    known = ", ".join(f"{number}: {_short(name)!r}" for number, name in enumerate(names)) or "none"
    if condition is None:
        if len(evokeds) == 1:
            return evokeds[0]
        raise InputError(
            f"The recording holds several conditions; choose one with `condition`, by number or name ({known})."
        )
    if isinstance(condition, int) or str(condition) not in names:
        try:
            return evokeds[int(condition)]
        except (ValueError, IndexError):
            raise InputError(f"Condition {condition!r} is not in the recording, which has {known}.") from None
    return evokeds[names.index(str(condition))]


def _short(name: str, most: int = 60) -> str:
    """Names of averages that MNE-Python makes from many kinds of trials are as long as a page."""
    return name if len(name) <= most else f"{name[:most]}..."


def _raw_window(raw: mne.io.BaseRaw, tmin: float | None, tmax: float | None, band: Band) -> mne.Evoked:
    start = 0.0 if tmin is None else tmin
    stop = float(raw.times[-1]) if tmax is None else tmax
    check_window(start, stop, 0.0, float(raw.times[-1]))
    if stop - start > MAX_RAW_SECONDS:
        known = sorted(set(raw.annotations.description))
        advice = f", or an annotation with `condition` ({_names(known)})" if known else ""
        raise InputError(
            f"The raw segment is {stop - start:.0f} s long; choose at most {MAX_RAW_SECONDS:.0f} s with `tmin` and "
            f"`tmax`{advice}."
        )
    segment = band.apply(raw).copy().crop(max(start, 0.0), min(stop, float(raw.times[-1]))).load_data()
    info = segment.info.copy()
    return mne.EvokedArray(segment.get_data(), info, tmin=max(start, 0.0), comment="raw", nave=1, verbose="ERROR")


def _epochs_at_annotations(raw: mne.io.BaseRaw, condition: str, band: Band) -> mne.Epochs:
    known = sorted(set(raw.annotations.description))
    if condition not in known:
        raise InputError(
            f"Condition {condition!r} is not among the annotations of the raw recording, which are {_names(known)}; "
            "cut epochs with MNE-Python, or localise a window with `tmin` and `tmax`."
        )
    events, event_id = mne.events_from_annotations(raw, {condition: 1}, verbose="ERROR")
    return mne.Epochs(
        band.apply(raw),
        events,
        event_id,
        *EVENT_WINDOW,
        baseline=(None, 0),
        preload=True,
        proj=False,
        event_repeated="drop",  # some systems write the same marker twice
        verbose="ERROR",
    )


def check_window(tmin: float, tmax: float, first: float, last: float) -> None:
    """Refuse a time window that is empty or lies outside the data (times in seconds)."""
    slack = 1e-3  # files give times to the sample, people to the millisecond
    for name, time in (("tmin", tmin), ("tmax", tmax)):
        if not first - slack <= time <= last + slack:
            raise InputError(
                f"`{name}={time:g}` s is not within the recording ({first:.3f} to {last:.3f} s); give a time that is."
            )
    if tmin > tmax:
        raise InputError(f"The time window {tmin:g} to {tmax:g} s is empty; give `tmin` below `tmax`, in seconds.")
