"""The contract of posteriors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from statistics import NormalDist

import numpy as np

from headwater._utils.errors import InputError
from headwater.solvers.posterior.explanation import evidence


class Posterior(ABC):
    """Gaussian distribution of the source currents, given the data of one recording.

    The currents at different time points are independent, given the variances that the solver assumed or learned.
    Those variances count as known: their own uncertainty is not part of the posterior.
    """

    @property
    @abstractmethod
    def mean(self) -> np.ndarray:
        """Posterior mean in A m, shape (n_sources, n_orient, n_times): the estimate of the solver."""

    @property
    @abstractmethod
    def sd(self) -> np.ndarray:
        """Posterior standard deviation of each component in A m, shape (n_sources, n_orient, n_times)."""

    @abstractmethod
    def covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Posterior covariance of some sources.

        Parameters
        ----------
        vertices : int array of shape (n,)
            Indices of sources.

        Returns
        -------
        covariance : array of shape (n_times, n * n_orient, n * n_orient)
            In (A m)^2; sources vary slowest, as in ``LeadField.matrix``.
        """

    @abstractmethod
    def prior_covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Covariance of some sources before the data, in the shape of `covariance`."""

    @abstractmethod
    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draw from the posterior.

        Parameters
        ----------
        n : int
        seed : int
            The same seed gives the same samples.

        Returns
        -------
        samples : array of shape (n, n_sources, n_orient, n_times)
            In A m. Use `at` first if only some time points matter: the array may be large.
        """

    @abstractmethod
    def at(self, times: np.ndarray) -> Posterior:
        """Return the posterior at some time points.

        Parameters
        ----------
        times : int array of shape (n,)
            Indices of time points.
        """

    @abstractmethod
    def without_channels(self, vertex: int) -> np.ndarray:
        """Posterior mean of one source if one channel at a time were left out, the variances being kept.

        Parameters
        ----------
        vertex : int
            Index of the source.

        Returns
        -------
        means : array of shape (n_channels, n_orient, n_times)
            In A m.
        """

    def explain_channels(self, vertex: int, time: int = 0) -> np.ndarray:
        """Return the share of the current of one source that each channel carries, shape (n_channels,).

        It is the relative change of the posterior mean, along its own direction, if the channel is left out: 1 where
        nothing of the current would remain, negative where the channel speaks against it. The shares need not add up
        to 1, because channels replace each other.

        Parameters
        ----------
        vertex : int
            Index of the source.
        time : int
            Index of the time point.
        """
        here = self.at(np.array([time]))
        mean = here.mean[vertex, :, 0]
        left = here.without_channels(vertex)[:, :, 0]
        power = float(mean @ mean)
        return 1.0 - left @ mean / power if power > 0 else np.zeros(len(left))

    def explain_times(self, vertex: int) -> np.ndarray:
        """Return the evidence that each time point adds for activity of one source, shape (n_times,).

        It is the logarithm of the Bayes factor between the assumed prior of the source and no current there; below 0
        where the data speak against activity. Time points are independent, so this is what the evidence of the window
        loses without the time point.

        Parameters
        ----------
        vertex : int
            Index of the source.
        """
        vertices = np.array([vertex])
        return evidence(self.mean[vertex], self.covariance(vertices), self.prior_covariance(vertices))

    def interval(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Return both ends of the central interval of each component, shape (n_sources, n_orient, n_times), in A m.

        Parameters
        ----------
        level : float
            Posterior probability of the interval, between 0 and 1.
        """
        if not 0 < level < 1:
            raise InputError(f"The level of an interval is {level:g}; it must be a probability between 0 and 1.")
        half = NormalDist().inv_cdf((1 + level) / 2) * self.sd
        return self.mean - half, self.mean + half


def check_count(n: int) -> None:
    """Raise an error for a number of samples that cannot be drawn."""
    if n < 1:
        raise InputError(f"n is {n}; draw at least one sample.")


def check_vertices(vertices: np.ndarray, n_sources: int) -> np.ndarray:
    """Return indices of sources as an array; raise an error for indices that do not exist."""
    vertices = np.atleast_1d(np.asarray(vertices))
    if vertices.ndim != 1 or vertices.dtype.kind not in "iu" or not len(vertices):
        raise InputError("The vertices must be a one-dimensional array of indices of sources.")
    if vertices.min() < 0 or vertices.max() >= n_sources:
        raise InputError(f"The vertices must lie between 0 and {n_sources - 1}, because there are {n_sources} sources.")
    return vertices
