"""How far activity must be carried to turn the estimate into the truth (earth mover's distance)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from headwater._utils.errors import InputError
from headwater.metrics._inputs import MM_PER_M, paired_amplitudes

MAX_PIVOTS = 10**8  # of the network simplex; a bound against endless runs, far above what is ever needed


def nemd(x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, n_cells: int | None = None) -> np.ndarray:
    r"""Normalised earth mover's distance.

    .. math:: \mathrm{NEMD} = \frac{\mathrm{EMD}(a, \hat a)}{\mathrm{EMD}(a, u)}, \qquad u_i = 1/N

    with the earth mover's distance of :func:`earth_movers_distance`. Range [0, inf), no unit, lower is better; 1 is
    as good as activity spread evenly, which is also what an estimate of zeros scores.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    n_cells : int | None
        None: exact. A number: the fast path, see :func:`earth_movers_distance`; 512 keeps the score within 2 % of
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
    uniform = np.full_like(mass_true, 1 / len(pos))
    return moved / _distances(mass_true, uniform, pos, n_cells)


def earth_movers_distance(
    x_true: np.ndarray, x_est: np.ndarray, *, pos: np.ndarray, n_cells: int | None = None
) -> np.ndarray:
    r"""Mean distance over which amplitude must be carried to turn the estimate into the truth.

    .. math:: \mathrm{EMD}(a, \hat a) = \min_{F \ge 0} \sum_{ij} F_{ij} \|r_i - r_j\|
        \quad \text{with} \quad \sum_j F_{ij} = a_i, \; \sum_i F_{ij} = \hat a_j,
        \qquad a_i = \frac{\|x_i\|}{\sum_j \|x_j\|}

    Range [0, diameter of the source space], in mm, lower is better. An estimate of zeros counts as activity spread
    evenly.

    What truth and estimate share at a source stays there: the cost is a metric, so by Kantorovich-Rubinstein duality
    the optimum depends on :math:`a - \hat a` alone. Only its positive part is carried to its negative part, which is
    exact and several times cheaper than the full problem.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient[, n_times])
        Source currents, any unit.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.
    n_cells : int | None
        None: exact. A number: the fast path. The source space is halved along its longest side until there are
        ``n_cells`` (rounded down to a power of two) cells with equally many sources; surplus and deficit of a cell
        each act at their own centre of mass. Samples whose problem is no larger than that are solved exactly.

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
    if n_cells is None:
        return np.array([_transport(_points(d, pos), _points(-d, pos)) for d in mass_true - mass_est])
    if n_cells < 2:
        raise InputError(f"n_cells must be at least 2, or None for the exact distance, not {n_cells}.")
    cells = _cells(pos, n_cells)
    return np.array([_coarse_transport(d, pos, cells) for d in mass_true - mass_est])


def _coarse_transport(difference: np.ndarray, pos: np.ndarray, cells: np.ndarray) -> float:
    surplus, deficit = _points(difference, pos), _points(-difference, pos)
    if len(surplus[0]) * len(deficit[0]) > (cells.max() + 1) ** 2:
        surplus, deficit = _centres(difference, pos, cells), _centres(-difference, pos, cells)
    return _transport(surplus, deficit)


def _transport(surplus: tuple[np.ndarray, np.ndarray], deficit: tuple[np.ndarray, np.ndarray]) -> float:
    """Cost of carrying the surplus to the deficit, each given as (mass, position), in metres."""
    import ot

    (mass_from, pos_from), (mass_to, pos_to) = surplus, deficit
    moved = mass_from.sum()
    if moved < 1e-12:  # rounding of the normalisation: nothing to carry
        return 0.0
    cost, log = ot.emd2(
        mass_from / moved, mass_to / mass_to.sum(), cdist(pos_from, pos_to), numItermax=MAX_PIVOTS, log=True
    )
    if log["warning"] is not None:
        raise RuntimeError(f"The network simplex did not finish: {log['warning']}")
    return float(cost) * moved


def _points(difference: np.ndarray, pos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positive part of a difference of masses: mass and position of its sources."""
    positive = difference > 0
    return difference[positive], pos[positive]


def _centres(difference: np.ndarray, pos: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positive part of a difference of masses: mass and centre of mass in each cell that has any."""
    positive = np.maximum(difference, 0)
    mass = np.bincount(cells, positive)
    moment = np.stack([np.bincount(cells, positive * axis) for axis in pos.T], axis=1)
    filled = mass > 0
    return mass[filled], moment[filled] / mass[filled, None]


def _cells(pos: np.ndarray, n_cells: int) -> np.ndarray:
    """Cell number of each source after halving the source space along its longest sides; shape (n_sources,)."""
    groups = [np.arange(len(pos))]
    for _ in range(int(np.log2(min(n_cells, len(pos))))):
        groups = [half for group in groups for half in _halves(group, pos)]
    cells = np.empty(len(pos), dtype=np.intp)
    for number, group in enumerate(groups):
        cells[group] = number
    return cells


def _halves(group: np.ndarray, pos: np.ndarray) -> list[np.ndarray]:
    """Split a group of sources into two halves along its longest side."""
    axis = np.argmax(np.ptp(pos[group], axis=0))
    return np.array_split(group[np.argsort(pos[group, axis], kind="stable")], 2)
