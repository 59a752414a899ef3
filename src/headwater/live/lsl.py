"""Lab Streaming Layer: a stream in, a stream out."""

from __future__ import annotations

from typing import Any

import mne
import numpy as np
from mne_lsl.lsl import StreamInfo, StreamInlet, StreamOutlet, local_clock, resolve_streams

from headwater._utils.errors import InputError
from headwater.live.loop import LiveEstimate
from headwater.live.ports import EstimateSink, SampleSource
from headwater.live.summary import Anatomy

SEARCH = 3.0  # s: streams of other computers may take a while to answer
SILENCE = 5.0  # s without a sample after which a stream has ended
AT_ONCE = 1024  # samples

# What streams write as units, and the factor to V, T or T/m; a number is a power of ten.
UNITS = {
    **dict.fromkeys(("v", "volt", "volts", "t", "tesla", "t/m"), 1.0),
    **dict.fromkeys(("mv", "millivolt", "millivolts"), 1e-3),
    **dict.fromkeys(("uv", "µv", "μv", "microvolt", "microvolts"), 1e-6),
    **dict.fromkeys(("nv", "nanovolt", "nanovolts"), 1e-9),
    **dict.fromkeys(("ft", "femtotesla", "ft/m"), 1e-15),
    "ft/cm": 1e-13,
}


def find_stream(name: str | None, source_id: str | None) -> Any:
    """Return the one stream of this name or source id.

    Parameters
    ----------
    name : str | None
    source_id : str | None
        Safer than a name, since two computers may use the same one.
    """
    wanted = {key: value for key, value in (("name", name), ("source_id", source_id)) if value is not None}
    found = [one for one in resolve_streams(SEARCH, **wanted) if one.sfreq > 0]
    if len(found) == 1:
        return found[0]
    said = " and ".join(f"{key} {value!r}" for key, value in wanted.items()) or "any name"
    if found:
        raise InputError(
            f"{len(found)} streams have {said} ({_listed(found)}); choose one with `name` and `source_id`."
        )
    others = [one for one in resolve_streams(SEARCH) if one.sfreq > 0]
    if not others:
        raise InputError("No stream of regular samples was found; start the one of the amplifier first.")
    raise InputError(f"There is no regular stream with {said}; choose one of {_listed(others)}.")


def _listed(streams: list[Any]) -> str:
    return ", ".join(f"{one.name!r} (source_id {one.source_id!r}, {one.n_channels} channels)" for one in streams)


class LslSource(SampleSource):
    """Samples of a stream of the network.

    Parameters
    ----------
    name, source_id : str | None
        See `find_stream`.
    unit : str | None
        Of EEG and MEG channels, such as ``"uV"``; None: what the stream says.
    """

    def __init__(self, name: str | None, source_id: str | None, *, unit: str | None = None) -> None:
        self._inlet = StreamInlet(find_stream(name, source_id), max_buffered=60, processing_flags=["clocksync"])
        self._inlet.open_stream(timeout=SEARCH)
        described = self._inlet.get_sinfo()
        self.name = described.name
        self.info = _channels(described)
        self._factors = _factors(described, self.info, unit)[:, np.newaxis]

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Wait for the next sample, and take all that have arrived."""
        first, time = self._inlet.pull_sample(timeout=SILENCE)
        if time is None:
            return np.empty((len(self.info["ch_names"]), 0)), np.empty(0)
        first = np.array(first, dtype=float)  # the next call writes over it
        parts, times = [first[np.newaxis]], [np.array([time])]
        while True:
            rest, later = self._inlet.pull_chunk(timeout=0.0, max_samples=AT_ONCE)
            parts.append(np.array(rest, dtype=float).reshape(-1, len(first)))
            times.append(np.array(later))
            if len(later) < AT_ONCE:
                break
        return self._factors * np.vstack(parts).T, np.concatenate(times)

    def clock(self) -> float:
        """Return the time of this computer, to which those of the samples are translated."""
        return float(local_clock())


def _channels(described: Any) -> mne.Info:
    """Return the channels of a stream."""
    info = described.get_channel_info()
    if not mne.pick_types(info, meg=True, eeg=True, exclude=[]).size:
        types = ", ".join(sorted(set(info.get_channel_types())))
        raise InputError(
            f"The stream {described.name!r} has no EEG or MEG channels ({types}); choose another one, or let the "
            "sender state the types of its channels."
        )
    return info


def _factors(described: Any, info: mne.Info, unit: str | None) -> np.ndarray:
    """Return what turns each channel into SI units; 1 for channels that are no sensors."""
    said = described.get_channel_units() or [""] * len(info["ch_names"])
    factors = np.ones(len(said))
    for pick in mne.pick_types(info, meg=True, eeg=True, exclude=[]):
        given = str(said[pick] or "") if unit is None else unit
        factor = factor_of(given)
        if factor is None:
            raise InputError(
                f"The unit of channel {info['ch_names'][pick]} of the stream is {given!r}, which is not known; give "
                "`unit`, for example uV."
            )
        factors[pick] = factor
    return factors


def factor_of(unit: str) -> float | None:
    """Return the factor to V, T or T/m; None for a unit that is not known."""
    text = unit.strip().lower()
    if text in UNITS:
        return UNITS[text]
    try:
        return float(10.0 ** int(text))
    except ValueError:
        return None


class LslSink(EstimateSink):
    """Regions of the atlas as a stream: amplitude and standard deviation of the strongest source of each.

    The first channels are position, amplitude and standard deviation of the strongest source of all. Samples carry the
    time of the last sample of their window.

    Parameters
    ----------
    name : str
        Name and source id of the stream.
    anatomy : Anatomy
    unit : str
        Of the amplitudes.
    """

    def __init__(self, name: str, anatomy: Anatomy, unit: str) -> None:
        self._anatomy = anatomy
        names = [f"peak {axis}" for axis in "xyz"] + ["peak amplitude", "peak sd"]
        units = ["mm"] * 3 + [unit] * 2
        for region in anatomy.regions:
            names += [region, f"{region} sd"]
            units += [unit] * 2
        described = StreamInfo(name, "sources", len(names), 0.0, "float32", name)
        described.set_channel_names(names)
        described.set_channel_units(units)
        described.set_channel_types("misc")
        described.desc.append_child_value("frame", anatomy.frame)
        self._outlet = StreamOutlet(described)

    def send(self, estimate: LiveEstimate) -> None:
        """Push one sample; standard deviations are NaN for solvers without a posterior."""
        amplitude = estimate.amplitude
        sd = np.full_like(amplitude, np.nan) if estimate.sd is None else estimate.sd
        peak, regions = int(amplitude.argmax()), self._anatomy.strongest(estimate)
        of_regions = np.column_stack([amplitude[regions], sd[regions]]).ravel()
        sample = np.r_[self._anatomy.pos_mm[peak], amplitude[peak], sd[peak], of_regions]
        self._outlet.push_sample(sample.astype(np.float32), timestamp=estimate.time)

    def close(self) -> None:
        """Take the stream from the network."""
        del self._outlet
