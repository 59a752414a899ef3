"""Coverage on the test heads, raw and calibrated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from calibrating.fitting import HALF, STRONG, Record, strong, widened
from headwater.localization.peak_regions import LEVEL
from headwater.solvers.posterior.calibration import Calibration

CASES: dict[str, Callable[[Record], bool]] = {
    "all": lambda _: True,
    "0-10 dB": lambda one: one["true_snr_db"] <= 10,
    "10-20": lambda one: 10 < one["true_snr_db"] <= 20,
    "20-30": lambda one: 20 < one["true_snr_db"] <= 30,
    "30-40": lambda one: 30 < one["true_snr_db"],
    "1 source": lambda one: one["n_sources"] == 1,
    "2-3": lambda one: 2 <= one["n_sources"] <= 3,
    "4-5": lambda one: 4 <= one["n_sources"],
}
WIDTH = 13


def _raw(record: Record) -> np.ndarray:
    return record["error"] <= HALF * record["sd"]


def held(record: Record, calibration: Calibration | None) -> np.ndarray:
    """Whether the interval of each component holds the true one."""
    return _raw(record) if calibration is None else record["error"] <= HALF * widened(record, calibration)


def radius(record: Record, calibration: Calibration | None) -> float:
    """Radius of the region around the strongest peak, in mm."""
    own = float(record["radius_mm"][0])
    return own if calibration is None else calibration.radius_mm(own, float(record["diffuse_db"]), strongest=True)


def print_table(name: str, modality: str, records: Sequence[Record], calibration: Calibration | None) -> None:
    """Print the rows of one solver and one kind of sensors."""
    kind = "as it is" if calibration is None else "calibrated"
    active = [one["true_length"] >= STRONG * one["true_length"].max() for one in records]
    inside = [held(one, calibration) for one in records]
    radii = np.array([radius(one, calibration) for one in records])
    errors = np.array([float(one["peak_error_mm"][0]) for one in records])
    rows = {
        "all components": np.array([one.mean() for one in inside]),
        "estimated above 10 %": np.array([one[strong(rec)].mean() for one, rec in zip(inside, records, strict=True)]),
        "truly above 10 %": np.array([one[chosen].mean() for one, chosen in zip(inside, active, strict=True)]),
        "region of first peak": (errors <= radii + 1e-6).astype(float),
    }
    print(f"{name}, {modality}, {kind}")
    for label, values in rows.items():
        print(f"  {label:22}" + "".join(f"{_share(values, records, case):>{WIDTH}}" for case in CASES.values()))
    cells = [
        np.mean([r for r, one in zip(radii, records, strict=True) if case(one)] or [np.nan]) for case in CASES.values()
    ]
    print(f"  {'mean radius (mm)':22}" + "".join(f"{cell:>{WIDTH}.0f}" for cell in cells))


def print_header(counts: Sequence[Record]) -> None:
    """Print the names of the cases and how many recordings each has."""
    print(f"{'':24}" + "".join(f"{case:>{WIDTH}}" for case in CASES))
    print(f"{'recordings':24}" + "".join(f"{sum(map(case, counts)):>{WIDTH}}" for case in CASES.values()))


def _share(values: np.ndarray, records: Sequence[Record], case: Callable[[Record], bool]) -> str:
    """Mean and standard error over recordings, in percent."""
    some = 100 * np.array([value for value, one in zip(values, records, strict=True) if case(one)])
    if len(some) < 2:
        return "-"
    return f"{some.mean():.0f} ± {some.std(ddof=1) / np.sqrt(len(some)):.0f}"


def within_target(records: Sequence[Record], calibration: Calibration) -> dict[str, tuple[float, float]]:
    """Coverage of all components and of the region of the strongest peak in each case, as shares."""
    found = {}
    for name, case in CASES.items():
        some = [one for one in records if case(one)]
        intervals = float(np.mean([held(one, calibration).mean() for one in some]))
        regions = float(np.mean([one["peak_error_mm"][0] <= radius(one, calibration) + 1e-6 for one in some]))
        found[name] = (intervals, regions)
    return found


__all__ = ["LEVEL", "print_header", "print_table", "within_target"]
