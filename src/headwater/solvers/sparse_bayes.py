"""Sparse Bayesian learning: every source has its own prior variance, and most variances are estimated as zero.

The model of the whitened data is ``Z = G x + noise`` with ``x_s ~ N(0, g_s I)`` for all orientations of a source and
all time points, and noise ``N(0, v I)``. The variances maximise the evidence, that is, they minimise
``log det S + tr(S^-1 Z Z') / n_times`` with ``S = v I + sum_s g_s G_s G_s'``. The estimate is the posterior mean
``x_s = g_s G_s' S^-1 Z``. Most variances converge to zero (Wipf & Nagarajan 2009, NeuroImage 44:947).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar, Self

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.algebra.topographies import compact
from headwater.solvers.base import Solver, check_data
from headwater.solvers.inputs.whitening import Rank, whiten
from headwater.solvers.posterior.gaussian import GaussianModel, GaussianPosterior
from headwater.solvers.posterior.source_prior import BlockPrior
from headwater.solvers.sparse.evidence import CONVEX_BOUNDING, LEARNED_NOISE, MACKAY, RELATIVE_NOISE, NoiseLevel, Update


@dataclass(frozen=True, eq=False)
class SparseEstimate:
    """Estimate and learned variances for one sample, and the convergence of the optimisation.

    Attributes
    ----------
    currents : array of shape (n_sources, n_orient, n_times)
        Posterior mean in A m; exactly zero for inactive sources.
    variance : array of shape (n_sources,)
        Prior variance of each orientation, in (A m)^2.
    noise_variance : float
        Noise variance of the whitened data: 1 if the noise covariance is correct.
    costs : array of shape (n_iter,)
        ``log det S + tr(S^-1 Z Z') / n_times`` for each iteration, with the data scaled to a mean power of 1.
    change : float
        Change of the cost per channel in the last iteration.
    converged : bool
    """

    currents: np.ndarray
    variance: np.ndarray
    noise_variance: float
    costs: np.ndarray
    change: float
    converged: bool


class SparseBayes(Solver):
    """Base class of Champagne and gamma-MAP.

    The posterior is that of the learned variances, as if they were known: it is narrow around sources that were
    removed, and says nothing of their having been removed wrongly.

    Parameters
    ----------
    update : Update
        Update rule of the variances: `ConvexBounding`, `MacKay` or `ExpectationMaximization`.
    noise : NoiseLevel
        `RelativeNoise`, `LearnedNoise` or `KnownNoise`. With the first two, the estimate scales with the data.
    max_iter : int
        Maximum number of iterations; a warning is issued if they do not converge.
    eps : float
        The iteration has converged when it changes the cost per channel by less than this. The cost is twice the
        negative log evidence per time point.
    prune : float
        A source whose share of the modelled signal falls below this fraction of the largest share is removed.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.
    """

    has_posterior: ClassVar[bool] = True
    update: Update
    noise: NoiseLevel
    max_iter: int
    eps: float
    prune: float
    rank: Rank

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance.

        Attributes
        ----------
        whitener_ : array of shape (rank, n_channels)
        gain_ : array of shape (rank, n_sources, n_orient)
        """
        if self.max_iter < 1 or not self.eps > 0:
            raise InputError(f"max_iter is {self.max_iter} and eps is {self.eps}; both must be positive.")
        white = whiten(leadfield, noise_cov, self.rank)
        self.whitener_, self.gain_ = white.whitener, white.gain
        self.leadfield_ = white.leadfield
        return self

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Return the posterior mean for data of shape (..., n_channels, n_times), each sample separately."""
        data = check_data(data, self)
        white = self.whitener_ @ data
        out = np.zeros((*data.shape[:-2], *self.gain_.shape[1:], data.shape[-1]), data.dtype)
        samples = out.reshape(-1, *out.shape[-3:])
        changes = []
        for index, sample in enumerate(white.reshape(-1, *white.shape[-2:])):
            found = self._learned(sample.astype(np.float64, copy=False))
            samples[index] = found.currents
            if not found.converged:
                changes.append(found.change)
        self._warn(changes, len(samples))
        return out

    def _warn(self, changes: list[float], n_samples: int) -> None:
        """Warn of samples that did not converge, given how much their evidence still changed."""
        if changes:
            warnings.warn(
                f"The evidence of {len(changes)} of {n_samples} samples still changed by up to {max(changes):.1e} "
                f"per channel after {self.max_iter} iterations; raise max_iter, or raise eps (now {self.eps:g}).",
                RuntimeWarning,
                stacklevel=3,
            )

    def learn_from(self, data: np.ndarray) -> SparseEstimate:
        """Return estimate and learned variances for one sample of shape (n_channels, n_times)."""
        data = check_data(data, self)
        if data.ndim != 2:
            raise InputError(f"The data have shape {data.shape}; provide one sample of shape (n_channels, n_times).")
        return self._learned(self.whitener_ @ data.astype(np.float64, copy=False))

    def _posterior(self, data: np.ndarray) -> GaussianPosterior:
        white = self.whitener_ @ data
        found = self._learned(white)
        self._warn([] if found.converged else [found.change], 1)
        n_orient = self.gain_.shape[2]
        scale = found.noise_variance or 1.0  # the model is in units of the noise
        variance = found.variance / scale
        weighted = self.gain_ * variance[:, np.newaxis]
        gram = weighted.reshape(len(white), -1) @ self.gain_.reshape(len(white), -1).T
        values, vectors = np.linalg.eigh(gram)
        root = vectors.T / np.sqrt(np.maximum(values, 0.0) + 1.0)[:, np.newaxis]
        prior = BlockPrior(variance[:, np.newaxis, np.newaxis] * np.eye(n_orient))
        model = GaussianModel(self.gain_, weighted, prior, 1.0, root, self.whitener_)
        return GaussianPosterior(model, white, np.full(white.shape[1], found.noise_variance))

    def _learned(self, white: np.ndarray) -> SparseEstimate:
        rank, n_sources, n_orient = self.gain_.shape
        currents, variance = np.zeros((n_sources, n_orient, white.shape[1])), np.zeros(n_sources)
        power = float(np.mean(white**2)) if white.size else 0.0
        if power == 0.0:
            return SparseEstimate(currents, variance, 0.0, np.zeros(0), 0.0, True)
        seen = np.sum(self.gain_**2, axis=(0, 2))
        visible = np.flatnonzero(seen > 0)
        gain = self.gain_[:, visible] / np.sqrt(seen[visible])[:, np.newaxis]
        signals = compact(white / np.sqrt(power)) / np.sqrt(white.shape[1])
        state = self._learn(gain, signals, self.noise.start(power))
        active = visible[state.active]
        variance[active] = state.share / seen[active]
        filters = (self.gain_[:, active] * variance[active, np.newaxis]).reshape(rank, -1).T
        explained = filters @ (state.inverse_root.T @ (state.inverse_root @ white))
        currents[active] = explained.reshape(len(active), n_orient, -1)
        change, noise = state.change(rank), power * state.noise
        return SparseEstimate(currents, power * variance, noise, np.array(state.costs), change, change < self.eps)

    def _learn(self, gain: np.ndarray, signals: np.ndarray, noise: float) -> _State:
        """Maximise the evidence.

        Parameters
        ----------
        gain : array of shape (rank, n_sources, n_orient)
            Whitened gain, with unit power for every source: all start with the same share of the signal, whatever
            their depth.
        signals : array of shape (rank, n)
            Signals with the second moment ``Z Z' / n_times`` and a mean power of 1.
        noise : float
        """
        rank, n_sources, n_orient = gain.shape
        active, share = np.arange(n_sources), np.full(n_sources, rank / n_sources)
        costs: list[float] = []
        while True:
            inverse_root, cost = _model(gain, share, noise, signals)
            costs.append(cost)
            state = _State(active, share, noise, inverse_root, costs)
            if state.change(rank) < self.eps or len(costs) == self.max_iter:
                return state
            unmixed = inverse_root @ signals
            mixing = inverse_root @ gain.reshape(rank, -1)
            precision = _mean_square(mixing, n_orient)
            power = share**2 * _mean_square(unmixed.T @ mixing, n_orient)
            share = self.update(share, power, precision)
            noise = self.noise.update(noise, float(np.sum((inverse_root.T @ unmixed) ** 2) / np.sum(inverse_root**2)))
            on = share > self.prune * share.max(initial=0.0)
            if not on.all():
                active, share, gain = active[on], share[on], gain[:, on]


@dataclass(frozen=True, eq=False)
class _State:
    """State of the optimisation: variances of the active sources, noise, root of the inverse model covariance."""

    active: np.ndarray
    share: np.ndarray
    noise: float
    inverse_root: np.ndarray
    costs: list[float]

    def change(self, rank: int) -> float:
        """Return the change of the cost per channel in the last iteration."""
        return abs(self.costs[-2] - self.costs[-1]) / rank if len(self.costs) > 1 else np.inf


def _mean_square(columns: np.ndarray, n_orient: int) -> np.ndarray:
    """Return the sum of squares of columns (n, n_sources * n_orient), averaged over the orientations of each source."""
    return np.einsum("cs,cs->s", columns, columns).reshape(-1, n_orient).mean(axis=1)


def _model(gain: np.ndarray, share: np.ndarray, noise: float, signals: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the root ``R`` of the inverse model covariance, ``S^-1 = R' R``, and the cost.

    Parameters
    ----------
    gain : array of shape (rank, n_active, n_orient)
        Whitened gain, with unit power for each source.
    share : array of shape (n_active,)
    noise : float
    signals : array of shape (rank, n)
        Signals with the second moment ``Z Z' / n_times``.
    """
    rank = len(gain)
    spread = (gain * np.sqrt(share)[:, np.newaxis]).reshape(rank, -1)
    model = spread @ spread.T
    model[np.diag_indices(rank)] += noise
    lower = np.linalg.cholesky(model)
    inverse_root = np.linalg.inv(lower)
    cost = 2 * np.sum(np.log(np.diag(lower))) + np.sum((inverse_root @ signals) ** 2)
    return inverse_root, float(cost)


class Champagne(SparseBayes):
    """Champagne: sparse Bayesian learning for correlated sources (Wipf, Owen, Attias, Sekihara & Nagarajan 2010).

    NeuroImage 49:641, with one variance for all orientations of a source, convex bounding and a learned noise level.

    Parameters
    ----------
    update, noise, max_iter, eps, prune, rank
        As in `SparseBayes`.
    """

    def __init__(
        self,
        *,
        update: Update = CONVEX_BOUNDING,
        noise: NoiseLevel = LEARNED_NOISE,
        max_iter: int = 2000,
        eps: float = 1e-6,
        prune: float = 1e-8,
        rank: Rank = None,
    ) -> None:
        self.update = update
        self.noise = noise
        self.max_iter = max_iter
        self.eps = eps
        self.prune = prune
        self.rank = rank


class GammaMap(SparseBayes):
    """Gamma-MAP: sparse Bayesian learning with MacKay's update (Wipf & Nagarajan 2009).

    With fixed orientations, ``noise=KnownNoise(alpha)`` gives the sources of :func:`mne.inverse_sparse.gamma_map`. With
    three orientations, MNE-Python divides MacKay's update by three, so that its variances do not maximise the evidence;
    it finds the same sources with somewhat smaller amplitudes.

    Parameters
    ----------
    update, noise, max_iter, eps, prune, rank
        As in `SparseBayes`.
    """

    title: ClassVar[str] = "Gamma-MAP"

    def __init__(
        self,
        *,
        update: Update = MACKAY,
        noise: NoiseLevel = RELATIVE_NOISE,
        max_iter: int = 2000,
        eps: float = 1e-6,
        prune: float = 1e-8,
        rank: Rank = None,
    ) -> None:
        self.update = update
        self.noise = noise
        self.max_iter = max_iter
        self.eps = eps
        self.prune = prune
        self.rank = rank
