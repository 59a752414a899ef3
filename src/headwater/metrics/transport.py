"""Earth mover's distance: how far activity must be moved to turn the estimate into the ground truth."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from headwater._utils.cache import content_hash
from headwater._utils.errors import InputError
from headwater._utils.extras import extras
from headwater.metrics._inputs import MM_PER_M, paired_amplitudes

MAX_PIVOTS = 10**8  # of the network simplex; an upper bound far above what is needed
ROUNDING = 1e-12  # mass that may be left over from normalising two equal distributions
# Largest cost of gathering mass in cells, as a share of the transport cost. The error of the fast path grows with this
# share: below 0.4 it stayed under 1.6 %, at 1.4 it reached 12 % (patches, bells, noise; 2,500 and 5,000 sources).
MAX_LOSS = 0.4

MOST_REMEMBERED = 10_000
_FROM_EVEN: dict[str, float] = {}


def nemd(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, n_cells: int | None = None) -> np.ndarray:
    r"""Normalised earth mover's distance.

    .. math:: \mathrm{NEMD} = \frac{\mathrm{EMD}(a, \hat a)}{\mathrm{EMD}(a, u)}, \qquad u_i = 1/N

    with the earth mover's distance of :func:`earth_movers_distance`. Range [0, inf), no unit, lower is better; evenly
    spread activity scores 1, and so does an estimate of zeros.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    n_cells : int | None
        None: exact. A number: the fast path, see :func:`earth_movers_distance`; 256 keeps the score within 2 % of
        the exact one (``benchmarks/bench_metrics.py``).

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    3D-PIUNet (Morik et al.), eq. 8-11, after Haufe et al., NeuroImage 42 (2008).

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0]])
    >>> nemd([[[1.0], [0.0]]], [[[1.0], [3.0]]], pos=pos)
    array([1.5])
    """
    mass_true, mass_est, pos = _masses(x_true, x_est, pos)
    moved = _distances(mass_true, mass_est, pos, n_cells)
    return moved / np.array([_distance_from_even(mass, pos, n_cells) for mass in mass_true])


def earth_movers_distance(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, n_cells: int | None = None
) -> np.ndarray:
    r"""Mean distance over which amplitude must be moved to turn the estimate into the ground truth.

    .. math:: \mathrm{EMD}(a, \hat a) = \min_{F \ge 0} \sum_{ij} F_{ij} \|r_i - r_j\|
        \quad \text{with} \quad \sum_j F_{ij} = a_i, \; \sum_i F_{ij} = \hat a_j,
        \qquad a_i = \frac{\|x_i\|}{\sum_j \|x_j\|}

    Range [0, diameter of the source space], in mm, lower is better. An estimate of zeros counts as activity spread
    evenly.

    The amplitude that truth and estimate share at a source is not moved: the cost is a metric, so by
    Kantorovich-Rubinstein duality the optimum depends on :math:`a - \hat a` alone. Only its positive part is moved to
    its negative part, which is exact and several times cheaper than the full problem.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    n_cells : int | None
        None: exact. A number: the fast path. Surplus and deficit of amplitude are each gathered in up to ``n_cells``
        cells (rounded down to a power of two), made by halving the mass repeatedly along the longest side; each cell
        acts at its centre of mass. If activity moves little farther than the width of a cell, the number of cells is
        doubled until it suffices. Problems no larger than that are solved exactly.

    Returns
    -------
    array of shape (batch,)

    References
    ----------
    3D-PIUNet (Morik et al.), eq. 8-10; solved by the network simplex of POT (Flamary et al., JMLR 2021).

    Examples
    --------
    >>> import numpy as np
    >>> pos = np.array([[0.0, 0, 0], [0.01, 0, 0], [0, 0.03, 0]])
    >>> earth_movers_distance([[[1.0], [0.0], [0.0]]], [[[2.0], [1.0], [1.0]]], pos=pos)
    array([10.])
    """
    mass_true, mass_est, pos = _masses(x_true, x_est, pos)
    return MM_PER_M * _distances(mass_true, mass_est, pos, n_cells)


def _masses(x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Amplitudes as probability distributions; zeros become the uniform one."""
    a_true, a_est, pos = paired_amplitudes(x_true, x_est, pos)
    if len(np.unique(pos, axis=0)) < 2:
        raise InputError("The earth mover's distance needs at least two different source positions.")
    a_est[~a_est.any(axis=1)] = 1
    # Dividing by the peak first keeps sums of tiny currents (nA m) from underflowing.
    a_true, a_est = (a / a.max(axis=1, keepdims=True) for a in (a_true, a_est))
    return a_true / a_true.sum(axis=1, keepdims=True), a_est / a_est.sum(axis=1, keepdims=True), pos


def _distances(mass_true: np.ndarray, mass_est: np.ndarray, pos: np.ndarray, n_cells: int | None) -> np.ndarray:
    if n_cells is not None and n_cells < 2:
        raise InputError(f"n_cells must be at least 2, or None for the exact distance, not {n_cells}.")
    return np.array([_distance(difference, pos, n_cells) for difference in mass_true - mass_est])


def _distance_from_even(mass: np.ndarray, pos: np.ndarray, n_cells: int | None) -> float:
    """Distance from activity spread evenly; cached, because many estimates are compared with the same truth."""
    key = content_hash(mass, pos, n_cells)
    if key not in _FROM_EVEN:
        if len(_FROM_EVEN) == MOST_REMEMBERED:
            _FROM_EVEN.clear()
        _FROM_EVEN[key] = _distance(mass - 1 / len(pos), pos, n_cells)
    return _FROM_EVEN[key]


def _distance(difference: np.ndarray, pos: np.ndarray, n_cells: int | None) -> float:
    """Cost of transporting a difference of masses, in metres."""
    if np.abs(difference).sum() < ROUNDING:
        return 0.0
    surplus, deficit = _positive(difference, pos), _positive(-difference, pos)
    while n_cells is not None and len(surplus[0]) * len(deficit[0]) > n_cells**2:
        *from_cells, lost_from = _gathered(*surplus, n_cells)
        *to_cells, lost_to = _gathered(*deficit, n_cells)
        cost = _transport(*from_cells, *to_cells)
        if lost_from + lost_to <= MAX_LOSS * cost:
            return cost
        n_cells *= 2
    return _transport(*surplus, *deficit)


def _transport(mass_from: np.ndarray, pos_from: np.ndarray, mass_to: np.ndarray, pos_to: np.ndarray) -> float:
    """Cost of transporting masses between two sets of positions, in metres."""
    with extras():
        import ot

    moved = mass_from.sum()
    cost, log = ot.emd2(
        mass_from / moved, mass_to / mass_to.sum(), cdist(pos_from, pos_to), numItermax=MAX_PIVOTS, log=True
    )
    if log["warning"] is not None:
        raise RuntimeError(f"The network simplex did not finish: {log['warning']}")
    return float(cost) * moved


def _positive(difference: np.ndarray, pos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positive part of a difference of masses, as (mass, position) of its sources."""
    positive = difference > 0
    return difference[positive], pos[positive]


def _gathered(mass: np.ndarray, pos: np.ndarray, n_cells: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Mass and centre of mass of up to ``n_cells`` cells, and the cost of gathering the mass in these centres."""
    if len(mass) <= n_cells:
        return mass, pos, 0.0
    cell = _cells(mass, pos, n_cells)
    of_cell = np.bincount(cell, mass)
    centre = np.stack([np.bincount(cell, mass * axis) for axis in pos.T], axis=1) / of_cell[:, None]
    return of_cell, centre, float(mass @ np.linalg.norm(pos - centre[cell], axis=1))


def _cells(mass: np.ndarray, pos: np.ndarray, n_cells: int) -> np.ndarray:
    """Cell number of each source, from 0, after halving the mass of every cell along its longest side."""
    cell = np.zeros(len(mass), dtype=np.intp)
    for _ in range(int(np.log2(n_cells))):
        order = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[order], np.arange(cell.max() + 1))
        sides = np.maximum.reduceat(pos[order], starts) - np.minimum.reduceat(pos[order], starts)
        coordinate = pos[np.arange(len(pos)), sides.argmax(axis=1)[cell]]
        order = np.lexsort((coordinate, cell))
        of_cell = np.bincount(cell, mass)
        below = np.cumsum(mass[order]) - mass[order] / 2 - (np.cumsum(of_cell) - of_cell)[cell[order]]
        cell[order] = 2 * cell[order] + (below > of_cell[cell[order]] / 2)
        cell = np.unique(cell, return_inverse=True)[1]  # a single source cannot be halved
    return cell
