"""A picture of a few samples of a preset: sources, time courses and topographies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file
from headwater.forward.leadfield import LeadField
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import Simulator

# Axes of the picture (of MRI coordinates, or head coordinates without an MRI), and the labels left and right.
VIEWS = {"from the right": (1, 2, "PA"), "from above": (0, 1, "LR"), "from behind": (0, 2, "LR")}
FORMATS = (".png", ".pdf", ".svg")
N_SAMPLES = 4
MOST_SAMPLES = 12
MOST_NAMED = 5  # sources whose regions are named
ACTIVE = 0.02  # share of the largest current above which sources are coloured
SENSORS = {"eeg": ("EEG", 1e6, "µV"), "mag": ("magnetometers", 1e15, "fT"), "grad": ("gradiometers", 1e13, "fT/cm")}


def plot_preview(
    leadfield: LeadField,
    preset: Preset,
    path: str | Path,
    seed: int = 0,
    *,
    n: int = N_SAMPLES,
    overwrite: bool = True,
) -> None:
    """Draw the first samples of a seed, one per row, and write the picture.

    From left to right: the current of each source from three sides, at the time point of the strongest recording
    (dotted line), strong sources on top, with a coloured ring around each centre; the time courses at the centres, in
    these colours; the time courses of the sensors or, for a single time point, their values with noise (dots) and
    without (line); and one topography for each sensor type with known positions.

    Parameters
    ----------
    leadfield : LeadField
    preset : Preset
    path : path
        Of a .png, .pdf or .svg file.
    seed : int
    n : int
        Number of samples, at most 12.
    overwrite : bool
        Replace an existing picture.

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.template_head()
    >>> leadfield = hw.make_leadfield(head, hw.montage_info(head, "biosemi16"), spacing=30.0, method="sphere")
    >>> hw.plot_preview(leadfield, hw.presets.PIUNET, "samples.png", n=4)  # doctest: +SKIP
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    check_picture(path, n, overwrite=overwrite)
    simulator = Simulator(leadfield, preset)
    samples = next(simulator.batches(seed, n))
    signal = samples.currents.project(simulator.gain)
    kinds = [kind for kind in SENSORS if kind in leadfield.ch_types]
    shown = [kind for kind in kinds if _has_positions(leadfield.info, kind)]
    n_columns = len(VIEWS) + 2 + len(shown)
    figure = Figure(figsize=(2.6 * n_columns, 2.5 * n), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(
        f"{preset.name}: {n} sample{'s' * (n > 1)}, seed {seed}   ({repr(leadfield).strip('<>')})", fontsize=10
    )
    for row, axes in enumerate(figure.subplots(n, n_columns, squeeze=False)):
        one = samples[row : row + 1]
        _draw_sources(axes[: len(VIEWS)], leadfield, one, title=row == 0)
        _draw_courses(axes[len(VIEWS)], leadfield, one)
        _draw_sensors(axes[len(VIEWS) + 1], leadfield, one, signal[row].cpu().numpy(), kinds[0])
        for axis, kind in zip(axes[len(VIEWS) + 2 :], shown, strict=True):
            _draw_topography(axis, leadfield, one, kind)
    with atomic_file(Path(path), overwrite=overwrite) as temporary:
        figure.savefig(temporary, dpi=110)


def check_picture(path: str | Path, n: int, *, overwrite: bool) -> None:
    """Refuse a picture that cannot be written, before anything is simulated."""
    if Path(path).suffix.lower() not in FORMATS:
        raise InputError(f"The name of a picture has to end in {', '.join(FORMATS)}, got {path}.")
    if not 1 <= n <= MOST_SAMPLES:
        raise InputError(f"A picture shows 1 to {MOST_SAMPLES} samples, and `n` is {n}; give a smaller `n`.")
    if Path(path).exists() and not overwrite:
        raise InputError(f"{path} already exists; choose another `preview`, or set `overwrite=True` to replace it.")


def _has_positions(info: mne.Info, kind: str) -> bool:
    """Whether the channels of one type have different positions."""
    picks = mne.pick_types(info, meg=False if kind == "eeg" else kind, eeg=kind == "eeg", exclude=())
    places = np.array([info["chs"][pick]["loc"][:3] for pick in picks])
    return bool(np.isfinite(places).all()) and len(np.unique(places.round(6), axis=0)) > len(picks) // 2


def _peak_time(sample: Samples) -> int:
    return int(sample.y[0].square().sum(0).argmax())


def _colors(n: int) -> list[str]:
    return [f"C{k % 10}" for k in range(n)]


def _centers(sample: Samples) -> np.ndarray:
    centers = sample.truth.centers[0].cpu().numpy()
    return centers[centers >= 0]


def _positions_mm(leadfield: LeadField) -> np.ndarray:
    """Positions in MRI coordinates, with which grids and brains are aligned, or in head coordinates."""
    head_mri_t = leadfield.mri_head_t and mne.transforms.invert_transform(leadfield.mri_head_t)
    return 1e3 * (mne.transforms.apply_trans(head_mri_t, leadfield.pos) if head_mri_t else leadfield.pos)


def _draw_sources(axes: Any, leadfield: LeadField, sample: Samples, *, title: bool) -> None:
    strength = 1e9 * sample.x[0, :, :, _peak_time(sample)].norm(dim=1).cpu().numpy()
    order = np.argsort(strength)
    active = order[strength[order] > ACTIVE * strength.max()]
    mm, centers = _positions_mm(leadfield), _centers(sample)
    for axis, (name, (across, up, sides)) in zip(axes, VIEWS.items(), strict=True):
        axis.scatter(mm[:, across], mm[:, up], color="0.88", s=4, lw=0)
        dots = axis.scatter(
            mm[active, across],
            mm[active, up],
            c=strength[active],
            s=5,
            cmap="magma_r",
            vmin=0,
            vmax=strength.max(),
            lw=0,
        )
        axis.scatter(
            mm[centers, across], mm[centers, up], s=36, facecolors="none", edgecolors=_colors(len(centers)), lw=1.2
        )
        axis.set_aspect("equal")
        axis.set_axis_off()
        for side, place in zip(sides, (0.02, 0.98), strict=True):
            axis.text(place, 0.02, side, transform=axis.transAxes, ha="center", fontsize=8, color="0.4")
        if title:
            axis.set_title(name, fontsize=9)
    axes[-1].figure.colorbar(dots, ax=axes[-1], shrink=0.7).set_label("current, nA m", fontsize=8)


def _draw_courses(axis: Any, leadfield: LeadField, sample: Samples) -> None:
    centers = _centers(sample)
    orientation = sample.truth.orientation[0, sample.truth.centers[0] >= 0]
    moments = sample.x[0, centers]
    along = moments if moments.shape[1] == 1 else orientation[:, :, None] * moments
    courses = 1e9 * along.sum(1).cpu().numpy()
    n, colors = len(centers), _colors(len(centers))
    names = [name or "no region" for name in leadfield.region_of(centers)]
    if courses.shape[1] == 1:
        lines = list(axis.bar(np.arange(1, n + 1), courses[:, 0], 0.6, color=colors))
        axis.axhline(0, color="0.7", lw=0.8)
        axis.set_xlim(0.2, max(n, MOST_NAMED) + 0.8)
        axis.set_xticks(np.arange(1, n + 1, 1 if n <= 2 * MOST_NAMED else MOST_NAMED))
        axis.set_xlabel("centre", fontsize=8)
    else:
        times = np.arange(courses.shape[1]) / sample.sfreq
        lines = [
            axis.plot(times, course, color=color, lw=0.8)[0] for course, color in zip(courses, colors, strict=True)
        ]
        _mark_peak(axis, sample)
    axis.set_title(f"current at the {f'{n} centres' if n > 1 else 'centre'}", fontsize=8)
    axis.set_ylabel("nA m", fontsize=8)
    axis.tick_params(labelsize=7)
    if n <= MOST_NAMED and leadfield.region_names:
        axis.margins(y=0.3)
        axis.legend(lines, names, fontsize=6, loc="best", frameon=True, framealpha=0.7, handlelength=1)


def _mark_peak(axis: Any, sample: Samples) -> None:
    axis.axvline(_peak_time(sample) / sample.sfreq, color="0.4", lw=0.8, ls=":")
    axis.set_xlabel("s", fontsize=8)


def _draw_sensors(axis: Any, leadfield: LeadField, sample: Samples, signal: np.ndarray, kind: str) -> None:
    name, scale, unit = SENSORS[kind]
    rows = np.flatnonzero(np.array(leadfield.ch_types) == kind)
    values = scale * sample.y[0, rows].cpu().numpy()
    if values.shape[1] == 1:
        axis.plot(scale * signal[rows, 0], "0.6", lw=0.8)
        axis.plot(values[:, 0], "k.", ms=3)
        axis.set_xlabel("channel (line: without noise)", fontsize=8)
    else:
        axis.plot(np.arange(values.shape[1]) / sample.sfreq, values.T, "k", lw=0.3)
        _mark_peak(axis, sample)
    snr = sample.truth.snr_db[0, 0].item()
    axis.set_title(f"{name}, " + (f"SNR {snr:.0f} dB" if np.isfinite(snr) else "no sensor noise"), fontsize=8)
    axis.set_ylabel(unit, fontsize=8)
    axis.tick_params(labelsize=7)


def _draw_topography(axis: Any, leadfield: LeadField, sample: Samples, kind: str) -> None:
    name, scale, unit = SENSORS[kind]
    picks = np.flatnonzero(np.array(leadfield.ch_types) == kind)
    values = scale * sample.y[0, picks, _peak_time(sample)].cpu().numpy()
    largest = np.abs(values).max()
    info = mne.pick_info(leadfield.info, picks)
    mne.viz.plot_topomap(values, info, axes=axis, show=False, contours=4, cmap="RdBu_r", vlim=(-largest, largest))
    axis.set_title(f"{name}, blue to red: ±{largest:.2g} {unit}", fontsize=8)
