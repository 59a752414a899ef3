"""Mixed-norm estimates, computed by MNE-Python's optimiser."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from mne.inverse_sparse.mxne_optim import iterative_mixed_norm_solver, mixed_norm_solver, norm_l2inf

from headwater.solvers.base import check_data
from headwater.solvers.group_lasso import GroupPenaltySolver, reduced_times
from headwater.solvers.inputs.whitening import Rank
from headwater.solvers.linear.prior import Loose

# MNE-Python's penalties are percentages of the largest one. The reweighting, which takes square roots, and the
# tolerances of the bias correction depend on the scale of the data: here it is that of a typical whitened evoked
# response.
PER_CENT, DATA_NORM = 100.0, 100.0
# Number of sources added to MNE-Python's active set at a time (its default); the optimiser is block coordinate descent.
OPTIONS = {"active_set_size": 10, "dgap_freq": 10, "solver": "bcd"}
NOT_CONVERGED = "Did NOT converge"


class MixedNormSolver(GroupPenaltySolver):
    """Base class of MxNE and irMxNE: whitening, weights and the loop over samples.

    Parameters
    ----------
    alpha : float
        Penalty as a fraction of the smallest one for which no source is active, which scales with the data. Above 0
        and below 1; a hundredth of the ``alpha`` of :func:`mne.inverse_sparse.mixed_norm`.
    debias : bool
        Correct the amplitudes of the active sources, which the penalty makes too small, by a fit to the data.
    loose, exponent, rank
        As in `GroupLasso`.
    tol : float
        Largest duality gap, relative to the power of the data.
    max_iter : int
        Maximum number of iterations; a warning is issued if they do not converge.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        debias: bool = True,
        loose: Loose = "auto",
        exponent: float = 0.8,
        tol: float = 1e-4,
        max_iter: int = 3000,
        rank: Rank = None,
    ) -> None:
        self.alpha = alpha
        self.debias = debias
        self.loose = loose
        self.exponent = exponent
        self.tol = tol
        self.max_iter = max_iter
        self.rank = rank

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Solve one problem for each sample of data of shape (..., n_channels, n_times)."""
        data = check_data(data, self)
        white = self.whitener_ @ data.astype(float, copy=False)
        samples = white.reshape(-1, *white.shape[-2:])
        currents = np.zeros((len(samples), *self.gain_.shape[1:], white.shape[-1]))
        missed = 0
        for sample, out in zip(samples, currents, strict=True):
            if sample.any():
                out[:], converged = self._scaled_solution(sample)
                missed += not converged
        if missed:
            warnings.warn(
                f"{type(self).__name__} has not converged for {missed} of {len(samples)} samples after "
                f"{self.max_iter} iterations; raise max_iter, tol or alpha.",
                RuntimeWarning,
                stacklevel=2,
            )
        currents = self.scaling_ @ currents
        return currents.reshape(*white.shape[:-2], *currents.shape[1:]).astype(data.dtype, copy=False)

    def _scaled_solution(self, sample: np.ndarray) -> tuple[np.ndarray, bool]:
        """Solve for whitened data (rank, n_times), scaled for MNE-Python's optimiser; return whether it converged."""
        n_sources, n_orient = self.gain_.shape[1:]
        reduced, back = reduced_times(sample[np.newaxis])
        norm = DATA_NORM / np.linalg.norm(reduced[0])
        scaled = norm * reduced[0]
        gain = self.gain_.reshape(len(self.gain_), -1)
        gain_scale = PER_CENT / norm_l2inf(gain.T @ scaled, n_orient)
        options = {
            "alpha": PER_CENT * self.alpha,
            "maxit": self.max_iter,
            "tol": self.tol * np.sum(scaled**2),
            "debias": self.debias,
            "n_orient": n_orient,
            "verbose": "warning",
            **OPTIONS,
        }
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found, active = self._solve(scaled, gain_scale * gain, options)
        x = np.zeros((n_sources * n_orient, scaled.shape[1]))
        x[active] = gain_scale / norm * found
        x = x if back is None else x @ back[0]
        converged = not any(NOT_CONVERGED in str(warning.message) for warning in caught)
        return x.reshape(n_sources, n_orient, -1), converged

    @abstractmethod
    def _solve(self, data: np.ndarray, gain: np.ndarray, options: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the currents of the active columns of the gain, shape (n_active, n_times), and a mask of these."""


class MxNE(MixedNormSolver):
    """Mixed-norm estimate (Gramfort, Kowalski & Hämäläinen 2012, Phys. Med. Biol. 57:1937), as in MNE-Python.

    Few sources, each active at all time points of a sample. The optimisation problem is that of `GroupLasso`, which
    solves it faster and more accurately for many samples; in addition, the amplitudes are corrected afterwards.

    Parameters
    ----------
    alpha, debias, loose, exponent, tol, max_iter, rank
        As in `MixedNormSolver`.
    """

    def _solve(self, data: np.ndarray, gain: np.ndarray, options: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        return mixed_norm_solver(data, gain, **options)[:2]


class IRMxNE(MixedNormSolver):
    """Iteratively reweighted MxNE (Strohmeier et al. 2016, IEEE Trans. Med. Imaging 35:2218), as in MNE-Python.

    The penalty is the sum of the square roots of the norms instead of the norms. Fewer sources are found, and the bias
    of their amplitudes is small. The problem has several minima; iterative reweighting finds one of them. In
    MNE-Python, the number of sources depends on the scale of the data. Here the whitened data are first scaled to a
    norm of 100; for data of that norm, both implementations agree.

    Parameters
    ----------
    alpha, debias, loose, exponent, tol, max_iter, rank
        As in `MixedNormSolver`.
    n_mxne_iter : int
        Maximum number of reweightings.
    """

    title: ClassVar[str] = "irMxNE"

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        debias: bool = True,
        loose: Loose = "auto",
        exponent: float = 0.8,
        n_mxne_iter: int = 10,
        tol: float = 1e-4,
        max_iter: int = 3000,
        rank: Rank = None,
    ) -> None:
        super().__init__(
            alpha=alpha, debias=debias, loose=loose, exponent=exponent, tol=tol, max_iter=max_iter, rank=rank
        )
        self.n_mxne_iter = n_mxne_iter

    def _solve(self, data: np.ndarray, gain: np.ndarray, options: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        return iterative_mixed_norm_solver(data, gain, n_mxne_iter=self.n_mxne_iter, **options)[:2]
