"""The noise covariance of a segment: given, estimated from the baseline, or assumed."""

from __future__ import annotations

import warnings
from copy import deepcopy
from pathlib import Path

import mne
import numpy as np
from mne.proj import make_projector

from headwater._utils.errors import InputError

# Below this many baseline samples a covariance says more about chance than about noise.
MIN_BASELINE_SAMPLES = 20


def read_noise_cov(path: Path | str) -> mne.Covariance:
    """Read a noise covariance that MNE-Python has written."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"The noise covariance {path} does not exist; check `noise_cov`.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return mne.read_cov(path, verbose="ERROR")
    except Exception as error:  # MNE raises many things on a foreign or truncated file
        raise InputError(
            f"{path} cannot be read as a noise covariance; write one with mne.write_cov (*-cov.fif)."
        ) from error


def noise_covariance(
    evoked: mne.Evoked, epochs: mne.BaseEpochs | None, noise_cov: mne.Covariance | None
) -> tuple[mne.Covariance, str]:
    """Noise covariance of single trials for the channels of ``evoked``, and where it comes from, in words.

    Given, or else estimated with Ledoit-Wolf shrinkage from the time before zero (of the trials, or of the average
    scaled by its number of trials), or else, with no baseline either, MNE-Python's diagonal of typical sensor noise.
    """
    if noise_cov is not None:
        missing = [name for name in evoked.ch_names if name not in noise_cov.ch_names]
        if missing:
            raise InputError(
                f"The noise covariance lacks {len(missing)} channels of the recording, such as {missing[0]}; give one "
                "computed from this recording, or mark the channels as bad with `bads`."
            )
        noise_cov = noise_cov.copy().pick_channels(evoked.ch_names, ordered=True, verbose="ERROR")
        return _with_projs(noise_cov, evoked), "as given"
    trials = _projected_trials(evoked, epochs)
    n_samples = int((trials.times < 0).sum()) * len(trials) if has_baseline(trials.times) else 0
    if n_samples < MIN_BASELINE_SAMPLES:
        assumed = mne.make_ad_hoc_cov(evoked.info, verbose="ERROR")
        return _with_projs(assumed, evoked), "assumed: typical sensor noise, independent between channels (no baseline)"
    with warnings.catch_warnings():
        # MNE warns of few samples for this many channels; that is what the shrinkage is for, and the report says so.
        warnings.simplefilter("ignore", RuntimeWarning)
        estimated = mne.compute_covariance(
            trials,
            tmax=0.0,
            method="ledoit_wolf",
            # Fewer samples than channels span too little of the noise for their rank to be its rank: shrinkage then
            # fills all directions, and the projections that the covariance carries take theirs away again.
            rank=None if n_samples > len(evoked.ch_names) else "full",
            keep_sample_mean=True,
            on_few_samples="ignore",
            verbose="ERROR",
        )
    words = f"estimated from the baseline ({n_samples} samples of {len(trials)} trials, Ledoit-Wolf shrinkage)"
    if epochs is None:
        estimated["data"] *= evoked.nave  # the average's noise is smaller by its number of trials
        words = f"estimated from the baseline of the average ({n_samples} samples, Ledoit-Wolf shrinkage)"
    return _with_projs(estimated, evoked), words


def _projected_trials(evoked: mne.Evoked, epochs: mne.BaseEpochs | None) -> mne.EpochsArray:
    """Trials of the channels of ``evoked``, with its projections applied and the baseline subtracted."""
    if epochs is None:
        data, first = evoked.data[np.newaxis], evoked.times[0]
    else:
        data, first = epochs.get_data(picks=evoked.ch_names, copy=True), epochs.times[0]
    projector, _, _ = make_projector(evoked.info["projs"], evoked.ch_names)
    info = evoked.info.copy()  # its projections are marked as applied
    trials = mne.EpochsArray(projector @ data, info, tmin=first, proj=False, verbose="ERROR")
    return trials.apply_baseline((None, 0), verbose="ERROR") if has_baseline(trials.times) else trials


def has_baseline(times: np.ndarray) -> bool:
    """Whether there is a baseline up to time zero: one sample alone is none."""
    return int((times <= 0).sum()) > 1


def _with_projs(noise_cov: mne.Covariance, evoked: mne.Evoked) -> mne.Covariance:
    """Let the covariance carry the recording's projections, which solvers take from it."""
    noise_cov["projs"] = deepcopy(evoked.info["projs"])
    noise_cov["bads"] = []
    return noise_cov
