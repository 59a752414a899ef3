"""Group Lasso, ``min_x |y - G x|^2 / 2 + alpha sum_s |x_s|``, for many samples at once, with a duality gap.

``x_s`` contains all orientations and time points of source ``s``, and ``|.|`` is the Euclidean (Frobenius) norm. A
source is therefore active as a whole or not at all. The dual problem has one variable per channel and time point,
``max_u <y, u> - |u|^2 / 2`` with ``|G_s' u| <= alpha`` for every source. The duality gap is an upper bound of the
distance from the minimum of the objective. Since few sources are active, each round solves the problem on a working set
only; the sources that violate the constraint most are then added to it (Gramfort, Kowalski & Hämäläinen 2012, Phys.
Med. Biol. 57:1937).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.solvers.sparse.lagrangian import duality_gap, group_norm, minimize, product

# Minimum number of sources added to the working set in one round; otherwise as many as are active.
JOINING = 32
# Tolerance of a round, relative to its initial gap; more accuracy is useless while sources are missing.
CLOSER = 0.1
# Samples times time points that are processed together; more would not fit into the processor's cache.
CHUNK = 64


@dataclass(frozen=True, eq=False)
class GroupLassoSolution:
    """Solutions of group Lasso problems.

    Attributes
    ----------
    currents : array of shape (n_samples, n_sources, n_orient, n_times)
    gap : array of shape (n_samples,)
        Duality gap relative to ``|y|^2 / 2``, the objective without active sources.
    """

    currents: np.ndarray
    gap: np.ndarray


def group_lasso(gain: np.ndarray, data: np.ndarray, alpha: float, *, tol: float, max_iter: int) -> GroupLassoSolution:
    """Solve one problem per sample.

    Parameters
    ----------
    gain : array of shape (n_channels, n_sources, n_orient)
    data : array of shape (n_samples, n_channels, n_times)
    alpha : float
        Penalty as a fraction of the smallest one for which no source is active, ``max_s |G_s' y|`` of each sample.
    tol : float
        Target duality gap, relative to ``|y|^2 / 2``.
    max_iter : int
        Maximum number of working sets.
    """
    n_samples, _, n_times = data.shape
    currents = np.zeros((n_samples, *gain.shape[1:], n_times))
    gap = np.zeros(n_samples)
    # With a gain and data of unit norm, tolerances and penalties are dimensionless.
    gain_scale = np.sqrt(np.linalg.eigvalsh(np.einsum("csi,csj->sij", gain, gain))[:, -1].max())
    data_scale = np.linalg.norm(data, axis=(1, 2))
    gain = gain / gain_scale
    not_silent = np.flatnonzero(data_scale)
    step = max(1, CHUNK // n_times)
    for start in range(0, len(not_silent), step):
        chunk = not_silent[start : start + step]
        scale = data_scale[chunk, np.newaxis, np.newaxis]
        solution = _solve(gain, data[chunk] / scale, alpha, tol, max_iter)
        currents[chunk] = solution.currents * (scale[..., np.newaxis] / gain_scale)
        gap[chunk] = solution.gap
    return GroupLassoSolution(currents, gap)


def _solve(gain: np.ndarray, data: np.ndarray, alpha: float, tol: float, max_iter: int) -> GroupLassoSolution:
    """Solve the problems of all samples together, for a gain and data of unit norm."""
    n_samples, _, n_times = data.shape
    currents = np.zeros((n_samples, *gain.shape[1:], n_times))
    penalty = alpha * _strength(gain, data).max(axis=1)
    residual, gap = data.copy(), np.full(n_samples, np.inf)
    pending = np.arange(n_samples)
    for iteration in range(max_iter + 1):
        norms, strength = group_norm(currents[pending]), _strength(gain, residual[pending])
        gap[pending] = duality_gap(data[pending], residual[pending], penalty[pending], norms.sum(axis=1), strength)
        open_ = gap[pending] > tol
        pending = pending[open_]
        if iteration == max_iter or not len(pending):
            break
        working = _working_set(norms[open_], strength[open_])
        sub = np.ascontiguousarray(np.moveaxis(gain[:, working], 0, 1))
        start = np.take_along_axis(currents[pending], working[:, :, np.newaxis, np.newaxis], axis=1)
        closely = CLOSER * max(tol, gap[pending].min())
        found = minimize(sub, data[pending], penalty[pending], start, tol=closely)
        currents[pending[:, np.newaxis], working] = found  # the working set contains every active source
        residual[pending] = data[pending] - product(sub, found)
    return GroupLassoSolution(currents, gap)


def _strength(gain: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Return ``|G_s' r|`` of all sources for each sample, shape (n_samples, n_sources)."""
    n_channels, n_sources, n_orient = gain.shape
    n_samples, _, n_times = residual.shape
    columns = np.moveaxis(residual, 1, 2).reshape(-1, n_channels)
    correlation = (columns @ gain.reshape(n_channels, -1)).reshape(n_samples, n_times, n_sources, n_orient)
    return np.sqrt(np.einsum("btso,btso->bs", correlation, correlation))


def _working_set(norms: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Select all active sources and those most correlated with the residual, shape (n_samples, n_working)."""
    active = norms > 0
    most = int(active.sum(axis=1).max())
    size = min(norms.shape[1], most + max(most, JOINING))
    return np.argpartition(-np.where(active, np.inf, strength), size - 1, axis=1)[:, :size]
