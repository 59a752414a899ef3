"""The loop: samples in, every so often an estimate out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headwater.live.causal import CausalFilter
from headwater.live.ring import RingBuffer
from headwater.live.window import WindowEstimator

GAP = 0.5  # s: samples that follow each other by more than this do not belong into one window


@dataclass(frozen=True, eq=False)
class LiveEstimate:
    """The sources at one time.

    Attributes
    ----------
    time : float
        That of the last sample of the window, in seconds of the clock of the stream.
    amplitude : array of shape (n_sources,)
        In the unit of the estimator: nAm, or F.
    sd : array of shape (n_sources,) | None
        Posterior standard deviation of one component; None for solvers without a posterior.
    level : float
        Root mean square of the whitened data: 1 where the data are like those of the calibration.
    skipped : int
        Estimates that were left out since the last one, because newer samples had arrived.
    """

    time: float
    amplitude: np.ndarray
    sd: np.ndarray | None
    level: float
    skipped: int


class LiveLoop:
    """Filter samples as they come, keep the newest window, and estimate it every ``hop`` samples.

    It knows nothing of where samples come from and where estimates go. Estimates are made of the newest window only: if
    samples come faster than they can be estimated, windows are skipped instead of being late.

    Parameters
    ----------
    estimator : WindowEstimator
    picks : sequence of int
        Where the channels of the estimator are among those of the stream.
    window, hop : int
        Length of a window, and new samples between two of them.
    band : CausalFilter
    """

    def __init__(
        self, estimator: WindowEstimator, picks: Sequence[int], *, window: int, hop: int, band: CausalFilter
    ) -> None:
        self.estimator = estimator
        self.window, self.hop = window, hop
        self.n_gaps = 0
        self._picks = np.asarray(picks)
        self._band = band
        self._ring = RingBuffer(len(self._picks), window)
        self._n_new = 0
        self._last: float | None = None

    def push(self, data: np.ndarray, times: np.ndarray) -> LiveEstimate | None:
        """Take samples; return an estimate if the newest window is due.

        Parameters
        ----------
        data : array of shape (n_channels, n)
            All channels of the stream, in V, T and T/m.
        times : array of shape (n,)
            In seconds.
        """
        if not len(times):
            return None
        data = data[self._picks]
        late = np.diff(times, prepend=times[0] if self._last is None else self._last) > GAP
        self._last = float(times[-1])
        whole = np.isfinite(data).all(axis=0)
        if late.any() or not whole.all():
            self._begin_again()
            data = data[:, max(_after_last(late, keep=True), _after_last(~whole)) :]
        self._ring.extend(self._band(data))
        self._n_new += data.shape[1]
        if self._n_new < self.hop or not self._ring.full:
            return None
        n_due, self._n_new = divmod(self._n_new, self.hop)
        window = self._ring.newest()
        amplitude, sd = self.estimator(window)
        return LiveEstimate(self._last, amplitude, sd, self.estimator.level(window), n_due - 1)

    def _begin_again(self) -> None:
        """Forget what lies before a gap or before values that are not finite."""
        self.n_gaps += 1
        self._ring.clear()
        self._band.clear()
        self._n_new = 0


def _after_last(marked: np.ndarray, *, keep: bool = False) -> int:
    """Return the index behind the last marked sample, or its own if it is kept; 0 if none is."""
    found = np.flatnonzero(marked)
    return int(found[-1]) + (not keep) if len(found) else 0
