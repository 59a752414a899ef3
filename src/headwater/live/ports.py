"""Where samples come from and where estimates go."""

from __future__ import annotations

from abc import ABC, abstractmethod

import mne
import numpy as np

from headwater.live.loop import LiveEstimate


class SampleSource(ABC):
    """A stream of samples.

    Attributes
    ----------
    info : mne.Info
        Its channels.
    """

    info: mne.Info

    @abstractmethod
    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Wait for samples and return all there are.

        Returns
        -------
        data : array of shape (n_channels, n)
            In V, T and T/m. With ``n == 0``, the stream has ended.
        times : array of shape (n,)
            In seconds, by `clock`.
        """

    @abstractmethod
    def clock(self) -> float:
        """Return the present time on the clock of the samples, in seconds."""


class EstimateSink(ABC):
    """Somebody who wants the estimates."""

    @abstractmethod
    def send(self, estimate: LiveEstimate) -> None:
        """Pass an estimate on without waiting for anybody."""

    @abstractmethod
    def close(self) -> None:
        """Release what was opened."""
