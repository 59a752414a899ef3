"""Random control: an estimate that does not depend on the source positions."""

from __future__ import annotations

from typing import ClassVar, Self
from zlib import crc32

import mne
import numpy as np

from headwater.forward.leadfield import LeadField
from headwater.solvers.algebra.matrices import symmetric_power
from headwater.solvers.inputs.whitening import Rank, whiten
from headwater.solvers.linear.kernel import LinearSolver


class Random(LinearSolver):
    """Random control: currents that are independent of the lead field, as the chance level of every comparison.

    The estimate is ``x = K W y`` with independent standard normal entries in ``K``. For any data, it is a map of
    independent Gaussian currents that depends on the direction of the data vector. Only the amplitude depends on the
    lead field: on average, the signals of these currents have the power of the whitened data.

    Parameters
    ----------
    seed : int
        The same seed, sources and channel names give the same control.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.
    """

    title: ClassVar[str] = "random control"

    def __init__(self, *, seed: int = 0, rank: Rank = None) -> None:
        self.seed = seed
        self.rank = rank

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Draw the operator. The random numbers of a channel depend on its name only."""
        white = whiten(leadfield, noise_cov, self.rank)
        n_sources, n_orient = white.gain.shape[1:]
        drawn = np.empty((n_sources * n_orient, white.leadfield.n_channels))
        for column, name in enumerate(white.leadfield.ch_names):
            rng = np.random.default_rng([self.seed, crc32(name.encode())])
            drawn[:, column] = rng.standard_normal(len(drawn))
        scale = 1.0 / np.linalg.norm(white.gain)
        self.n_orient_ = n_orient
        # The symmetric root depends neither on the order of the channels nor on a rotation of the whitener.
        self.kernel_ = scale * drawn @ symmetric_power(white.whitener.T @ white.whitener, 0.5)
        self.leadfield_ = white.leadfield
        return self
