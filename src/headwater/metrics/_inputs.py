"""Steps common to all metrics: check the input, reduce sources to amplitudes, decide which are active."""

from __future__ import annotations

import numpy as np

from headwater._utils.errors import InputError

MM_PER_M = 1e3
TIE = 1e-6  # relative; rounding error of float32, the precision of networks


def paired(x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check a batch of true and estimated sources and return it as float64.

    Parameters
    ----------
    x_true, x_est : array of shape (batch, n_sources, n_orient) or (batch, n_sources, n_orient, n_times)
        Any unit, the same for both where the metric compares amplitudes.
    pos : array of shape (n_sources, 3)
        Source positions, in metres.

    Returns
    -------
    x_true, x_est, pos : arrays of float64
    """
    x_true, x_est, pos = (
        _real(a, name) for a, name in zip((x_true, x_est, pos), ("x_true", "x_est", "pos"), strict=True)
    )
    if x_true.shape != x_est.shape or x_true.ndim not in (3, 4) or 0 in x_true.shape:
        raise InputError(
            "x_true and x_est must both have the shape (batch, n_sources, n_orient), with n_times as an optional "
            f"fourth axis, but have the shapes {x_true.shape} and {x_est.shape}."
        )
    if pos.shape != (x_true.shape[1], 3):
        raise InputError(f"pos must have the shape ({x_true.shape[1]}, 3), one row for each source, not {pos.shape}.")
    silent = np.flatnonzero(~x_true.any(axis=tuple(range(1, x_true.ndim))))
    if silent.size:
        raise InputError(f"Sample {silent[0]} of x_true has no activity and cannot be scored; remove it.")
    return x_true, x_est, pos


def _real(values: np.ndarray, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise InputError(f"{name} must hold real numbers, not {array.dtype}.")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise InputError(f"{name} has NaN or infinite values; remove these samples or repair the solver.")
    return array


def amplitude(x: np.ndarray) -> np.ndarray:
    """Amplitude of each source: norm over orientations, then mean over time; shape (batch, n_sources)."""
    norm = np.linalg.norm(x, axis=2)
    return norm if norm.ndim == 2 else norm.mean(axis=2)


def paired_amplitudes(x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray) -> tuple[np.ndarray, ...]:
    """Check a batch and return the true and estimated amplitudes (batch, n_sources), and the positions."""
    x_true, x_est, pos = paired(x_true, x_est, pos)
    return amplitude(x_true), amplitude(x_est), pos


def peaks(amplitudes: np.ndarray) -> np.ndarray:
    """Mark the sources that share each sample's peak, up to rounding; (batch, n_sources)."""
    return amplitudes >= (1 - TIE) * amplitudes.max(axis=1, keepdims=True)


def active_sources(amplitudes: np.ndarray, threshold: float, relative: bool = True) -> np.ndarray:
    """Mark sources above ``threshold`` (as a share of each sample's peak if ``relative``); (batch, n_sources)."""
    if not 0 <= threshold < 1 and relative:
        raise InputError(f"A threshold relative to the peak must lie in [0, 1), not {threshold}.")
    limit = threshold * amplitudes.max(axis=1, keepdims=True) if relative else threshold
    return amplitudes > limit


def truly_active(amplitudes: np.ndarray, threshold_true: float) -> np.ndarray:
    """Mark the truly active sources; refuse samples in which all sources are active."""
    active = active_sources(amplitudes, threshold_true)
    everywhere = np.flatnonzero(active.all(axis=1))
    if everywhere.size:
        raise InputError(
            f"All sources of sample {everywhere[0]} count as truly active; give threshold_true as a larger share of "
            "the peak (for example 0.05 for Gaussian patches, which have no edge)."
        )
    return active


def checked_centers(centers: np.ndarray, batch: int, n_sources: int) -> np.ndarray:
    """Source index of each true centre, (batch, n_centers) of int, -1 where a sample has fewer."""
    centers = np.asarray(centers)
    if centers.ndim != 2 or centers.shape[0] != batch or centers.dtype.kind not in "iu":
        raise InputError(
            f"centers must be source indices of shape ({batch}, n_centers), padded with -1, "
            f"not {centers.dtype} of shape {centers.shape}."
        )
    if centers.size == 0 or centers.min() < -1 or centers.max() >= n_sources or (centers < 0).all(axis=1).any():
        raise InputError(f"Each sample needs at least one centre, as a source index from 0 to {n_sources - 1}.")
    return centers.astype(np.intp)
