"""Fit a solver and fix its data-dependent parameters for one recording."""

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
    """Fit a solver and choose its data-dependent parameters from a recording.

    ``chosen(ELORETA(lambda2="auto"), leadfield, noise_cov, evoked)`` returns an eLORETA solver whose ``lambda2`` is a
    number, chosen from all time points of ``evoked``. It can be applied to other recordings, and it has a kernel. For a
    solver without data-dependent parameters, this is equivalent to ``fit``.

    Parameters
    ----------
    solver : Solver
        It is not modified.
    leadfield : LeadField
    noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
        Noise covariance of single trials; the number of averaged trials of an `mne.Evoked` is taken into account.
    recording : mne.Evoked | mne.Epochs | mne.io.Raw | array of shape (..., n_channels, n_times)
        Recording, cropped to the time window of interest. An array contains the good channels, in units that match
        ``noise_cov``.

    Returns
    -------
    solver : Solver
        A new, fitted solver.

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> leadfield = hw.make_leadfield(head, hw.montage_info(head, "biosemi16"), spacing=30.0, method="sphere")
    >>> samples = hw.simulate(leadfield, hw.presets.PIUNET, n=1)
    >>> solver = hw.solvers.chosen(hw.solvers.ELORETA(lambda2="auto"), leadfield, None, samples.y[0].numpy())
    >>> isinstance(solver.lambda2, float)
    True
    """
    fitted = unfitted(solver).fit(leadfield, noise_cov)
    if isinstance(recording, np.ndarray):
        return fitted.adapted(recording)
    check_recording(recording, fitted.leadfield_)
    data = np.concatenate(list(segments(recording, fitted.leadfield_.ch_names)), axis=1)
    return fitted.adapted(data, recording.nave if isinstance(recording, mne.Evoked) else 1)
