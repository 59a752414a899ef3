"""The noise covariance of a recording: given, estimated from the baseline, or assumed."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import mne
import numpy as np
from mne.proj import make_projector

from headwater._utils.errors import InputError
from headwater.localization.noise_span import NAMES, Span, spans
from headwater.solvers.inputs.shrinkage import (
    cross_validated_intensity,
    effective_samples,
    oracle_intensity,
    time_folds,
)

# With fewer baseline samples than this, a covariance describes chance rather than noise.
MIN_BASELINE_SAMPLES = 20

# A given covariance whose standard deviation differs from that of the baseline by more than this factor was estimated
# in another band, or from other trials.
LEVELS = 2.0

ROUNDED = 1e-7  # s


@dataclass(frozen=True, eq=False)
class Noise:
    """The noise of a recording.

    Attributes
    ----------
    covariance : mne.Covariance
        Of single trials, for the channels of the recording; it carries the projections.
    words : str
        Where it comes from.
    n_effective : float | None
        Number of independent samples it was estimated from; None where it is assumed or exact.
    measured : bool
        False where typical sensor noise was assumed.
    """

    covariance: mne.Covariance
    words: str
    n_effective: float | None
    measured: bool


def read_noise_cov(path: Path | str) -> mne.Covariance:
    """Read a noise covariance that MNE-Python has written."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"The noise covariance {path} does not exist; check `noise_cov`.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return mne.read_cov(path, verbose="ERROR")
    except Exception as error:  # MNE-Python raises many things for a foreign or truncated file
        raise InputError(
            f"{path} cannot be read as a noise covariance; write one with mne.write_cov (*-cov.fif)."
        ) from error


def estimate_noise(
    evoked: mne.Evoked,
    epochs: mne.BaseEpochs | None,
    noise_cov: mne.Covariance | None,
    *,
    regularize: bool = True,
) -> Noise:
    """Return the noise covariance of single trials for the channels of ``evoked``.

    Given, or else estimated from the time before zero (of the trials, or of the average scaled by its number of
    trials), or else, with no baseline either, MNE-Python's diagonal of typical sensor noise.

    Parameters
    ----------
    evoked : mne.Evoked
        With all projections applied.
    epochs : mne.BaseEpochs | None
        The trials it is the average of.
    noise_cov : mne.Covariance | None
    regularize : bool
        Shrink each sensor type towards equal and independent noise, within the directions that the recording has: as
        the effective number of samples requires, and for a baseline at least as far as cross-validation over trials
        (or stretches of time) does. False keeps a given covariance exactly, and estimates the sample covariance of a
        baseline.
    """
    trials = _projected_trials(evoked, epochs)
    if noise_cov is not None:
        noise = _given(evoked, trials, noise_cov, regularize=regularize)
        nave = evoked.nave if epochs is None else 1
        noise = replace(noise, words=noise.words + _other_level(noise.covariance, trials, nave))
    elif has_baseline(trials.times) and int(before_zero(trials.times).sum()) * len(trials) >= MIN_BASELINE_SAMPLES:
        noise = _from_baseline(evoked, trials, of_average=epochs is None, regularize=regularize)
    else:
        noise = Noise(
            mne.make_ad_hoc_cov(evoked.info, verbose="ERROR"),
            "assumed: typical sensor noise, independent between channels (no baseline)",
            None,
            measured=False,
        )
    noise.covariance["projs"] = deepcopy(evoked.info["projs"])  # solvers take them from here
    noise.covariance["bads"] = []
    return noise


def has_baseline(times: np.ndarray) -> bool:
    """Whether there is a baseline: several samples before time zero, and others after it."""
    return int(before_zero(times).sum()) > 1 and times[-1] > 0


def before_zero(times: np.ndarray) -> np.ndarray:
    """Return which times lie before zero; that of a sample at zero may be a rounding error away from it."""
    return np.asarray(times < -ROUNDED)


def default_baseline(times: np.ndarray) -> tuple[float, float]:
    """Return first and last time before zero; a response, or the artefact of a stimulus, may begin at zero itself."""
    return float(times[0]), float(times[before_zero(times)][-1])


def _projected_trials(evoked: mne.Evoked, epochs: mne.BaseEpochs | None) -> mne.EpochsArray:
    """Trials of the channels of ``evoked``, with its projections applied and the baseline subtracted."""
    if epochs is None:
        data, first = evoked.data[np.newaxis], evoked.times[0]
    else:
        data, first = epochs.get_data(picks=evoked.ch_names, copy=True), epochs.times[0]
    projector, _, _ = make_projector(evoked.info["projs"], evoked.ch_names)
    info = evoked.info.copy()  # its projections are marked as applied
    trials = mne.EpochsArray(projector @ data, info, tmin=first, proj=False, verbose="ERROR")
    times = trials.times
    return trials.apply_baseline(default_baseline(times), verbose="ERROR") if has_baseline(times) else trials


def _given(evoked: mne.Evoked, trials: mne.EpochsArray, noise_cov: mne.Covariance, *, regularize: bool) -> Noise:
    missing = [name for name in evoked.ch_names if name not in noise_cov.ch_names]
    if missing:
        raise InputError(
            f"The noise covariance lacks {len(missing)} channels of the recording, such as {missing[0]}; give one "
            "computed from this recording, or mark the channels as bad with `bads`."
        )
    noise_cov = noise_cov.copy().pick_channels(evoked.ch_names, ordered=True, verbose="ERROR")
    n_samples = int(noise_cov["nfree"])
    if noise_cov["diag"] or n_samples <= 1:
        return Noise(noise_cov, "as given", None, measured=True)
    data = trials.get_data(copy=False)
    before = before_zero(trials.times)
    quiet = data[:, :, before] if before.sum() >= MIN_BASELINE_SAMPLES else data
    n_effective = effective_samples(list(quiet), n_samples)
    words = f"as given ({n_samples} samples, about {n_effective:.0f} of them independent)"
    if not regularize or noise_cov.get("method", "empirical") != "empirical":
        return Noise(noise_cov, words, n_effective, measured=True)
    matrix = noise_cov["data"]
    found = spans(evoked, np.hstack(list(data)))
    intensities = [oracle_intensity(_within(span, matrix), n_effective) for span in found]
    regularized = _covariance(evoked, _shrunk(matrix, found, intensities), n_samples)
    return Noise(regularized, f"{words}, {_said(found, intensities)}", n_effective, measured=True)


def _other_level(noise_cov: mne.Covariance, trials: mne.EpochsArray, nave: int) -> str:
    """Say where the baseline holds much more noise than a covariance, or much less; empty where they agree.

    Parameters
    ----------
    noise_cov : mne.Covariance
        Of single trials.
    trials : mne.EpochsArray
        With projections applied; an average of ``nave`` trials counts as one.
    nave : int
    """
    baseline = trials.get_data(copy=False)[:, :, before_zero(trials.times)]
    if not has_baseline(trials.times) or baseline.shape[0] * baseline.shape[2] < MIN_BASELINE_SAMPLES:
        return ""
    projector, _, _ = make_projector(trials.info["projs"], trials.ch_names)
    matrix = np.diag(noise_cov.data) if noise_cov["diag"] else noise_cov.data
    expected = np.diag(projector @ matrix @ projector.T)
    held = nave * baseline.var(axis=2).mean(axis=0)
    kinds = np.array(trials.get_channel_types())
    levels = {kind: (held[kinds == kind].mean(), expected[kinds == kind].mean()) for kind in np.unique(kinds)}
    factors = {kind: np.sqrt(here / given) for kind, (here, given) in levels.items() if given > 0}
    far = [f"{one:.2g} times ({NAMES[kind]})" for kind, one in factors.items() if not 1 / LEVELS <= one <= LEVELS]
    return f"; the baseline holds noise of another level: {', '.join(far)} the given one" if far else ""


def _from_baseline(evoked: mne.Evoked, trials: mne.EpochsArray, *, of_average: bool, regularize: bool) -> Noise:
    data = trials.get_data(copy=False)
    before = before_zero(trials.times)
    baseline = data[:, :, before]
    samples = np.hstack(list(baseline))
    n_trials, n_samples = len(trials), samples.shape[1]
    nfree = n_samples - n_trials  # each trial has lost its mean
    matrix = samples @ samples.T / nfree
    n_effective = effective_samples(list(baseline), nfree)
    origin = "the baseline of the average" if of_average else f"the baseline of {n_trials} trials"
    words = f"estimated from {origin} ({n_samples} samples, about {n_effective:.0f} of them independent)"
    if regularize:
        found = spans(evoked, np.hstack(list(data)))
        folds = time_folds(n_trials, baseline.shape[2])
        intensities = [
            # Stretches of a short baseline are not independent of their neighbours, which makes too little look enough.
            max(
                cross_validated_intensity(_coordinates(span, samples), folds),
                oracle_intensity(_within(span, matrix), n_effective),
            )
            for span in found
        ]
        matrix, words = _shrunk(matrix, found, intensities), f"{words}, {_said(found, intensities)}"
    if of_average:
        matrix = evoked.nave * matrix  # the noise of an average is smaller by its number of trials
    return Noise(_covariance(evoked, matrix, nfree), words, n_effective, measured=True)


def _coordinates(span: Span, samples: np.ndarray) -> np.ndarray:
    """Coordinates of samples in the basis, without unit, shape (rank, n_samples)."""
    return np.asarray(span.basis.T @ (samples[span.picks] / span.scale[:, np.newaxis]))


def _within(span: Span, matrix: np.ndarray) -> np.ndarray:
    """Covariance in the basis, without unit, shape (rank, rank)."""
    block = matrix[np.ix_(span.picks, span.picks)] / np.outer(span.scale, span.scale)
    return np.asarray(span.basis.T @ block @ span.basis)


def _shrunk(matrix: np.ndarray, found: list[Span], intensities: list[float]) -> np.ndarray:
    """Shrink each span by its own intensity; covariances between them keep the geometric mean of what is left.

    With ``A`` the square root of what is left, within the spans, this is ``A S A' + T``, which has no negative
    eigenvalue.
    """
    left, target = np.zeros_like(matrix), np.zeros_like(matrix)
    for span, intensity in zip(found, intensities, strict=True):
        block = np.ix_(span.picks, span.picks)
        inside = span.scale[:, np.newaxis] * span.basis
        left[block] = np.sqrt(1 - intensity) * inside @ (span.basis / span.scale[:, np.newaxis]).T
        within = _within(span, matrix)
        target[block] = intensity * np.trace(within) / len(within) * inside @ inside.T
    return np.asarray(left @ matrix @ left.T + target)


def _covariance(evoked: mne.Evoked, matrix: np.ndarray, nfree: int) -> mne.Covariance:
    return mne.Covariance((matrix + matrix.T) / 2, evoked.ch_names, bads=[], projs=[], nfree=nfree)


def _said(found: list[Span], intensities: list[float]) -> str:
    shares = [
        f"{span.name} {intensity:.2g} in {span.basis.shape[1]} directions"
        for span, intensity in zip(found, intensities, strict=True)
    ]
    return "shrunk towards equal, independent noise: " + ", ".join(shares)
