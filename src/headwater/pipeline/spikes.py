"""Interictal spikes of a continuous recording, found by the envelope of each channel."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from scipy.fft import next_fast_len
from scipy.interpolate import interp1d
from scipy.signal import hilbert

from headwater._utils.errors import InputError
from headwater.pipeline.settings import Spikes

SPIKE = "spike"  # the annotation, and so the name of the condition
WINDOW_S, STEP_S = 5.0, 1.0  # background of the threshold: 80 % overlap
MERGED_S = 0.12  # maxima closer than that are one discharge
TOGETHER_S = 0.05  # how far apart channels may have their maxima
EDGE_S = 0.5  # of the filter, at both ends and at gaps


@dataclass(frozen=True, eq=False)
class FoundSpikes:
    """Spikes of a recording.

    Attributes
    ----------
    onsets : array of shape (n_spikes,)
        Times of the largest field power, in s from the first sample.
    n_channels : array of int of shape (n_spikes,)
        Channels whose envelope exceeded its threshold.
    """

    onsets: np.ndarray
    n_channels: np.ndarray


def find_spikes(raw: mne.io.BaseRaw, how: Spikes | None = None) -> FoundSpikes:
    """Find interictal spikes.

    Each channel is filtered to 10-60 Hz and its Hilbert envelope taken. In windows of 5 s, the envelope of the
    background has a log-normal distribution, whose mode and median give a threshold that follows the background:
    ``threshold * (mode + median)``. Local maxima above it are candidates; those within 120 ms are one discharge. The
    method is published for intracranial recordings; in EEG and MEG several channels see a spike at once, so that it
    counts only where at least ``how.channels`` exceed their thresholds within 50 ms. Its time is that of the largest
    standard deviation over channels nearby, in the band of the recording.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        Bad channels, and what is annotated as bad, are left out.
    how : Spikes | None

    Returns
    -------
    found : FoundSpikes

    References
    ----------
    Janca, R. et al. (2015). Detection of interictal epileptiform discharges using signal envelope distribution
    modelling: application to epileptic and non-epileptic intracranial recordings. Brain Topography 28, 172-183.

    Examples
    --------
    >>> import mne, numpy as np
    >>> from headwater.pipeline import find_spikes
    >>> noise = np.random.default_rng(0).standard_normal((8, 6000))
    >>> noise[:3, 3000] += 40  # one sharp wave of three channels, at 12 s
    >>> raw = mne.io.RawArray(1e-5 * noise, mne.create_info(8, 250.0, "eeg"), verbose="error")
    >>> find_spikes(raw).onsets.round(1)
    array([12.])
    """
    how = how or Spikes()
    sfreq = float(raw.info["sfreq"])
    picks = mne.pick_types(raw.info, eeg=True, meg=True, exclude="bads")
    if len(picks) < how.channels or len(raw.times) < (WINDOW_S + 2 * EDGE_S) * sfreq:
        raise InputError(
            f"Spikes cannot be searched for in {len(picks)} good channels of {raw.times[-1]:.1f} s; `channels` asks "
            f"for {how.channels}, and the recording must be longer than {WINDOW_S + 2 * EDGE_S:g} s."
        )
    low, high = how.band
    high = min(high, 0.45 * sfreq, float(raw.info["lowpass"] or np.inf))
    if not low < high:
        raise InputError(f"The recording ends at {high:g} Hz, below the band of spikes; set `band` lower.")
    data = raw.get_data(picks=picks)
    good = _good(raw)
    counts = np.zeros(len(raw.times), dtype=int)
    for channel in data:
        counts += _near_peaks(channel, sfreq, (low, high), how.threshold, good)
    return _together(counts, data.std(axis=0), how.channels, sfreq)


def with_spikes(raw: mne.io.BaseRaw, how: Spikes) -> tuple[mne.io.BaseRaw, str]:
    """Mark the spikes that are found, and say how many there are."""
    found = find_spikes(raw, how)
    if not len(found.onsets):
        raise InputError("No spike was found; lower `threshold` or `channels` of `spikes`, or mark spikes as events.")
    raw = raw.copy()
    # Added in place: set anew without a date, those that there are would move by the time of the first sample.
    raw.annotations.append(found.onsets + raw.first_time, np.zeros(len(found.onsets)), SPIKE)
    rate = 60 * len(found.onsets) / (raw.times[-1] + 1 / raw.info["sfreq"])
    return raw, f"{len(found.onsets)} found ({rate:.1f} a minute), each in {np.median(found.n_channels):.0f} channels"


def _good(raw: mne.io.BaseRaw) -> np.ndarray:
    """Return which samples are not annotated as bad, away from the edges of the filter."""
    sfreq = raw.info["sfreq"]
    edge = round(EDGE_S * sfreq)
    good = np.ones(len(raw.times), dtype=bool)
    good[:edge] = good[-edge:] = False
    for one in raw.annotations:
        if one["description"].upper().startswith(("BAD", "EDGE")):
            start = one["onset"] - raw.first_time
            first, last = round(start * sfreq) - edge, round((start + one["duration"]) * sfreq) + edge
            good[max(first, 0) : max(last, 0)] = False
    return good


def _near_peaks(
    channel: np.ndarray, sfreq: float, band: tuple[float, float], threshold: float, good: np.ndarray
) -> np.ndarray:
    """Return whether each sample lies within 50 ms of a discharge of this channel."""
    filtered = mne.filter.filter_data(channel, sfreq, *band, method="iir", verbose="ERROR")
    envelope = np.abs(hilbert(filtered, next_fast_len(len(filtered)))[: len(filtered)])
    over = (envelope > threshold * _background(envelope, sfreq)) & good
    near = np.zeros(len(envelope), dtype=bool)
    reach = round(TOGETHER_S * sfreq)
    for peak in _highest_of_each(np.flatnonzero(over), envelope, round(MERGED_S * sfreq)):
        near[max(peak - reach, 0) : peak + reach + 1] = True
    return near


def _background(envelope: np.ndarray, sfreq: float) -> np.ndarray:
    """Return mode plus median of the log-normal distribution of the envelope around each sample."""
    width, step = round(WINDOW_S * sfreq), round(STEP_S * sfreq)
    starts = np.arange(0, len(envelope) - width + 1, step)
    logs = np.log(np.maximum(envelope, np.finfo(float).tiny))
    mean, deviation = np.array([(logs[at : at + width].mean(), logs[at : at + width].std()) for at in starts]).T
    level = np.exp(mean - deviation**2) + np.exp(mean)
    centres = starts + width / 2
    if len(starts) == 1:
        return np.full(len(envelope), level[0])
    ends = (level[0], level[-1])
    return np.asarray(interp1d(centres, level, bounds_error=False, fill_value=ends)(np.arange(len(envelope))))


def _highest_of_each(samples: np.ndarray, values: np.ndarray, apart: int) -> list[int]:
    """Return the highest sample of each group; a gap of more than ``apart`` samples begins a new one."""
    if not len(samples):
        return []
    groups = np.split(samples, np.flatnonzero(np.diff(samples) > apart) + 1)
    return [int(group[values[group].argmax()]) for group in groups]


def _together(counts: np.ndarray, power: np.ndarray, least: int, sfreq: float) -> FoundSpikes:
    """Return discharges that enough channels show, at the time of their largest field power."""
    samples = np.flatnonzero(counts >= least)
    apart = round(MERGED_S * sfreq)
    groups = np.split(samples, np.flatnonzero(np.diff(samples) > apart) + 1) if len(samples) else []
    onsets = np.array([group[power[group].argmax()] for group in groups], dtype=int)
    return FoundSpikes(onsets / sfreq, np.array([counts[group].max() for group in groups], dtype=int))
