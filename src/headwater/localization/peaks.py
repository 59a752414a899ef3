"""Where and when the estimate is strongest: the peaks table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

COLUMNS = ["time_s", "x_mm", "y_mm", "z_mm", "frame", "region", "amplitude", "unit"]


def find_peaks(
    magnitude: np.ndarray, pos: np.ndarray, *, radius: float = 0.02, threshold: float = 0.5, most: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Spatial local maxima of each source's largest value over time.

    Parameters
    ----------
    magnitude : array of shape (n_sources, n_times)
    pos : array of shape (n_sources, 3)
        In metres.
    radius : float
        A peak is not exceeded by any source closer than this (metres).
    threshold : float
        Peaks below this share of the strongest are left out.
    most : int
        At most this many peaks.

    Returns
    -------
    sources, times : int arrays of shape (n_peaks,)
        Source and time index of each peak, strongest first; none where the estimate is zero.
    """
    strongest = magnitude.max(axis=1)
    if not strongest.any():
        return np.zeros(0, int), np.zeros(0, int)
    candidates = np.flatnonzero(strongest >= threshold * strongest.max())
    tree = cKDTree(pos)
    peaks: list[int] = []
    for source in candidates[np.argsort(-strongest[candidates], kind="stable")]:
        near = tree.query_ball_point(pos[source], radius)
        # Equal neighbours (a plateau) count once: the first in order of strength takes them all.
        if strongest[near].max() <= strongest[source] and not set(near) & set(peaks):
            peaks.append(int(source))
        if len(peaks) == most:
            break
    sources = np.array(peaks, dtype=int)
    return sources, magnitude[sources].argmax(axis=1)


def peaks_table(
    times_s: np.ndarray, pos_mm: np.ndarray, frame: str, regions: list[str], amplitude: np.ndarray, unit: str
) -> pd.DataFrame:
    """Table of peaks with the columns of ``peaks.csv``, one row a peak."""
    x, y, z = np.round(pos_mm, 6).T + 0.0  # a nanometre: rounding errors would read as 7e-15, or -0
    rows = [times_s, x, y, z, [frame] * len(times_s), regions, amplitude, [unit] * len(times_s)]
    return pd.DataFrame(dict(zip(COLUMNS, rows, strict=True)))
