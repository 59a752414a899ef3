"""A filter that knows the past only."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from headwater._utils.errors import InputError

ORDER = 2  # per edge of the band: higher orders delay more


class CausalFilter:
    """Butterworth filter for data that arrive piece by piece; its state is kept between pieces.

    A causal filter delays what passes: see `delay`. Filters of recordings, which know the future, do not.

    Parameters
    ----------
    highpass, lowpass : float | None
        Edges of the band, in Hz; None leaves that side open.
    sfreq : float
        Sampling frequency, in Hz.
    """

    def __init__(self, highpass: float | None, lowpass: float | None, sfreq: float) -> None:
        edges = [edge for edge in (highpass, lowpass) if edge is not None]
        if any(not 0 < edge < sfreq / 2 for edge in edges) or edges != sorted(set(edges)):
            raise InputError(
                f"`highpass={highpass}` and `lowpass={lowpass}` are not the edges of a band; give frequencies between "
                f"0 and {sfreq / 2:g} Hz, half the sampling frequency of the stream, the lower one first."
            )
        self.sfreq = sfreq
        parts = [butter(ORDER, highpass, "highpass", fs=sfreq, output="sos")] if highpass is not None else []
        parts += [butter(ORDER, lowpass, "lowpass", fs=sfreq, output="sos")] if lowpass is not None else []
        self._sections = np.concatenate(parts) if parts else None
        self._state: np.ndarray | None = None

    def clear(self) -> None:
        """Forget the past, as after a gap."""
        self._state = None

    def __call__(self, data: np.ndarray) -> np.ndarray:
        """Filter the next samples, shape (n_channels, n)."""
        if self._sections is None or not data.shape[1]:
            return data
        if self._state is None:  # as if the first sample had lasted forever
            start = sosfilt_zi(self._sections)
            self._state = start[:, np.newaxis, :] * data[np.newaxis, :, :1]
        filtered, self._state = sosfilt(self._sections, data, axis=1, zi=self._state)
        return np.asarray(filtered)
