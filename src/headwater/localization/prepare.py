"""From a recording to everything that a solver needs: data, lead field and noise covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import shorten

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.utils import logger

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.head.model import Head
from headwater.localization.bad_channels import NOT_LOOKED_FOR, BadChannels, find_bad_channels
from headwater.localization.channels import in_words, recognised
from headwater.localization.checks import pick_sensors, without_bad
from headwater.localization.filtering import Band, default_band
from headwater.localization.leadfield_file import read_leadfield
from headwater.localization.montages import with_montage
from headwater.localization.noise import Noise, default_baseline, estimate_noise, has_baseline, read_noise_cov
from headwater.localization.options import Baseline, RecordingOptions, with_options
from headwater.localization.placing import computed_leadfield, given_leadfield, place
from headwater.localization.segment import (
    SLACK,
    Recording,
    check_window,
    refuse_rejection,
    select_segment,
    stimulus_locked,
    without_trials,
)
from headwater.localization.values import bridged, check_data, without_signal_or_excess
from headwater.solvers.inputs.recording import eeg_average_projection, make_average_projection

# Characters of an assumption in the log; `Prepared.assumptions` has all of them.
LOGGED = 110

# Recordings whose samples follow each other in time; maps of components do not.
IN_TIME = mne.io.BaseRaw | mne.BaseEpochs | mne.Evoked | list

SENSORS = {"eeg": "EEG", "mag": "magnetometers", "grad": "gradiometers"}


@dataclass(frozen=True, eq=False)
class Prepared:
    """A recording that any solver can localise.

    Attributes
    ----------
    evoked : mne.Evoked
        The window to localise: good channels only, projections applied.
    whole : mne.Evoked
        The same before it was cropped to the window, with the baseline where there is one.
    trials : mne.BaseEpochs | None
        The trials that were averaged, filtered, with all channels and without projections; None where only an average
        or a raw segment was given.
    leadfield : LeadField
        Of the channels of ``evoked``, with its projections.
    noise : Noise
        Its covariance and what that was estimated from.
    head : Head | None
        None where only a forward solution was given.
    assumptions : dict of str to str
        What was taken as given, in words.
    """

    evoked: mne.Evoked
    whole: mne.Evoked
    trials: mne.BaseEpochs | None
    leadfield: LeadField
    noise: Noise
    head: Head | None
    assumptions: dict[str, str]

    @property
    def noise_cov(self) -> mne.Covariance:
        """Noise covariance of single trials; it carries the projections."""
        return self.noise.covariance


@with_options(RecordingOptions)
def prepare(recording: Recording, options: RecordingOptions) -> Prepared:
    """Reduce a recording to the data, lead field and noise covariance that solvers take.

    The parameters are those of :func:`headwater.analyze`.
    """
    return prepared_by(recording, options)


def prepared_by(recording: Recording, options: RecordingOptions) -> Prepared:
    """Reduce a recording to the data, lead field and noise covariance that solvers take."""
    forward, noise_cov = _loaded(options)
    band = _band(recording, options)
    segment = select_segment(recording, options.condition, options.tmin, options.tmax, band, epoch=options.epoch)
    refuse_rejection(segment, options.reject)
    measured = segment.evoked
    evoked = pick_sensors(measured, options.sensors, _bads(options.bads, noise_cov, measured.ch_names))
    search = options.find_bads and isinstance(recording, IN_TIME)
    bad = BadChannels(without_signal_or_excess(evoked)) if search else NOT_LOOKED_FOR
    evoked = without_bad(evoked, bad.channels)
    check_data(evoked)
    window = _window(evoked, options.tmin, options.tmax)
    evoked, head, leadfield, placed = _located(evoked, measured.info, forward, options)
    if search and segment.trials is not None:
        trials = segment.trials.get_data(picks=evoked.ch_names, copy=False)
        bad = bad.and_also(find_bad_channels(trials, evoked.info, leadfield))
        evoked = without_bad(evoked, bad.channels)
    segment = without_trials(segment, options.condition, options.reject, evoked.ch_names)
    evoked = _with_data_of(evoked, segment.evoked)
    if search:
        bad = bad.and_also(find_bad_channels(evoked.data[np.newaxis], evoked.info, leadfield))
        evoked = without_bad(evoked, bad.channels)
    evoked, corrected = _baseline_corrected(evoked, options.baseline)
    evoked = _projected(evoked)
    noise = estimate_noise(evoked, segment.trials, noise_cov, regularize=options.regularize)
    # The recording's info knows its projections and Maxwell filtering, which the rank of the noise depends on.
    leadfield = replace(leadfield.pick(evoked.ch_names), info=evoked.info.copy())
    assumptions = {
        **{name.capitalize(): words for name, words in leadfield.assumptions.items()},
        "Data": f"{segment.origin}; {window[0]:.3f} to {window[1]:.3f} s",
        **segment.assumptions,
        "Filter": str(band),
        "Bad channels": bad.words,
        "Baseline": corrected,
        "Noise covariance": noise.words,
        **placed,
        **_channels_in_words(evoked, measured.info),
    }
    _log(assumptions)
    return Prepared(evoked.copy().crop(*window), evoked, segment.trials, leadfield, noise, head, assumptions)


def _log(assumptions: dict[str, str]) -> None:
    for name, words in assumptions.items():
        logger.info(shorten(f"{name}: {words}", LOGGED, placeholder=" ..."))


def _loaded(options: RecordingOptions) -> tuple[LeadField | mne.Forward | None, mne.Covariance | None]:
    """Return forward solution and noise covariance, read from their files where paths are given."""
    head, forward, noise_cov = options.head, options.forward, options.noise_cov
    forward = read_leadfield(forward, head) if isinstance(forward, str | Path) else forward
    noise_cov = read_noise_cov(noise_cov) if isinstance(noise_cov, str | Path) else noise_cov
    _check_types(head, forward, noise_cov)
    return forward, noise_cov


def _band(recording: Recording, options: RecordingOptions) -> Band:
    """Return the requested filter, or the default of windows soon after a stimulus."""
    info = stimulus_locked(recording, options.condition)
    if info is None:
        return Band(options.highpass, options.lowpass)
    return default_band(options.highpass, options.lowpass, options.tmin, options.tmax, info["sfreq"])


def _located(
    evoked: mne.Evoked, measured: mne.Info, forward: LeadField | mne.Forward | None, options: RecordingOptions
) -> tuple[mne.Evoked, Head | None, LeadField, dict[str, str]]:
    """Return the data with electrode positions, the head, the lead field, and what was assumed of them."""
    head, placed = options.head, {}
    if options.montage is not None:
        evoked, head, placed["Electrodes"] = with_montage(evoked, options.montage, head)
    if forward is None:
        head, evoked, placed["Head"] = place(evoked, head)
        leadfield = computed_leadfield(head, evoked, measured, options.space, options.spacing, options.method)
    else:
        leadfield = given_leadfield(forward, head, evoked.ch_names)
    return evoked, head, leadfield, placed


def _with_data_of(evoked: mne.Evoked, averaged: mne.Evoked) -> mne.Evoked:
    """Return the same channels, with their positions, of an average over other trials."""
    again = evoked.copy()
    again.data = averaged.get_data(picks=evoked.ch_names)
    again.nave = averaged.nave
    return again


def _check_types(head: object, forward: object, noise_cov: object) -> None:
    """Refuse names, paths, classes and arrays where objects belong."""
    wanted = {
        "head": (head, Head, "hw.template_head() or hw.head_from_subject(...)"),
        "forward": (forward, LeadField | mne.Forward, "mne.read_forward_solution(...) or hw.LeadField.load(...)"),
        "noise_cov": (noise_cov, mne.Covariance, "an mne.Covariance, such as mne.read_cov(...)"),
    }
    for name, (given, kind, advice) in wanted.items():
        if given is not None and not isinstance(given, kind):
            raise InputError(f"`{name}` is {str(given)[:60]!r}, which cannot be used; give {advice}.")


def _bads(given: tuple[str, ...] | str, noise_cov: mne.Covariance | None, ch_names: list[str]) -> tuple[str, ...]:
    """Return the given bad channels and, as MNE-Python does, those that were bad for the noise covariance."""
    before = [] if noise_cov is None else [name for name in noise_cov["bads"] if name in ch_names]
    return (given, *before) if isinstance(given, str) else (*given, *before)


def _window(evoked: mne.Evoked, tmin: float | None, tmax: float | None) -> tuple[float, float]:
    first, last = float(evoked.times[0]), float(evoked.times[-1])
    start = (max(first, 0.0) if last >= 0 else first) if tmin is None else tmin
    stop = last if tmax is None else tmax
    check_window(start, stop, first, last)
    return max(start, first), min(stop, last)


def _baseline_corrected(evoked: mne.Evoked, baseline: Baseline) -> tuple[mne.Evoked, str]:
    """Subtract the mean of the baseline; "auto": of the time before zero, unless that has been done already."""
    if baseline is None:
        return evoked, "none"
    if baseline == "auto" and evoked.baseline is not None:
        return evoked, f"corrected in the recording ({evoked.baseline[0]:.3f} to {evoked.baseline[1]:.3f} s)"
    if baseline == "auto" and not has_baseline(evoked.times):
        return evoked, "none"
    start, stop = default_baseline(evoked.times) if baseline == "auto" else baseline
    start = float(evoked.times[0]) if start is None else start
    stop = float(evoked.times[-1]) if stop is None else stop
    if not evoked.times[0] - SLACK <= start <= stop <= evoked.times[-1] + SLACK:
        raise InputError(
            f"`baseline={baseline}` is not within the data ({evoked.times[0]:.3f} to {evoked.times[-1]:.3f} s); give "
            "its start and its end in seconds."
        )
    within = (max(start, float(evoked.times[0])), min(stop, float(evoked.times[-1])))
    return evoked.copy().apply_baseline(within, verbose="ERROR"), f"mean of {start:.3f} to {stop:.3f} s subtracted"


def _projected(evoked: mne.Evoked) -> mne.Evoked:
    """Project the mean out of EEG and apply all projections, as every inverse method here expects."""
    evoked = evoked.copy()
    if "eeg" in evoked and not eeg_average_projection(evoked.info["projs"]):
        evoked.add_proj(make_average_projection(evoked.info), verbose="ERROR")
    with evoked.info._unlock():  # whatever reference there was, it is gone
        evoked.info["custom_ref_applied"] = FIFF.FIFFV_MNE_CUSTOM_REF_OFF
    return evoked.apply_proj(verbose="ERROR")


def _channels_in_words(evoked: mne.Evoked, measured: mne.Info) -> dict[str, str]:
    """Say which channels are used, and how."""
    kinds = evoked.get_channel_types()
    return {
        "Sensors": ", ".join(f"{kinds.count(kind)} {SENSORS[kind]}" for kind in SENSORS if kind in kinds),
        "Left out by name": in_words(recognised(measured)),
        "Bridged electrodes": bridged(evoked),
        "EEG reference": "average of the good electrodes" if "eeg" in evoked else "no EEG used",
        "Projections": ", ".join(proj["desc"] for proj in evoked.info["projs"]) or "none",
    }
