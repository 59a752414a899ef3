"""Semi-smooth Newton augmented Lagrangian method for group Lasso, for many small problems at once.

The method converges superlinearly even if the topographies of neighbouring sources are nearly collinear, where
coordinate descent and proximal gradients need thousands of steps (Li, Sun & Toh 2018, SIAM J. Optim. 28:433; for groups
Zhang et al. 2020, Math. Program. 179:223). The outer iteration is the proximal point algorithm: it minimises the
objective ``|y - G x|^2 / 2 + alpha sum_s |x_s|`` plus ``|x - start|^2 / (2 reach)``; the minimum is the next ``start``,
and ``reach`` grows. The dual of each of these problems,

    ``psi(u) = |u|^2 / 2 + <u, y> + |x(u)|^2 / (2 reach)``,  ``x(u) = shrink(start - reach G' u, reach alpha)``,

has one variable per channel and time point, and the gradient ``u + y - G x(u)``. At its minimum, ``-u`` is the residual
and ``x(u)`` the minimiser.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

# Reach of the first proximal point, and its growth from one to the next. Gain and data have unit norm.
FIRST_REACH, REACH_GROWTH = 1.0, 3.0
# A proximal point is accurate enough if the gradient of its dual is below this fraction of the distance from the start.
INEXACT = 0.1
# Maximum number of Newton steps in total, and for one proximal point; if exceeded there, its reach was too large.
MAX_STEPS, MAX_STEPS_PER_POINT = 200, 15
# Line search: sufficient decrease, rounding error of the objective, and halvings of the step.
ARMIJO, ROUNDING, HALVINGS = 1e-4, 1e-14, 30
TINY = np.finfo(float).tiny


def minimize(gain: np.ndarray, data: np.ndarray, alpha: np.ndarray, start: np.ndarray, *, tol: float) -> np.ndarray:
    """Minimise ``|y - G x|^2 / 2 + alpha sum_s |x_s|`` for each problem.

    Parameters
    ----------
    gain : array of shape (n_problems, n_channels, n_sources, n_orient)
        The norm of each source is at most one.
    data : array of shape (n_problems, n_channels, n_times)
        Data of unit norm.
    alpha : array of shape (n_problems,)
    start : array of shape (n_problems, n_sources, n_orient, n_times)
    tol : float
        Target duality gap, relative to ``|y|^2 / 2``. The caller checks whether it was reached.

    Returns
    -------
    x : array of shape (n_problems, n_sources, n_orient, n_times)
    """
    n = len(data)
    state = _State(
        index=np.arange(n),
        gain=gain,
        data=data,
        alpha=alpha,
        start=start.copy(),
        dual=product(gain, start) - data,
        reach=np.full(n, FIRST_REACH),
        longest_reach=np.full(n, np.inf),
        steps=np.zeros(n, int),
        gap=np.full(n, np.inf),
    )
    best = start.copy()
    for _ in range(MAX_STEPS):
        inner = state.start - _each(state.reach) * adjoint_product(state.gain, state.dual)
        x, keep = shrink(inner, state.reach * state.alpha)
        gradient = state.dual + state.data - product(state.gain, x)
        way = np.linalg.norm((x - state.start).reshape(len(x), -1), axis=1)
        close = np.maximum(INEXACT * np.sqrt(tol), INEXACT * way / np.sqrt(state.reach))
        arrived = np.linalg.norm(gradient, axis=(1, 2)) <= close
        if arrived.any():
            gap = _gap(state, x)
            better = arrived & (gap < state.gap)
            best[state.index[better]] = x[better]
            state.gap[better] = gap[better]
            _next_point(state, x, arrived, gap > tol)
            if not len(state.index):
                break
        else:
            direction = _newton_direction(state, inner, keep, gradient)
            state.dual += _line_search(state, inner, x, direction, gradient)[:, np.newaxis, np.newaxis] * direction
            state.steps += 1
            _shorten(state)
    return best


@dataclass(eq=False)
class _State:
    """Several problems, each with its own proximal point, along the first axis of every array."""

    index: np.ndarray
    gain: np.ndarray
    data: np.ndarray
    alpha: np.ndarray
    start: np.ndarray
    dual: np.ndarray
    reach: np.ndarray
    longest_reach: np.ndarray
    steps: np.ndarray
    gap: np.ndarray


def _gap(state: _State, x: np.ndarray) -> np.ndarray:
    residual = state.data - product(state.gain, x)
    strength = group_norm(adjoint_product(state.gain, residual))
    return duality_gap(state.data, residual, state.alpha, group_norm(x).sum(axis=1), strength)


def _next_point(state: _State, x: np.ndarray, arrived: np.ndarray, unsolved: np.ndarray) -> None:
    """Start the next proximal point from the last one, and remove the solved problems."""
    state.start[arrived] = x[arrived]
    state.reach[arrived] = np.minimum(REACH_GROWTH * state.reach, state.longest_reach)[arrived]
    state.steps[arrived] = 0
    ongoing = ~arrived | unsolved
    if not ongoing.all():
        for field in fields(state):
            setattr(state, field.name, getattr(state, field.name)[ongoing])


def _shorten(state: _State) -> None:
    """Restart proximal points for which Newton's method does not converge, with a smaller reach from then on."""
    lost = state.steps >= MAX_STEPS_PER_POINT
    if not lost.any():
        return
    state.longest_reach[lost] = state.reach[lost] = state.reach[lost] / REACH_GROWTH
    state.dual[lost] = (product(state.gain, state.start) - state.data)[lost]
    state.steps[lost] = 0


def _newton_direction(state: _State, inner: np.ndarray, keep: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Solve ``(I + reach G J G') d = -gradient`` with ``J`` the derivative of the shrinkage.

    For an active source with ``v = start - reach G' u``, the derivative is ``k I + (1 - k) w w'`` with ``w = v / |v|``
    and ``k = 1 - reach alpha / |v|``; otherwise it is zero. The first term is the same for all time points. The second
    term adds a matrix of rank one per source. It is handled by the Woodbury identity, or, for a single time point,
    added to the matrix directly.
    """
    gain, inner, keep = _active_sources(state.gain, inner, keep)
    n_problems, n_channels, n_sources, n_orient = gain.shape
    n_times = gradient.shape[2]
    flat = gain.reshape(n_problems, n_channels, -1)
    weights = np.repeat(state.reach[:, np.newaxis] * keep, n_orient, axis=1)
    matrix = np.eye(n_channels) + (flat * weights[:, np.newaxis]) @ np.swapaxes(flat, 1, 2)
    radial = np.sqrt(state.reach[:, np.newaxis] * np.where(keep > 0, 1 - keep, 0.0)) / np.maximum(
        group_norm(inner), TINY
    )
    columns = np.moveaxis(np.moveaxis(gain, 2, 1) @ (_each(radial) * inner), 1, 3)
    if n_times == 1:
        columns = columns[:, :, 0]
        return -np.linalg.solve(matrix + columns @ np.swapaxes(columns, 1, 2), gradient)
    right = np.concatenate([columns.reshape(n_problems, n_channels, -1), gradient], axis=2)
    solved = np.linalg.solve(matrix, right)
    plain = solved[:, :, -n_times:]
    columns = columns.reshape(n_problems, -1, n_sources)
    spread = solved[:, :, :-n_times].reshape(columns.shape)
    small = np.eye(n_sources) + np.swapaxes(columns, 1, 2) @ spread
    share = np.linalg.solve(small, np.swapaxes(columns, 1, 2) @ plain.reshape(n_problems, -1, 1))
    return (spread @ share).reshape(plain.shape) - plain


def _active_sources(gain: np.ndarray, inner: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Remove inactive sources; the problem with the most active sources determines how many remain."""
    size = max(1, int((keep > 0).sum(axis=1).max()))
    if size == keep.shape[1]:
        return gain, inner, keep
    active = np.argpartition(-keep, size - 1, axis=1)[:, :size]
    rows = np.arange(len(gain))[:, np.newaxis]
    return np.moveaxis(np.moveaxis(gain, 2, 1)[rows, active], 1, 2), inner[rows, active], keep[rows, active]


def _line_search(
    state: _State, inner: np.ndarray, x: np.ndarray, direction: np.ndarray, gradient: np.ndarray
) -> np.ndarray:
    """Return the step length of each problem, halved until ``psi`` decreases sufficiently."""
    change = _each(state.reach) * adjoint_product(state.gain, direction)
    here = _psi(state, state.dual, x)
    slope = np.einsum("bct,bct->b", gradient, direction)
    step = np.ones(len(here))
    for _ in range(HALVINGS):
        dual = state.dual + step[:, np.newaxis, np.newaxis] * direction
        there = _psi(state, dual, shrink(inner - _each(step) * change, state.reach * state.alpha)[0])
        short = there > here + ARMIJO * step * slope + ROUNDING * np.abs(here)
        if not short.any():
            break
        step = np.where(short, step / 2, step)
    return step


def _psi(state: _State, dual: np.ndarray, x: np.ndarray) -> np.ndarray:
    inside = np.einsum("bct,bct->b", dual, 0.5 * dual + state.data)
    return inside + np.einsum("bsot,bsot->b", x, x) / (2 * state.reach)


def shrink(inner: np.ndarray, threshold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shorten each source by the threshold; return it and the remaining fraction, shape (n_problems, n_sources)."""
    keep = np.maximum(0.0, 1.0 - threshold[:, np.newaxis] / np.maximum(group_norm(inner), TINY))
    return _each(keep) * inner, keep


def group_norm(x: np.ndarray) -> np.ndarray:
    """Return the norm over orientations and time points of (n_problems, n_sources, n_orient, n_times)."""
    return np.sqrt(np.einsum("bsot,bsot->bs", x, x))


def product(gain: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return ``G x`` of each problem, shape (n_problems, n_channels, n_times)."""
    flat = gain.reshape(*gain.shape[:2], -1)
    return flat @ x.reshape(len(x), flat.shape[2], -1)


def adjoint_product(gain: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Return ``G' r`` of each problem, shape (n_problems, n_sources, n_orient, n_times)."""
    flat = gain.reshape(*gain.shape[:2], -1)
    return (np.swapaxes(flat, 1, 2) @ residual).reshape(len(gain), *gain.shape[2:], -1)


def duality_gap(
    data: np.ndarray, residual: np.ndarray, alpha: np.ndarray, length: np.ndarray, strength: np.ndarray
) -> np.ndarray:
    """Return the duality gap at the residual, scaled to be dual feasible; relative to ``|y|^2 / 2``.

    Parameters
    ----------
    data, residual : array of shape (n_problems, n_channels, n_times)
    alpha : array of shape (n_problems,)
    length : array of shape (n_problems,)
        ``sum_s |x_s|``.
    strength : array of shape (n_problems, n_sources)
        ``|G_s' r|``.
    """
    feasible = np.minimum(1.0, alpha / np.maximum(strength.max(axis=1), TINY))
    power = np.einsum("bct,bct->b", residual, residual)
    dual = feasible * np.einsum("bct,bct->b", residual, data) - 0.5 * feasible**2 * power
    return 2 * (0.5 * power + alpha * length - dual) / np.einsum("bct,bct->b", data, data)


def _each(values: np.ndarray) -> np.ndarray:
    """Add axes so that values per problem, or per problem and source, broadcast over the remaining axes."""
    return values.reshape(*values.shape, *[1] * (4 - values.ndim))
