"""A solver for one recording, with everything chosen that it chooses from data."""

from __future__ import annotations

import mne
import numpy as np

from headwater.forward.leadfield import LeadField
from headwater.solvers.base import Kind, unfitted
from headwater.solvers.inputs.recording import check_recording, segments


def chosen(
    solver: Kind,
    leadfield: LeadField,
    noise_cov: mne.Covariance | np.ndarray | None,
    recording: mne.Evoked | mne.BaseEpochs | mne.io.BaseRaw | np.ndarray,
) -> Kind:
    """Fit a solver, and let it choose from a recording what it chooses from data.

    ``chosen(ELORETA(lambda2="auto"), leadfield, noise_cov, evoked)`` is an eLORETA whose ``lambda2`` is the number that
    suits the whole of ``evoked``. It can be applied to other recordings, and has its kernel. A solver that chooses
    nothing is only fitted, so that this serves in place of ``fit`` for all of them.

    Parameters
    ----------
    solver : Solver
        Left unchanged.
    leadfield : LeadField
    noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
        Of single trials; the number of averaged trials of an `mne.Evoked` is taken into account.
    recording : mne.Evoked | mne.Epochs | mne.io.Raw | array of shape (..., n_channels, n_times)
        Crop it to the window of interest. An array is in units of ``noise_cov``, of the good channels.

    Returns
    -------
    solver : Solver
        A new one, fitted.
    """
    fitted = unfitted(solver).fit(leadfield, noise_cov)
    if isinstance(recording, np.ndarray):
        return fitted.adapted(recording)
    check_recording(recording, fitted.leadfield_)
    data = np.concatenate(list(segments(recording, fitted.leadfield_.ch_names)), axis=1)
    return fitted.adapted(data, recording.nave if isinstance(recording, mne.Evoked) else 1)
