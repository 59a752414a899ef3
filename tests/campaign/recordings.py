"""Recordings of one simulated response in many formats, and what goes wrong with recordings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mne
import numpy as np

import headwater as hw
from campaign.damage import damage_file
from campaign.outcomes import Outcome, check_results, run

MONTAGE, SPACING = "biosemi32", 15.0
SFREQ, N_TRIALS, PERIOD = 200.0, 20, 1.0
PEAK_NAM, NOISE_V = 40.0, 4e-6


@dataclass(frozen=True, eq=False)
class Ground:
    """A raw recording of a response to 20 events, and where its source is."""

    raw: mne.io.RawArray
    truth_mm: np.ndarray


@cache
def ground() -> Ground:
    """Simulate on the template head, once per process."""
    rng = np.random.default_rng(0)
    head = hw.template_head()
    leadfield = hw.make_leadfield(head, hw.montage_info(head, MONTAGE), spacing=SPACING)
    source = int(np.argmax(leadfield.pos @ [-0.6, -0.6, 0.5]))  # on the left, towards the back
    normal = leadfield.pos[source] - leadfield.pos.mean(axis=0)
    topography = leadfield.gain[:, source] @ (normal / np.linalg.norm(normal))
    n_times = int(SFREQ * PERIOD * (N_TRIALS + 2))
    times = np.arange(n_times) / SFREQ
    onsets = PERIOD * (1 + np.arange(N_TRIALS))
    course = sum(np.exp(-(((times - onset - 0.1) / 0.03) ** 2)) for onset in onsets)
    data = 1e-9 * PEAK_NAM * np.outer(topography, course) + NOISE_V * rng.standard_normal((len(topography), n_times))
    info = mne.create_info(leadfield.ch_names, SFREQ, "eeg")
    info.set_montage(mne.channels.make_standard_montage(MONTAGE))
    raw = mne.io.RawArray(data, info, verbose="ERROR")
    raw.set_annotations(mne.Annotations(onsets, 0.0, ["S  1"] * N_TRIALS))
    return Ground(raw, 1e3 * head.to_mni(leadfield.pos[[source]])[0])


def _epochs(raw: mne.io.BaseRaw) -> mne.Epochs:
    events, event_id = mne.events_from_annotations(raw, verbose="ERROR")
    return mne.Epochs(raw, events, event_id, -0.2, 0.5, preload=True, verbose="ERROR")


Writer = Callable[[mne.io.BaseRaw, Path], tuple[Path, list[str]]]


def _write_evoked(raw: mne.io.BaseRaw, folder: Path) -> tuple[Path, list[str]]:
    path = folder / "tone-ave.fif"
    _epochs(raw).average(picks="all").save(path, verbose="ERROR")
    return path, []


def _write_epochs(raw: mne.io.BaseRaw, folder: Path) -> tuple[Path, list[str]]:
    path = folder / "tone-epo.fif"
    _epochs(raw).save(path, verbose="ERROR")
    return path, []


def _write_raw(raw: mne.io.BaseRaw, folder: Path) -> tuple[Path, list[str]]:
    path = folder / "tone_raw.fif"
    raw.save(path, verbose="ERROR")
    return path, ["--condition", "S  1"]


def _exporter(name: str) -> Writer:
    def write(raw: mne.io.BaseRaw, folder: Path) -> tuple[Path, list[str]]:
        path = folder / name
        if path.suffix == ".edf":  # which holds integers
            raw = raw.copy()
            np.nan_to_num(raw._data, copy=False, posinf=1.0, neginf=-1.0)
        mne.export.export_raw(path, raw, verbose="ERROR")
        return path, ["--condition", "S  1"]

    return write


def _write_brainvision(raw: mne.io.BaseRaw, folder: Path) -> tuple[Path, list[str]]:
    """Write the three files of BrainVision by hand: header, markers, samples in 0.1 uV."""
    samples = np.round(raw.get_data(picks="eeg") * 1e7)
    names = [name for name, kind in zip(raw.ch_names, raw.get_channel_types(), strict=True) if kind == "eeg"]
    np.clip(np.nan_to_num(samples), -32768, 32767).T.astype("<i2").tofile(folder / "tone.eeg")
    channels = "\n".join(f"Ch{k}={name},,0.1,µV" for k, name in enumerate(names, 1))
    (folder / "tone.vhdr").write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\nDataFile=tone.eeg\n"
        f"MarkerFile=tone.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels={len(names)}\n"
        f"SamplingInterval={1e6 / raw.info['sfreq']:.0f}\n\n[Binary Infos]\nBinaryFormat=INT_16\n\n"
        f"[Channel Infos]\n{channels}\n"
    )
    markers = "\n".join(
        f"Mk{k}=Stimulus,S  1,{round(onset * raw.info['sfreq']) + 1},1,0"
        for k, onset in enumerate(raw.annotations.onset, 1)
    )
    (folder / "tone.vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\nDataFile=tone.eeg\n\n"
        f"[Marker Infos]\n{markers}\n"
    )
    return folder / "tone.vhdr", ["--condition", "Stimulus/S  1"]


WRITERS: tuple[Writer, ...] = (
    _write_evoked,
    _write_epochs,
    _write_raw,
    _write_brainvision,
    _exporter("tone.edf"),
    _exporter("tone.set"),
)

Fault = Callable[[mne.io.RawArray, np.random.Generator], object]


def _channels(raw: mne.io.BaseRaw, rng: np.random.Generator) -> np.ndarray:
    """Draw one to all channels."""
    return rng.permutation(len(raw.ch_names))[: int(rng.integers(1, len(raw.ch_names) + 1))]


def nothing(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Change nothing."""


def not_finite(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Put NaN or infinity into one sample of some channels."""
    raw._data[_channels(raw, rng), rng.integers(raw.n_times)] = rng.choice([np.nan, np.inf, -np.inf])


def scaled(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Write some channels in another unit."""
    raw._data[_channels(raw, rng)] *= 10.0 ** rng.choice([-9, -6, -3, 2.5, 3, 6, 9])


def flat(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Switch some channels off."""
    raw._data[_channels(raw, rng)] = 0.0


def constant(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Add an offset to some channels."""
    raw._data[_channels(raw, rng)] += 10.0 ** rng.uniform(-6, 3)


def equal(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Bridge some electrodes."""
    picks = _channels(raw, rng)
    raw._data[picks] = raw._data[picks].mean(axis=0)


def swapped(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Plug some electrodes into the wrong sockets."""
    picks = _channels(raw, rng)
    raw._data[picks] = raw._data[np.roll(picks, 1)]


def inverted(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Change the sign of some channels."""
    raw._data[_channels(raw, rng)] *= -1


def renamed(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Give channels names that say nothing, or too much."""
    style = [
        lambda k, name: f"EEG {k:03d}",
        lambda k, name: name.lower(),
        lambda k, name: f"{name}-Ref",
        lambda k, name: f"EEG {name}-A1",
        lambda k, name: f"[red]{name}[/red]<b>",
        lambda k, name: f"{name}é",
        lambda k, name: "EOG" if k == 0 else name,
    ][rng.integers(7)]
    raw.rename_channels({name: style(k, name) for k, name in enumerate(raw.ch_names)}, verbose="ERROR")


def retyped(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Declare some channels as something else."""
    kind = str(rng.choice(["misc", "eog", "ecg", "emg", "stim", "seeg", "ecog", "bio"]))
    raw.set_channel_types({raw.ch_names[pick]: kind for pick in _channels(raw, rng)}, verbose="ERROR")


def bad(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Mark some channels as bad."""
    raw.info["bads"] = [raw.ch_names[pick] for pick in _channels(raw, rng)]


def fewer(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Keep some channels."""
    raw.pick(sorted(_channels(raw, rng)))


def displaced(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Put electrodes in impossible places."""
    for pick in _channels(raw, rng):
        raw.info["chs"][pick]["loc"][:3] *= rng.choice([0.0, 1e-3, 0.3, 10.0, 1e3, np.nan])


def coincident(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Put several electrodes in one place."""
    picks = _channels(raw, rng)
    for pick in picks:
        raw.info["chs"][pick]["loc"][:3] = raw.info["chs"][picks[0]]["loc"][:3]


def without_positions(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Forget the montage."""
    raw.set_montage(None)


def mirrored(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Confuse the axes of the positions."""
    order = rng.permutation(3)
    for channel in raw.info["chs"]:
        channel["loc"][:3] = channel["loc"][:3][order]


def without_events(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Keep none or only a few events."""
    keep = int(rng.integers(0, 3))
    raw.set_annotations(raw.annotations[:keep])


def odd_events(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Put events at the ends, at one time, or call them otherwise."""
    onsets = rng.choice([0.0, 0.01, raw.times[-1], raw.times[-1] / 2], size=4)
    raw.set_annotations(mne.Annotations(np.sort(onsets), 0.0, str(rng.choice(["S  1", "BAD_x", "", "boundary"]))))


def short(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Keep a fraction of a second."""
    raw.crop(0, float(rng.choice([0.0, 0.01, 0.1, 1.3])))


def noise_only(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Leave no response."""
    raw._data[:] = NOISE_V * rng.standard_normal(raw._data.shape)


def projected(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Add projections, applied or not."""
    raw.set_eeg_reference("average", projection=True, verbose="ERROR")
    vectors = mne.compute_proj_raw(raw, n_eeg=int(rng.integers(1, 4)), verbose="ERROR")
    raw.add_proj(vectors, verbose="ERROR")
    if rng.random() < 0.5:
        raw.apply_proj(verbose="ERROR")


def filtered_away(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Keep nothing below 40 Hz."""
    raw.filter(40.0, None, verbose="ERROR")


def slow(raw: mne.io.RawArray, rng: np.random.Generator) -> object:
    """Sample a few times per second."""
    raw.resample(float(rng.choice([5.0, 20.0])), verbose="ERROR")


FAULTS: tuple[Fault, ...] = (
    *(nothing, not_finite, scaled, flat, constant, equal, swapped, inverted, renamed, retyped, bad, fewer),
    *(displaced, coincident, without_positions, mirrored, without_events, odd_events, short, noise_only),
    *(projected, filtered_away, slow),
)
# Faults that leave the response visible at the wrong place cannot be told from another response by anybody.
UNDETECTABLE = (swapped, inverted, mirrored, displaced, coincident, renamed, equal)
SOLVERS = ("eloreta", "mne", "dspm", "lcmv", "piunet")


def attack(number: int, folder: Path) -> Outcome:
    """Localise recording ``number`` of the campaign; every second one is damaged as a file, the others as data."""
    rng = np.random.default_rng([1, number])
    raw = ground().raw.copy()
    fault = FAULTS[rng.integers(len(FAULTS))]
    as_file = number % 2 == 1
    writer = WRITERS[rng.integers(len(WRITERS))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not as_file:
                fault(raw, rng)
            path, options = writer(raw, folder)
        except (ValueError, RuntimeError, IndexError, OSError):  # MNE-Python cannot write such a recording either
            path, options = _write_raw(ground().raw, folder)
            fault, as_file = nothing, True
    words = fault.__name__
    if as_file:
        files = [file for file in sorted(folder.iterdir()) if file.is_file()]
        words = damage_file(files[rng.integers(len(files))], rng)
    solver = str(rng.choice(SOLVERS, p=[0.4, 0.2, 0.15, 0.15, 0.1]))
    out = folder / "out"
    truth = None if as_file or fault in UNDETECTABLE else ground().truth_mm
    arguments = ["localize", path, *options, "--out", out, "--spacing", SPACING, "--solver", solver]
    found = run(f"{number} {path.suffix} {words} {solver}", arguments, lambda: check_results(out, truth))
    return found
