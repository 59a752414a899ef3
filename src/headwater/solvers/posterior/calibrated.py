"""Posteriors that were widened or narrowed so that their intervals hold on other heads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from headwater.solvers.posterior.contract import Posterior, check_vertices


@dataclass(frozen=True, eq=False)
class Widths:
    """How the standard deviation of a posterior is corrected at each time point.

    The variance of a component of source ``s`` becomes ``(T sd_s)^2 + (share |m_s|)^2 + (floor max |m|)^2``, with ``m``
    the posterior mean: an error in proportion to the current itself, and one in proportion to the strongest current, of
    which a posterior of learned variances knows nothing where it has removed all sources.

    Attributes
    ----------
    temperature, share, floor : array of shape (n_times,)
    """

    temperature: np.ndarray
    share: np.ndarray
    floor: np.ndarray

    def at(self, times: np.ndarray) -> Widths:
        """Return those of some time points."""
        return Widths(self.temperature[times], self.share[times], self.floor[times])

    def added(self, mean: np.ndarray) -> np.ndarray:
        """Return the standard deviation of the additional error, shape (n_sources, n_times), from the mean."""
        length = np.linalg.norm(mean, axis=1)
        added: np.ndarray = np.hypot(self.share * length, self.floor * length.max(axis=0))
        return added


@dataclass(frozen=True, eq=False)
class CalibratedPosterior(Posterior):
    """A posterior with corrected widths; the mean is unchanged.

    Parameters
    ----------
    inner : Posterior
    widths : Widths
    """

    inner: Posterior
    widths: Widths

    @cached_property
    def mean(self) -> np.ndarray:
        """Posterior mean in A m."""
        return self.inner.mean

    @cached_property
    def _added(self) -> np.ndarray:
        return self.widths.added(self.mean)

    @property
    def sd(self) -> np.ndarray:
        """Corrected standard deviation in A m."""
        return np.hypot(self.widths.temperature * self.inner.sd, self._added[:, np.newaxis])

    def covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Corrected covariance of some sources in (A m)^2; the additional errors are independent."""
        return self._corrected(self.inner.covariance(vertices), vertices)

    def prior_covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Prior covariance in (A m)^2, corrected alike."""
        return self._corrected(self.inner.prior_covariance(vertices), vertices)

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draw currents in A m."""
        mean = self.mean
        rng = np.random.default_rng([seed, 1])
        drawn = mean + self.widths.temperature * (self.inner.sample(n, seed) - mean)
        return drawn + self._added[:, np.newaxis] * rng.standard_normal(drawn.shape)

    def at(self, times: np.ndarray) -> CalibratedPosterior:
        """Return the posterior at some time points."""
        times = np.atleast_1d(times)
        return replace(self, inner=self.inner.at(times), widths=self.widths.at(times))

    def without_channels(self, vertex: int) -> np.ndarray:
        """Posterior mean of one source in A m if one channel at a time were left out."""
        return self.inner.without_channels(vertex)

    def _corrected(self, covariance: np.ndarray, vertices: np.ndarray) -> np.ndarray:
        vertices = check_vertices(vertices, len(self._added))
        same = vertices[:, np.newaxis] == vertices
        n_orient = covariance.shape[1] // len(vertices)
        added = self._added[vertices].T ** 2
        extra = np.kron(added[:, :, np.newaxis] * same, np.eye(n_orient)[np.newaxis])
        return self.widths.temperature[:, np.newaxis, np.newaxis] ** 2 * covariance + extra
