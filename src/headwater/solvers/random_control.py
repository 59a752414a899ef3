"""A random control: an estimate that ignores where the sources are."""

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
    """Random control: currents that have nothing to do with the lead field, the lower bound of every table.

    The estimate is ``x = K W y`` with independent standard normal entries in ``K``: whatever the data, a map of
    independent Gaussian currents, another one for each direction that data can have. Only the strength is taken from
    lead field and data: on average these currents would cause signals of the power of the whitened data.

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
        """Draw the operator; each channel, found by its name, has its own numbers."""
        white = whiten(leadfield, noise_cov, self.rank)
        n_sources, n_orient = white.gain.shape[1:]
        drawn = np.empty((n_sources * n_orient, white.leadfield.n_channels))
        for column, name in enumerate(white.leadfield.ch_names):
            rng = np.random.default_rng([self.seed, crc32(name.encode())])
            drawn[:, column] = rng.standard_normal(len(drawn))
        scale = 1.0 / np.linalg.norm(white.gain)
        self.n_orient_ = n_orient
        # The symmetric root does not depend on the order of the channels, nor on how the whitener is rotated.
        self.kernel_ = scale * drawn @ symmetric_power(white.whitener.T @ white.whitener, 0.5)
        self.leadfield_ = white.leadfield
        return self
