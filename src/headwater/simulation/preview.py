"""A picture of what a preset draws: a few samples with their sources, time courses and topographies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mne
import numpy as np

from headwater._utils.files import atomic_file
from headwater.forward.leadfield import LeadField
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate

VIEWS = {"from the right": (1, 2), "from above": (0, 1), "from behind": (0, 2)}  # axes of head coordinates
N_SAMPLES = 4
SENSOR_UNITS = {"eeg": (1e6, "µV"), "mag": (1e15, "fT"), "grad": (1e13, "fT/cm")}


def plot_preview(leadfield: LeadField, preset: Preset, path: str | Path, seed: int = 0) -> None:
    """Draw four samples, one a row, and write the picture.

    From left to right: the strength of each source's current from three sides (at the time when it is largest, strong
    ones on top, centres ringed); the time courses at the centres; those of the sensors, or their values where there is
    one time only; and the topography, one for each sensor type whose positions are known.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    samples = simulate(leadfield, preset, N_SAMPLES, seed)
    kinds = [kind for kind in SENSOR_UNITS if kind in leadfield.info.get_channel_types()]
    shown = [kind for kind in kinds if _has_positions(leadfield.info, kind)]
    n_columns = len(VIEWS) + 2 + len(shown)
    figure = Figure(figsize=(2.6 * n_columns, 2.5 * N_SAMPLES), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"{preset.name}: {N_SAMPLES} samples, seed {seed}")
    for row, axes in enumerate(figure.subplots(N_SAMPLES, n_columns, squeeze=False)):
        one = samples[row : row + 1]
        _draw_sources(axes[: len(VIEWS)], leadfield, one, title=row == 0)
        _draw_courses(axes[len(VIEWS)], one)
        _draw_sensors(axes[len(VIEWS) + 1], leadfield, one, kinds[0])
        for axis, kind in zip(axes[len(VIEWS) + 2 :], shown, strict=True):
            _draw_topography(axis, leadfield, one, kind)
    with atomic_file(Path(path)) as temporary:
        figure.savefig(temporary, dpi=110)


def _has_positions(info: mne.Info, kind: str) -> bool:
    """Whether the channels of one type have places of their own."""
    picks = mne.pick_types(info, meg=False if kind == "eeg" else kind, eeg=kind == "eeg", exclude=())
    places = np.array([info["chs"][pick]["loc"][:3] for pick in picks])
    return bool(np.isfinite(places).all()) and len(np.unique(places.round(6), axis=0)) > len(picks) // 2


def _peak_time(sample: Samples) -> int:
    return int(sample.y[0].square().sum(0).argmax())


def _draw_sources(axes: Any, leadfield: LeadField, sample: Samples, *, title: bool) -> None:
    strength = 1e9 * sample.x[0, :, :, _peak_time(sample)].norm(dim=1).numpy()
    drawn = sample.truth.centers[0].numpy()
    centers = drawn[drawn >= 0]
    order = np.argsort(strength)
    for axis, (name, (across, up)) in zip(axes, VIEWS.items(), strict=True):
        mm = 1e3 * leadfield.pos
        dots = axis.scatter(mm[order, across], mm[order, up], c=strength[order], s=4, cmap="magma_r", vmin=0, lw=0)
        axis.scatter(mm[centers, across], mm[centers, up], s=30, facecolors="none", edgecolors="tab:blue", lw=0.8)
        axis.set_aspect("equal")
        axis.set_axis_off()
        if title:
            axis.set_title(name, fontsize=9)
    axes[-1].figure.colorbar(dots, ax=axes[-1], shrink=0.7, label="nA m")


def _draw_courses(axis: Any, sample: Samples) -> None:
    centers = sample.truth.centers[0]
    present = centers >= 0
    times = np.arange(sample.y.shape[2]) / sample.sfreq
    moments = sample.x[0, centers[present]]
    along = moments if moments.shape[1] == 1 else sample.truth.orientation[0, present, :, None] * moments
    courses = 1e9 * along.sum(1).numpy()
    if len(times) == 1:
        axis.axhline(0, color="0.7", lw=0.8)
        axis.plot(np.arange(1, len(courses) + 1), courses[:, 0], "o", ms=4)
        axis.set_xlabel("source", fontsize=8)
        axis.xaxis.get_major_locator().set_params(integer=True)
    else:
        axis.plot(times, courses.T, lw=0.8)
        axis.set_xlabel("s", fontsize=8)
    axis.set_title(f"at {len(courses)} centre{'s' if len(courses) > 1 else ''}, nA m", fontsize=8)
    axis.tick_params(labelsize=7)


def _draw_sensors(axis: Any, leadfield: LeadField, sample: Samples, kind: str) -> None:
    scale, unit = SENSOR_UNITS[kind]
    rows = np.flatnonzero(np.array(leadfield.info.get_channel_types()) == kind)
    values = scale * sample.y[0, rows].numpy()
    if values.shape[1] == 1:
        axis.plot(values[:, 0], "k.-", lw=0.5, ms=3)
        axis.set_xlabel("channel", fontsize=8)
    else:
        axis.plot(np.arange(values.shape[1]) / sample.sfreq, values.T, "k", lw=0.3)
        axis.set_xlabel("s", fontsize=8)
    snr = sample.truth.snr_db[0, 0].item()
    axis.set_title(f"{kind} in {unit}, " + (f"SNR {snr:.0f} dB" if np.isfinite(snr) else "no noise"), fontsize=8)
    axis.tick_params(labelsize=7)


def _draw_topography(axis: Any, leadfield: LeadField, sample: Samples, kind: str) -> None:
    picks = np.flatnonzero(np.array(leadfield.info.get_channel_types()) == kind)
    info = mne.pick_info(leadfield.info, picks)
    values = sample.y[0, picks, _peak_time(sample)].numpy()
    mne.viz.plot_topomap(values, info, axes=axis, show=False, contours=4)
    axis.set_title(kind, fontsize=8)
