"""The pseudo-inverse."""

from __future__ import annotations

from typing import ClassVar, Self

import mne
import numpy as np
from scipy import linalg

from headwater.forward.leadfield import LeadField
from headwater.solvers.inputs.whitening import Rank, whiten
from headwater.solvers.linear.kernel import LinearSolver


class MoorePenrose(LinearSolver):
    """Moore-Penrose inverse of the whitened lead field: the currents of least norm that explain the data completely.

    There is no regularisation, so the noise is explained as well. Raise ``rcond`` to exclude components to which the
    sensors are hardly sensitive.

    Parameters
    ----------
    rcond : float | None
        Singular values below this fraction of the largest one are excluded. None: those below the rounding error.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.
    """

    title: ClassVar[str] = "Moore-Penrose pseudo-inverse"

    def __init__(self, *, rcond: float | None = None, rank: Rank = None) -> None:
        self.rcond = rcond
        self.rank = rank

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance."""
        white = whiten(leadfield, noise_cov, self.rank)
        rank, n_sources, n_orient = white.gain.shape
        inverse = linalg.pinv(white.gain.reshape(rank, -1), rtol=self.rcond)
        self._learn(inverse.reshape(n_sources, n_orient, rank), white.whitener)
        self.leadfield_ = white.leadfield
        return self
