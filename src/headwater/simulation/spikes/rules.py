"""Find interictal spikes in simulated brain activity and cut them out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater._utils.errors import InputError


@dataclass(frozen=True)
class SpikeRules:
    """Selection of spikes, and of the clips cut out around them.

    The signal is divided into blocks as long as a clip. A block becomes a clip if the target region spikes in it and no
    other region is above the threshold in the window around it. ``PUBLISHED`` are the rules of Sun et al. (2022,
    PNAS 119:e2201128119) and of the studies that followed. The defaults differ where these have defects. In the
    published rules, a peak hides the peaks of all regions that follow within 100 samples, so that a window counts as
    clean although other regions spike in it; a block with two spikes is saved twice; a spike at a block's end is cut in
    half; and windows that extend past the record count as clean.

    Attributes
    ----------
    transient : int
        Points dropped at the beginning, before downsampling.
    downsample : int
        One in this many of the remaining points is kept. All other numbers count kept samples.
    threshold : float
        Potential in mV from which a region counts as active.
    clip : int
        Length of a clip.
    margin : int
        The window that must be free of other regions' activity extends this many samples beyond the clip on either
        side.
    ends : int
        Peaks with fewer samples of the record than this on either side are ignored.
    edge : int
        Smallest distance of a peak from both ends of its clip.
    thinning : int
        Peaks of any region within this many samples after another peak are ignored. If 0, none are ignored, and other
        regions must stay below the threshold rather than have no peak.
    repeats : bool
        Save a clip once for each spike in it.
    whole_windows : bool
        Drop clips whose window reaches past the record.
    """

    transient: int = 1000
    downsample: int = 4
    threshold: float = 8.0
    clip: int = 500
    margin: int = 200
    ends: int = 250
    edge: int = 50
    thinning: int = 0
    repeats: bool = False
    whole_windows: bool = True

    def __post_init__(self) -> None:
        if self.downsample < 1 or self.clip < 1 or min(self.transient, self.margin, self.ends, self.thinning) < 0:
            raise InputError("downsample and clip must be at least 1 in SpikeRules, the other counts at least 0.")
        if self.transient % self.downsample:
            raise InputError("transient must be a multiple of downsample, so that both can be done while simulating.")
        if not 0 <= 2 * self.edge < self.clip:
            raise InputError(f"An edge of {self.edge} leaves no room for a spike in a clip of {self.clip} samples.")
        if not np.isfinite(self.threshold):
            raise InputError(f"The threshold of a spike must be a number, not {self.threshold}.")


PUBLISHED = SpikeRules(edge=0, thinning=100, repeats=True, whole_windows=False)


def find_clips(signal: np.ndarray, target: int, rules: SpikeRules | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Find the clips in which the target region spikes alone.

    Parameters
    ----------
    signal : array of shape (n_regions, n_samples)
        Potentials in mV, without the transient and downsampled.
    target : int
        The epileptic region.
    rules : SpikeRules | None
        The corrected rules if None.

    Returns
    -------
    starts : int array of shape (n_clips,)
        First sample of each clip.
    peaks : int array of shape (n_clips,)
        Sample of the spike's peak; of the highest one if a clip is saved once.
    """
    rules = rules or SpikeRules()
    n_samples = signal.shape[1]
    peaks, disturbed = (_thinned_events if rules.thinning else _events)(signal, target, rules)
    peaks = peaks[(peaks >= rules.ends - 1) & (peaks + rules.ends < n_samples)]
    starts = peaks // rules.clip * rules.clip
    fits = (peaks - starts >= rules.edge) & (peaks - starts < rules.clip - rules.edge)
    fits &= starts + rules.clip <= n_samples
    first, last = starts - rules.margin, starts + rules.clip + rules.margin
    if rules.whole_windows:
        fits &= (first >= 0) & (last <= n_samples)
    n_disturbed = np.concatenate(([0], np.cumsum(disturbed)))
    clean = n_disturbed[last.clip(max=n_samples)] == n_disturbed[first.clip(min=0)]
    starts, peaks = starts[fits & clean], peaks[fits & clean]
    return (starts, peaks) if rules.repeats else _highest_of_each(starts, peaks, signal[target])


def cut_clips(signal: np.ndarray, members: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Cut clips from the signals of some regions.

    Parameters
    ----------
    signal : array of shape (n_regions, n_samples)
    members : int array of shape (n_members,)
        The regions to keep.
    starts : int array of shape (n_clips,)
    length : int

    Returns
    -------
    clips : array of float16, of shape (n_clips, n_members, length)
        In mV, resolved to 0.008 mV or better below 16 mV.
    """
    samples = starts[:, None, None] + np.arange(length)
    return np.asarray(signal[members[None, :, None], samples], dtype=np.float16)


def _events(signal: np.ndarray, target: int, rules: SpikeRules) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of the target region, and the samples at which any other region is active."""
    active = (signal >= rules.threshold).sum(axis=0) - (signal[target] >= rules.threshold)
    return np.flatnonzero(_is_peak(signal[target], rules.threshold)), active > 0


def _thinned_events(signal: np.ndarray, target: int, rules: SpikeRules) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of the target region, and the samples that are peaks of others, thinned as published."""
    samples, regions = np.nonzero(_is_peak(signal, rules.threshold).T)
    kept = np.diff(samples, prepend=-np.inf) > rules.thinning
    samples, regions = samples[kept], regions[kept]
    # As published, peaks near the ends of the record are removed before windows are examined.
    inside = (samples >= rules.ends - 1) & (samples + rules.ends < signal.shape[1])
    disturbed = np.zeros(signal.shape[1], dtype=bool)
    disturbed[samples[inside & (regions != target)]] = True
    return samples[regions == target], disturbed


def _is_peak(signal: np.ndarray, threshold: float) -> np.ndarray:
    """Mark samples above the threshold that exceed both neighbours (the first sample of a plateau of two)."""
    peak = np.zeros(signal.shape, dtype=bool)
    middle = signal[..., 1:-1]
    peak[..., 1:-1] = (middle >= threshold) & (middle > signal[..., :-2]) & (middle >= signal[..., 2:])
    return peak


def _highest_of_each(starts: np.ndarray, peaks: np.ndarray, trace: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort((-trace[peaks], starts))
    starts, first = np.unique(starts[order], return_index=True)
    return starts, peaks[order][first]
