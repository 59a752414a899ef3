"""The posterior of a linear Gaussian model.

The whitened data at time point ``t`` are ``z_t = G x_t + e_t`` with ``x_t ~ N(0, p_t R)`` and ``e_t ~ N(0, p_t v I)``.
With ``S = G R G' + v I``,

``E[x_t | z_t] = R G' S^-1 z_t``, ``Cov[x_t | z_t] = p_t (R - R G' S^-1 G R)``.

The mean does not depend on the power ``p_t``; the covariance is proportional to it. Everything is computed from the
square root of ``S^-1``, a matrix of channels squared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from headwater.solvers.posterior.contract import Posterior, check_count, check_vertices
from headwater.solvers.posterior.explanation import leave_out_channels
from headwater.solvers.posterior.source_prior import SourcePrior

DRAWN_AT_ONCE = 64  # columns


@dataclass(frozen=True, eq=False)
class GaussianModel:
    """Prior, lead field and noise.

    Attributes
    ----------
    gain : array of shape (rank, n_sources, n_orient)
        ``G``.
    weighted : array of shape (rank, n_sources, n_orient)
        ``G R``.
    prior : SourcePrior
        ``R``.
    noise : float
        ``v``.
    inverse_root : array of shape (n_modes, rank)
        ``T`` with ``T' T = S^-1``.
    whitener : array of shape (rank, n_channels)
    """

    gain: np.ndarray
    weighted: np.ndarray
    prior: SourcePrior
    noise: float
    inverse_root: np.ndarray
    whitener: np.ndarray

    @cached_property
    def crossed(self) -> np.ndarray:
        """``T G R``, shape (n_modes, n_sources, n_orient)."""
        return np.tensordot(self.inverse_root, self.weighted, axes=1)

    @cached_property
    def sd(self) -> np.ndarray:
        """Posterior standard deviation for ``p = 1``, shape (n_sources, n_orient)."""
        left = self.prior.variance() - np.einsum("csi,csi->si", self.crossed, self.crossed)
        return np.sqrt(np.maximum(left, 0.0))

    def estimate(self, white: np.ndarray) -> np.ndarray:
        """Return the posterior mean of whitened data (rank, n), shape (n_sources, n_orient, n)."""
        n_modes, n_sources, n_orient = self.crossed.shape
        found = self.crossed.reshape(n_modes, -1).T @ (self.inverse_root @ white)
        return found.reshape(n_sources, n_orient, -1)

    def likely_power(self, white: np.ndarray) -> np.ndarray:
        """Return the ``p_t`` of maximum likelihood, ``z_t' S^-1 z_t / n_modes``, shape (n_times,)."""
        return np.mean((self.inverse_root @ white) ** 2, axis=0)


@dataclass(frozen=True, eq=False)
class GaussianPosterior(Posterior):
    """Posterior of a `GaussianModel`.

    Parameters
    ----------
    model : GaussianModel
    white : array of shape (rank, n_times)
        Whitened data.
    power : array of shape (n_times,)
        ``p_t``.
    """

    model: GaussianModel
    white: np.ndarray
    power: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Posterior mean in A m."""
        return self.model.estimate(self.white)

    @property
    def sd(self) -> np.ndarray:
        """Posterior standard deviation in A m."""
        return self.model.sd[:, :, np.newaxis] * np.sqrt(self.power)

    def covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Posterior covariance of some sources in (A m)^2."""
        vertices = check_vertices(vertices, self.model.gain.shape[1])
        crossed = self.model.crossed[:, vertices].reshape(len(self.model.crossed), -1)
        single = self.model.prior.covariance(vertices) - crossed.T @ crossed
        return self.power[:, np.newaxis, np.newaxis] * single

    def prior_covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Prior covariance of some sources in (A m)^2."""
        vertices = check_vertices(vertices, self.model.gain.shape[1])
        return self.power[:, np.newaxis, np.newaxis] * self.model.prior.covariance(vertices)

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draw currents in A m.

        A draw of the prior is corrected by the estimate of the difference between the data and what the draw would
        have produced (Matheron's rule), which is exact.
        """
        check_count(n)
        rng = np.random.default_rng(seed)
        n_times = self.white.shape[1]
        drawn = np.empty((n, *self.model.gain.shape[1:], n_times))
        step = max(1, DRAWN_AT_ONCE // max(1, n_times))
        for start in range(0, n, step):
            count = min(step, n - start)
            draws = self._draws(count, rng).reshape(*drawn.shape[1:3], count, n_times)
            drawn[start : start + count] = np.moveaxis(draws, 2, 0)
        return drawn

    def _draws(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw, shape (n_sources, n_orient, count * n_times)."""
        model, rank = self.model, len(self.white)
        scale = np.tile(np.sqrt(self.power), count)
        currents = scale * model.prior.draw(len(scale), rng)
        noise = np.sqrt(model.noise) * scale * rng.standard_normal((rank, len(scale)))
        seen = model.gain.reshape(rank, -1) @ currents.reshape(-1, len(scale)) + noise
        return currents + model.estimate(np.tile(self.white, count) - seen)

    def at(self, times: np.ndarray) -> GaussianPosterior:
        """Return the posterior at some time points."""
        times = np.atleast_1d(times)
        return replace(self, white=self.white[:, times], power=self.power[times])

    def without_channels(self, vertex: int) -> np.ndarray:
        """Posterior mean of one source in A m if one channel at a time were left out."""
        (vertex,) = check_vertices(np.array(vertex), self.model.gain.shape[1])
        model = self.model
        return leave_out_channels(
            model.crossed[:, vertex], model.inverse_root @ self.white, model.inverse_root @ model.whitener
        )
