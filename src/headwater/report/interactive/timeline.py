"""Which time points the page shows: all of them where they are few enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.localization import Localization

MOST_FRAMES = 100  # of maps
MOST_POINTS = 1200  # of curves


@dataclass(frozen=True, eq=False)
class Timeline:
    """Time points of maps and of curves.

    Attributes
    ----------
    frames : int array of shape (n_frames,)
        Time indices of maps, of `Localization.evoked`; those of the peaks are among them.
    points : int array of shape (n_points,)
        Time indices of curves, of `Localization.whole`.
    first : int
        The frame that is shown first: that of the strongest peak.
    """

    frames: np.ndarray
    points: np.ndarray
    first: int

    def frame_of(self, time_index: int) -> int:
        """Return the frame nearest to a time index of the window."""
        return int(np.abs(self.frames - time_index).argmin())


def timeline(localization: Localization, peak: int) -> Timeline:
    """Choose the time points of a page, the time index ``peak`` among them."""
    n_times, n_whole = len(localization.evoked.times), len(localization.whole.times)
    times_s = localization.peaks["time_s"].to_numpy(float)
    peaks = np.abs(localization.evoked.times - times_s[:, np.newaxis]).argmin(axis=1)
    frames = np.union1d(_spread(n_times, MOST_FRAMES), [*peaks, peak]).astype(int)
    return Timeline(frames, _spread(n_whole, MOST_POINTS), int(np.flatnonzero(frames == peak)[0]))


def _spread(n: int, most: int) -> np.ndarray:
    """Choose indices that cover ``range(n)`` evenly."""
    return np.unique(np.round(np.linspace(0, n - 1, min(n, most))).astype(int))
