"""Filter, bad channels and independent components of one recording."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import mne

from headwater.head.sensors import info_with_standard_positions
from headwater.head.template import template_head
from headwater.pipeline.settings import BadChannels, Components, Filter, PipelineSettings

ICLABEL_BAND = (1.0, 100.0)  # Hz, of the recordings that ICLabel was trained on
LEAST_CHANNELS = 8  # for components and for bad channels


@dataclass(frozen=True, eq=False)
class Component:
    """One independent component."""

    number: int
    label: str
    probability: float
    removed: bool


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A recording and what was done to it.

    Attributes
    ----------
    raw : mne.io.BaseRaw
    words : dict of str to str
        What each step did.
    components : list of Component
    """

    raw: mne.io.BaseRaw
    words: dict[str, str]
    components: list[Component] = field(default_factory=list)


def clean(raw: mne.io.BaseRaw, settings: PipelineSettings) -> Cleaned:
    """Clean a recording; the original is kept.

    Bad channels and components are those of EEG: pyprep and ICLabel know no MEG.
    """
    montage = settings.localisation.montage
    raw = raw.copy().load_data(verbose="ERROR")
    if montage is not None:
        raw.set_montage(montage, on_missing="ignore", verbose="ERROR")
    words = {"Bad channels of the data set": ", ".join(raw.info["bads"]) or "none"}
    n_eeg = len(mne.pick_types(raw.info, eeg=True))
    if n_eeg:
        raw = _with_positions(raw)
    # ICLabel needs the band of its training, so components are found before the final filter.
    broad = raw.copy()
    raw, words["Filter"] = _filtered(raw, settings.filter)
    components: list[Component] = []
    if n_eeg < LEAST_CHANNELS:
        words["Cleaning"] = f"bad channels and components were not looked for: {n_eeg} EEG channels"
        return Cleaned(raw, words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages, about their own arithmetic
        if settings.bad_channels.find:
            found, words["Bad channels found"] = _bad_channels(broad, settings.bad_channels, settings.seed)
            raw.info["bads"] = broad.info["bads"] = sorted({*raw.info["bads"], *found})
        if settings.ica is not None:
            raw, components, words["Components"] = _without_components(raw, broad, settings.ica, settings.seed)
    return Cleaned(raw, words, components)


def _with_positions(raw: mne.io.BaseRaw) -> mne.io.BaseRaw:
    """Place electrodes without position by their names, as `headwater.analyze` does."""
    placed = info_with_standard_positions(raw.info, template_head())
    for channel, known in zip(raw.info["chs"], placed["chs"], strict=True):
        channel["loc"] = known["loc"].copy()
        channel["coord_frame"] = known["coord_frame"]
    if raw.info["dig"] is None:
        raw.set_montage(placed.get_montage(), verbose="ERROR")
    return raw


def _filtered(raw: mne.io.BaseRaw, band: Filter) -> tuple[mne.io.BaseRaw, str]:
    nyquist = float(raw.info["sfreq"]) / 2
    lowpass = band.lowpass if band.lowpass is not None and band.lowpass < nyquist else None
    if band.notch is not None and band.notch < nyquist:
        raw.notch_filter([band.notch * k for k in range(1, int(nyquist / band.notch) + 1) if band.notch * k < nyquist])
    if band.highpass is not None or lowpass is not None:
        raw.filter(band.highpass, lowpass, verbose="ERROR")
    ends = f"{band.highpass or 0:g} to {lowpass or nyquist:g} Hz"
    return raw, ends + (f", notch at multiples of {band.notch:g} Hz" if band.notch is not None else "")


def _bad_channels(raw: mne.io.BaseRaw, how: BadChannels, seed: int) -> tuple[list[str], str]:
    """Return bad channels by pyprep."""
    from pyprep import NoisyChannels

    eeg = raw.copy().pick("eeg", exclude="bads")
    search = NoisyChannels(eeg, random_state=seed, ransac=how.ransac)
    search.find_all_bads()
    found = sorted(str(name) for name in search.get_bads())
    return found, ", ".join(found) or "none"


def _without_components(
    raw: mne.io.BaseRaw, broad: mne.io.BaseRaw, how: Components, seed: int
) -> tuple[mne.io.BaseRaw, list[Component], str]:
    """Remove components by their labels."""
    from mne_icalabel import label_components

    low, high = ICLABEL_BAND
    high = min(high, 0.99 * float(broad.info["sfreq"]) / 2)
    eeg = broad.copy().pick("eeg", exclude="bads").filter(low, high, verbose="ERROR")
    eeg.set_eeg_reference("average", verbose="ERROR")
    n_most = len(eeg.ch_names) - 1  # the average reference takes one dimension
    n_components = min(how.n, n_most) if isinstance(how.n, int) else how.n
    ica = mne.preprocessing.ICA(
        n_components, method="picard", fit_params={"ortho": False, "extended": True}, random_state=seed
    )
    ica.fit(eeg, verbose="ERROR")
    said = label_components(eeg, ica, method="iclabel")
    components = [
        Component(number, label, float(probability), label in how.remove and probability >= how.probability)
        for number, (label, probability) in enumerate(zip(said["labels"], said["y_pred_proba"], strict=True))
    ]
    removed = [one for one in components if one.removed]
    if removed:
        raw = _applied(ica, raw, [one.number for one in removed])
    listed = ", ".join(f"{one.number} ({one.label}, {one.probability:.2f})" for one in removed)
    return raw, components, f"{len(components)} found, {len(removed)} removed{': ' if removed else ''}{listed}"


def _applied(ica: mne.preprocessing.ICA, raw: mne.io.BaseRaw, exclude: list[int]) -> mne.io.BaseRaw:
    """Remove components from the EEG, which is referenced to its average as it was for the components."""
    bads = raw.info["bads"]
    raw.set_eeg_reference("average", verbose="ERROR")
    cleaned = ica.apply(raw, exclude=exclude, verbose="ERROR")
    cleaned.info["bads"] = bads
    return cleaned
