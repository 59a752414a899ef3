"""Sensors at the peak, and sensors and sources over time."""

from __future__ import annotations

from typing import NamedTuple

import mne
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from headwater.localization import Localization
from headwater.report.scene import FRAME_LABELS


class SensorType(NamedTuple):
    """How people call one of MNE-Python's channel types, and the unit in which they read it."""

    plural: str
    unit: str
    per_si: float


SENSORS = {
    "eeg": SensorType("EEG electrodes", "µV", 1e6),
    "grad": SensorType("MEG gradiometers", "fT/cm", 1e13),
    "mag": SensorType("MEG magnetometers", "fT", 1e15),
}
N_SOURCE_TRACES = 3
MIN_TOPOGRAPHY = 4  # sensors below which a map between them would be invented
PEAK_COLOR = "#0b5fa5"


def sensor_types(evoked: mne.Evoked) -> list[str]:
    """Types of the sensors that were localised, EEG first."""
    present = set(evoked.get_channel_types(unique=True))
    return [kind for kind in SENSORS if kind in present]


def plot_topographies(localization: Localization, time_index: int) -> Figure | None:
    """Draw the field over the head at one time, one map per sensor type.

    Returns
    -------
    figure : matplotlib.figure.Figure | None
        None where no sensor type has enough sensors with a known position.
    """
    return _draw_topographies(localization.evoked, float(localization.evoked.times[time_index]))


def plot_residual(localization: Localization) -> Figure | None:
    """Draw what the estimate does not explain at the peak, like `plot_topographies`; None where nothing was judged."""
    if localization.trust is None:
        return None
    findings = localization.trust.findings
    fit = findings.fit or findings.eloreta.fit
    if fit is None:
        return None
    evoked = localization.evoked.copy().pick(localization.solver.leadfield_.ch_names)
    residual = mne.EvokedArray(fit.residual[:, np.newaxis], evoked.info, tmin=0.0, verbose="error")
    return _draw_topographies(residual, 0.0)


def plot_contributions(localization: Localization) -> Figure | None:
    """Draw the share of the first peak that each channel carries; None without a posterior or positions."""
    if localization.uncertainty is None:
        return None
    evoked = localization.evoked.copy().pick(localization.solver.leadfield_.ch_names)
    shares = mne.EvokedArray(localization.uncertainty.channels[:, np.newaxis], evoked.info, tmin=0.0, verbose="error")
    return _draw_topographies(shares, 0.0, shares=True)


def _draw_topographies(evoked: mne.Evoked, time: float, *, shares: bool = False) -> Figure | None:
    """Draw one map for each sensor type with enough positions, in its unit or in percent."""
    kinds = [kind for kind in sensor_types(evoked) if has_positions(evoked, kind)]
    if not kinds:
        return None
    figure = Figure(figsize=(3.6 * len(kinds), 3.6), dpi=100, layout="constrained")
    grid = figure.subplots(1, 2 * len(kinds), squeeze=False, width_ratios=[20, 1] * len(kinds))[0]
    for kind, axis, bar in zip(kinds, grid[::2], grid[1::2], strict=True):
        plural, unit, per_si = SENSORS[kind]
        unit, per_si = ("%", 100.0) if shares else (unit, per_si)
        evoked.plot_topomap(
            times=[time],
            ch_type=kind,
            scalings=per_si,
            units="",
            cbar_fmt="%.3g",
            contours=6,
            axes=[axis, bar],
            time_format="",
            show=False,
        )
        axis.set_title(f"{len(picks(evoked, kind))} {plural}", fontsize=10)
        bar.set_title(f"{unit}\n(RMS)" if kind == "grad" else unit, fontsize=9)
    return figure


def field_power(data: np.ndarray, kind: str) -> np.ndarray:
    """Spread over the sensors at each time (Lehmann & Skrandies 1980); of MEG, which has no reference, the RMS."""
    return np.asarray(data.std(axis=0) if kind == "eeg" else np.sqrt((data**2).mean(axis=0)))


def picks(evoked: mne.Evoked, kind: str) -> np.ndarray:
    """Find the channels of one type, as indices."""
    return mne.pick_types(evoked.info, meg=kind if kind in ("mag", "grad") else False, eeg=kind == "eeg")


def has_positions(evoked: mne.Evoked, kind: str) -> bool:
    """Whether enough sensors of one type have a known position for a map."""
    where = np.array([evoked.info["chs"][pick]["loc"][:3] for pick in picks(evoked, kind)])
    if kind == "grad":  # MNE-Python draws the length of the gradient, of the two gradiometers at each place
        where, sensors = np.unique(np.round(where, 4), axis=0, return_counts=True)
        where = where[sensors == 2]
    return len(where) >= MIN_TOPOGRAPHY and bool(np.isfinite(where).all() and (where != 0).any(axis=1).all())


def plot_time_courses(localization: Localization, time_index: int, *, unit: str | None = None) -> Figure | None:
    """Draw all sensors of each type with their global field power, and below them the strongest sources.

    Returns
    -------
    figure : matplotlib.figure.Figure | None
        None for a single time point.
    """
    evoked = localization.evoked
    if len(evoked.times) < 2:
        return None
    kinds = sensor_types(evoked)
    with_sources = len(localization.peaks) > 0
    n_rows = len(kinds) + with_sources
    figure = Figure(figsize=(10, 0.6 + 2.2 * n_rows), dpi=100, layout="constrained")
    axes = figure.subplots(n_rows, 1, sharex=True, squeeze=False)[:, 0]
    for axis, kind in zip(axes, kinds, strict=False):
        _draw_butterfly(axis, evoked, kind)
    if with_sources:
        _draw_sources(axes[-1], localization, localization.unit if unit is None else unit)
    peak_ms = 1e3 * evoked.times[time_index]
    for axis in axes:
        axis.axvline(peak_ms, color=PEAK_COLOR, linewidth=1.2, linestyle="--", gid="peak time")
        axis.axhline(0, color="0.7", linewidth=0.6, zorder=0)
        axis.spines[["top", "right"]].set_visible(False)
    if evoked.times[0] < 0 < evoked.times[-1]:
        for axis in axes:
            axis.axvline(0, color="0.6", linewidth=0.8)
    axes[0].annotate(
        f"{peak_ms:.0f} ms", (peak_ms, 1), xycoords=("data", "axes fraction"), xytext=(4, -2),
        textcoords="offset points", va="top", color=PEAK_COLOR, fontsize=10,
    )  # fmt: skip
    axes[-1].set(xlabel="Time (ms)", xlim=(1e3 * evoked.times[0], 1e3 * evoked.times[-1]))
    return figure


def _draw_butterfly(axis: Axes, evoked: mne.Evoked, kind: str) -> None:
    plural, unit, per_si = SENSORS[kind]
    chosen = picks(evoked, kind)
    data = per_si * evoked.data[chosen]
    times_ms = 1e3 * evoked.times
    for trace, color in zip(data, position_colors(evoked, chosen), strict=True):
        axis.plot(times_ms, trace, color=color, linewidth=0.6, alpha=0.75)
    axis.plot(
        times_ms,
        field_power(data, kind),
        color="black",
        linewidth=1.6,
        label="global field power" if kind == "eeg" else "RMS",
    )
    axis.set_title(f"{len(chosen)} {plural}, from left (blue) to right (red)", fontsize=10, loc="left")
    axis.set_ylabel(unit)
    _legend(axis)


def position_colors(evoked: mne.Evoked, chosen: np.ndarray) -> np.ndarray:
    """Colours by the sensor's place from left to right; grey where places are unknown."""
    x = np.array([evoked.info["chs"][pick]["loc"][0] for pick in chosen])
    largest = np.nanmax(np.abs(x), initial=0.0)
    if not np.isfinite(x).all() or largest == 0:
        return np.full((len(chosen), 4), 0.5)
    return colormaps["coolwarm"](0.5 + 0.5 * x / largest)


def _draw_sources(axis: Axes, localization: Localization, unit: str) -> None:
    times_ms = 1e3 * localization.evoked.times
    frame = FRAME_LABELS[str(localization.peaks["frame"].iloc[0])]
    for number, (row, source) in enumerate(
        zip(localization.peaks.itertuples(), localization.peak_sources, strict=True)
    ):
        if number == N_SOURCE_TRACES:
            break
        place = f"({row.x_mm:.0f}, {row.y_mm:.0f}, {row.z_mm:.0f}) mm"
        label = f"{number + 1}. {row.region} {place}" if row.region else f"{number + 1}. {place}"
        color = colormaps["Dark2"](number)
        axis.plot(times_ms, localization.magnitude[source], color=color, linewidth=1.8, label=label)
    # Three names in one row fill the width, so the title goes above them.
    axis.set_title(f"Strongest sources ({frame})", fontsize=10, loc="left", pad=22)
    axis.set_ylabel(unit)
    _legend(axis)


def _legend(axis: Axes) -> None:
    """Put the legend above the axes at the right, where it covers no curve."""
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=N_SOURCE_TRACES, frameon=False, fontsize=8.5)
