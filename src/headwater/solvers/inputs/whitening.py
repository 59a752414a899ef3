"""Whitening: a transformation after which the noise of EEG and of MEG is uncorrelated and has unit variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mne
import numpy as np
from mne.proj import make_projector

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.inputs.recording import eeg_average_projection, make_average_projection

Rank = dict[str, int] | str | None

# Covariances in files have single precision: slightly negative eigenvalues of the correlation matrix are rounding
# errors. A matrix with eigenvalues below this limit is not a covariance.
NEGATIVE_EIGENVALUE = -1e-4


@dataclass(frozen=True, eq=False)
class Whitened:
    """A whitened lead field.

    Attributes
    ----------
    leadfield : LeadField
        Lead field of the good channels; its ``info`` contains all projections that the whitener applies.
    whitener : array of shape (rank, n_channels)
        ``W C W' = I`` for EEG and MEG separately (as in MNE-Python, correlations between their noise are ignored). It
        has no rows for directions removed by projections or by rank deficiency.
    gain : array of shape (rank, n_sources, n_orient)
        ``W G``.
    """

    leadfield: LeadField
    whitener: np.ndarray
    gain: np.ndarray


def whiten(leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None, rank: Rank = None) -> Whitened:
    """Whiten a lead field with a noise covariance.

    Projections of the lead field's info and of the covariance are applied. EEG has no absolute reference; its mean over
    electrodes is therefore always removed.

    Parameters
    ----------
    leadfield : LeadField
    noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
        An array has the channels of the lead field. None: the identity, for a single sensor type only.
    rank : dict | str | None
        As in :func:`mne.compute_rank`: None estimates it from the covariance.
    """
    covariance = as_covariance(noise_cov, leadfield, "noise covariance")
    leadfield = good_channels(leadfield, covariance)
    covariance = covariance.pick_channels(leadfield.ch_names, ordered=True, verbose="error")
    _check_covariance(covariance)
    projs = [*leadfield.info["projs"], *covariance["projs"]]
    if "eeg" in leadfield.ch_types and not eeg_average_projection(projs):
        projs.append(make_average_projection(leadfield.info))
    leadfield = _with_projections(leadfield, projs)
    whitener, _ = mne.cov.compute_whitener(
        covariance, leadfield.info, rank=rank, pca=True, on_rank_mismatch="ignore", verbose="error"
    )
    whitener = whitener @ make_projector(projs, leadfield.ch_names)[0]
    gain = (whitener @ leadfield.matrix).reshape(len(whitener), leadfield.n_sources, leadfield.n_orient)
    return Whitened(leadfield, whitener, gain)


def as_covariance(covariance: mne.Covariance | np.ndarray | None, leadfield: LeadField, what: str) -> mne.Covariance:
    """Return a covariance as an MNE object: a copy with all good channels of the lead field."""
    if isinstance(covariance, mne.Covariance):
        known = {*covariance.ch_names, *covariance["bads"], *leadfield.info["bads"]}
        missing = [name for name in leadfield.ch_names if name not in known]
        if missing:
            raise InputError(
                f"The {what} lacks {len(missing)} channels of the lead field, such as {missing[0]}; use one that has "
                "these channels, or pick the channels of the lead field."
            )
        return covariance.copy()
    n_channels = leadfield.n_channels
    if covariance is None:
        if len(set(leadfield.ch_types)) > 1:
            raise InputError(
                f"Sensors of several types ({', '.join(sorted(set(leadfield.ch_types)))}) can only be combined with a "
                f"{what}; provide one, for example mne.make_ad_hoc_cov(info)."
            )
        covariance = np.eye(n_channels)
    covariance = np.asarray(covariance, dtype=float)
    if covariance.shape != (n_channels, n_channels):
        raise InputError(
            f"The {what} has shape {covariance.shape}, but the lead field has {n_channels} channels; "
            f"use an array of shape ({n_channels}, {n_channels})."
        )
    return mne.Covariance(covariance, leadfield.ch_names, bads=[], projs=[], nfree=1)


def good_channels(leadfield: LeadField, covariance: mne.Covariance) -> LeadField:
    """Exclude channels that are bad in the lead field's info or in the covariance."""
    bads = {*leadfield.info["bads"], *covariance["bads"]}
    names = [name for name in leadfield.ch_names if name not in bads]
    if not names:
        raise InputError("All channels of the lead field are marked as bad; keep at least one good channel.")
    return leadfield.pick(names)


def _check_covariance(covariance: mne.Covariance) -> None:
    """Raise an error if a matrix is not a covariance. Rank deficiency is common and accepted."""
    data, names = covariance["data"], covariance.ch_names
    if not np.isfinite(data).all():
        raise InputError("The noise covariance contains NaN or infinite values; estimate it again from clean data.")
    variance = data if covariance["diag"] else np.diag(data)
    flat = [name for name, value in zip(names, variance, strict=True) if value <= 0]
    if flat:
        raise InputError(f"The noise covariance is singular: {_channels(flat)} no noise; mark flat channels as bad.")
    if covariance["diag"]:
        return
    correlation = data / np.sqrt(np.outer(variance, variance))
    if not np.allclose(correlation, correlation.T, atol=-NEGATIVE_EIGENVALUE):
        raise InputError("The noise covariance is not symmetric; estimate it again.")
    if np.linalg.eigvalsh(correlation)[0] < NEGATIVE_EIGENVALUE * len(names):
        raise InputError("The noise covariance has negative eigenvalues; estimate it again.")


def _channels(names: Sequence[str]) -> str:
    return f"channel {names[0]} has" if len(names) == 1 else f"channels {', '.join(names[:4])} have"


def _with_projections(leadfield: LeadField, projs: list[mne.Projection]) -> LeadField:
    """Return the lead field with these projections in its info; the gain is shared and not projected."""
    info = leadfield.info.copy()
    with info._unlock():  # noqa: SLF001 (MNE-Python has no public way)
        info["projs"] = [mne.Projection(**proj) for proj in projs]
    return replace(leadfield, info=info)
