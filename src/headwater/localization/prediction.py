"""What estimated currents predict at the sensors."""

from __future__ import annotations

import numpy as np
from mne.proj import make_projector

from headwater.forward.leadfield import LeadField


def gain_matrix(leadfield: LeadField, n_orient: int) -> np.ndarray:
    """Return the gain of estimates with so many orientations, shape (n_channels, n_sources * n_orient)."""
    return (leadfield if n_orient == leadfield.n_orient else leadfield.fixed()).matrix


def predicted(leadfield: LeadField, currents: np.ndarray) -> np.ndarray:
    """Return the sensor data of currents, shape (n_channels, n_times), with the projections of the lead field applied.

    The gain is not projected, and the data are: without the projections, what they removed (the mean of EEG, SSP
    components of MEG) would look like activity that is not explained.

    Parameters
    ----------
    leadfield : LeadField
        That of the solver, ``solver.leadfield_``.
    currents : array of shape (n_sources, n_orient, n_times)
        In A m.
    """
    n_sources, n_orient, n_times = currents.shape
    projector = make_projector(leadfield.info["projs"], leadfield.ch_names)[0]
    return np.asarray(projector @ (gain_matrix(leadfield, n_orient) @ currents.reshape(n_sources * n_orient, n_times)))
