"""The newest samples of a stream."""

from __future__ import annotations

import numpy as np


class RingBuffer:
    """Keep the newest samples of a stream; nothing is allocated after the start.

    Every sample is written twice, half a buffer apart, so that the newest ones always lie side by side.

    Parameters
    ----------
    n_channels : int
    n_times : int
        Number of samples it keeps.
    """

    def __init__(self, n_channels: int, n_times: int) -> None:
        self.n_times = n_times
        self._data = np.zeros((n_channels, 2 * n_times))
        self._next = 0
        self._n_seen = 0

    @property
    def full(self) -> bool:
        """Whether as many samples have arrived as it keeps."""
        return self._n_seen >= self.n_times

    def clear(self) -> None:
        """Forget all samples, as after a gap."""
        self._next = self._n_seen = 0

    def extend(self, data: np.ndarray) -> None:
        """Add samples of shape (n_channels, n); the oldest ones are dropped."""
        n_new = data.shape[1]
        data = data[:, -self.n_times :]
        places = (self._next + np.arange(data.shape[1])) % self.n_times
        self._data[:, places] = data
        self._data[:, places + self.n_times] = data
        self._next = (self._next + data.shape[1]) % self.n_times
        self._n_seen = min(self._n_seen + n_new, self.n_times)

    def newest(self) -> np.ndarray:
        """Return the samples in the order of time, shape (n_channels, n_times); a copy."""
        return self._data[:, self._next : self._next + self.n_times].copy()
