"""Sensors of one type for the page: curves over the whole recording, and maps at its frames."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_hex

from headwater.localization import Localization
from headwater.report.figures import SENSORS, field_power, picks, position_colors, sensor_types
from headwater.report.interactive.estimates import ShownEstimate
from headwater.report.interactive.pack import Pack, Reference
from headwater.report.interactive.timeline import Timeline
from headwater.report.interactive.topography import SIDE, topography


def sensor_groups(
    localization: Localization, line: Timeline, estimates: list[ShownEstimate], pack: Pack
) -> list[Reference]:
    """Describe every sensor type, EEG first."""
    return [_group(localization, kind, line, estimates, pack) for kind in sensor_types(localization.evoked)]


def _group(
    localization: Localization, kind: str, line: Timeline, estimates: list[ShownEstimate], pack: Pack
) -> Reference:
    plural, unit, per_si = SENSORS[kind]
    evoked, whole = localization.evoked, localization.whole
    chosen = picks(evoked, kind)
    names = [evoked.ch_names[pick] for pick in chosen]
    curves = per_si * whole.get_data(picks=names)[:, line.points]
    measured = per_si * evoked.data[np.ix_(chosen, line.frames)]
    modelled = [None if one.modelled is None else per_si * one.modelled[chosen] for one in estimates]
    return {
        "kind": kind,
        "title": f"{len(chosen)} {plural}",
        "unit": unit,
        "names": names,
        "colors": [to_hex(color) for color in position_colors(evoked, chosen)],
        "curves": pack.scaled(curves),
        "power": pack.scaled(field_power(curves, kind)),
        "powerName": "global field power" if kind == "eeg" else "RMS",
        "measured": pack.scaled(measured),
        "modelled": [None if one is None else pack.scaled(one) for one in modelled],
        "map": _map(localization, kind, pack),
    }


def _map(localization: Localization, kind: str, pack: Pack) -> Reference | None:
    found = topography(localization.evoked, kind)
    if found is None:
        return None
    return {
        "dots": pack.add(found.dots.astype(np.float32)),
        "members": pack.add(found.members.astype(np.uint16)),
        "radius": found.radius,
        "side": SIDE,
        "pixels": pack.add(found.pixels.astype(np.uint16)),
        "matrix": pack.scaled(found.matrix),
        "magnitude": kind == "grad",
    }
