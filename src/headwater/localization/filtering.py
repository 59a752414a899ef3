"""The frequency band of a recording."""

from __future__ import annotations

from dataclasses import dataclass

import mne

from headwater._utils.errors import InputError

# Recursive, since averages are often shorter than the window of a steep FIR filter.
BUTTERWORTH = {"order": 4, "ftype": "butter", "output": "sos"}

# Responses that peak this early after a stimulus (s) are fast: in the clinic, somatosensory evoked potentials are
# recorded with a high-pass of 20 to 30 Hz, since slower activity of deep origin hides the first cortical response.
SHORT_LATENCY, SHORT_LATENCY_HIGHPASS = 0.05, 20.0

# Below this share of half the sampling rate, the filter is not accurate in double precision.
LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class Band:
    """Zero-phase Butterworth filter of fourth order.

    Attributes
    ----------
    highpass, lowpass : float | None
        Its edges in Hz; None leaves that side open.
    """

    highpass: float | None = None
    lowpass: float | None = None

    def apply(self, inst: mne.io.BaseRaw | mne.BaseEpochs | mne.Evoked) -> mne.io.BaseRaw | mne.BaseEpochs | mne.Evoked:
        """Return a filtered copy; the recording itself if the band is open on both sides."""
        edges = [edge for edge in (self.highpass, self.lowpass) if edge is not None]
        if not edges:
            return inst
        nyquist = inst.info["sfreq"] / 2
        if not all(0 < edge < nyquist for edge in edges) or sorted(set(edges)) != edges:
            raise InputError(
                f"A filter from {self.highpass or 0:g} to {self.lowpass or nyquist:g} Hz is impossible: give "
                f"`highpass` below `lowpass`, both between 0 and {nyquist:g} Hz, half the sampling rate."
            )
        if self.highpass is not None and self.highpass < LEAST_SHARE * nyquist:
            raise InputError(
                f"A high-pass filter at {self.highpass:g} Hz lets everything pass; leave out `highpass`, or give at "
                f"least {LEAST_SHARE * nyquist:g} Hz."
            )
        inst = inst.copy()
        if not isinstance(inst, mne.Evoked):
            inst.load_data()
        return inst.filter(self.highpass, self.lowpass, method="iir", iir_params=dict(BUTTERWORTH), verbose="ERROR")

    def __str__(self) -> str:
        edges = (("high-pass", self.highpass), ("low-pass", self.lowpass))
        words = [f"{name} {edge:g} Hz" for name, edge in edges if edge is not None]
        return " and ".join(words) or "none beyond the recording's own"


def default_band(
    highpass: float | None, lowpass: float | None, tmin: float | None, tmax: float | None, sfreq: float
) -> Band:
    """Return the band of an evoked response; a window within 50 ms of the stimulus is high-pass filtered at 20 Hz.

    Parameters
    ----------
    highpass, lowpass : float | None
        In Hz, as the user gave them. A high-pass of 0 leaves the recording as it is.
    tmin, tmax : float | None
        Window after the stimulus, in s.
    sfreq : float
        Sampling rate in Hz; a rate too low for fast responses changes nothing.
    """
    if highpass == 0:
        return Band(None, lowpass)
    short = tmin is not None and tmax is not None and 0 < tmin <= tmax <= SHORT_LATENCY and sfreq * SHORT_LATENCY > 10
    if highpass is None and short and (lowpass is None or lowpass > SHORT_LATENCY_HIGHPASS):
        return Band(SHORT_LATENCY_HIGHPASS, lowpass)
    return Band(highpass, lowpass)
