"""Everything the interactive page draws, as JSON and one block of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps

from headwater.localization import Localization
from headwater.localization.trust import Status
from headwater.report import regions
from headwater.report.colors import HIDDEN_BELOW, OPAQUE_ABOVE, ValueColors
from headwater.report.figures import N_SOURCE_TRACES
from headwater.report.interactive.anatomy import anatomy
from headwater.report.interactive.estimates import ShownEstimate
from headwater.report.interactive.pack import Pack, Reference
from headwater.report.interactive.sensors import sensor_groups
from headwater.report.interactive.slices import value_lattice
from headwater.report.interactive.surfaces import meshes
from headwater.report.interactive.timeline import Timeline
from headwater.report.scene import Scene, make_scene

N_SHADES = 256


@dataclass(frozen=True, eq=False)
class PageData:
    """What the page's script reads: a JSON object, and the arrays it refers to as text."""

    content: Reference
    arrays: str


def page_data(localization: Localization, line: Timeline, estimates: list[ShownEstimate]) -> PageData:
    """Collect everything that is drawn."""
    pack, scene = Pack(), make_scene(localization)
    whole, evoked = localization.whole, localization.evoked
    eloreta_first = localization.trust is not None and localization.trust.eloreta_first and len(estimates) > 1
    content: Reference = {
        "times": pack.add((1e3 * whole.times[line.points]).astype(np.float32)),
        "frames": pack.add((1e3 * evoked.times[line.frames]).astype(np.float32)),
        "first": line.first,
        "firstEstimate": int(eloreta_first),
        "firstPlace": _strongest(estimates[1], line, scene) if eloreta_first else None,
        "baseline": None if whole.baseline is None else [1e3 * edge for edge in whole.baseline],
        "groups": sensor_groups(localization, line, estimates, pack),
        "estimates": [_estimate(one, pack) for one in estimates],
        "peaks": _peaks(localization, line, scene),
        "courses": [_courses(localization, one, pack) for one in estimates],
        "found": localization.trust is None or localization.trust.verdict.status is not Status.NOTHING,
        "frameName": scene.frame_label,
        "meshes": meshes(localization, scene, pack),
        "lattice": value_lattice(scene.pos_mm, pack),
        "anatomy": _anatomy(localization, scene, pack),
        "colors": _colors(pack),
        "hiddenBelow": HIDDEN_BELOW,
        "fadeOver": OPAQUE_ABOVE - HIDDEN_BELOW,
    }
    return PageData(content, pack.text())


def _estimate(one: ShownEstimate, pack: Pack) -> Reference:
    return {
        "title": one.title,
        "unit": "no unit" if one.unit == "F" else one.unit,
        "values": pack.frames(one.magnitude),
        "goodness": None if one.goodness is None else pack.add(one.goodness.astype(np.float32)),
    }


def _strongest(one: ShownEstimate, line: Timeline, scene: Scene) -> list[float]:
    """Place of the strongest source at the frame that is shown first."""
    place: list[float] = np.round(scene.pos_mm[one.magnitude[:, line.first].argmax()], 2).tolist()
    return place


def _courses(localization: Localization, one: ShownEstimate, pack: Pack) -> Reference:
    """Strength over time of the sources of the first peaks."""
    return pack.scaled(one.magnitude[localization.peak_sources[:N_SOURCE_TRACES]])


def _peaks(localization: Localization, line: Timeline, scene: Scene) -> list[Reference]:
    sure = localization.uncertainty
    times_s = localization.peaks["time_s"].to_numpy(float)
    indices = np.abs(localization.evoked.times - times_s[:, np.newaxis]).argmin(axis=1)
    colors = colormaps["Dark2"](np.arange(N_SOURCE_TRACES))
    return [
        {
            "source": int(source),
            "frame": line.frame_of(int(index)),
            "at": np.round(scene.pos_mm[source], 2).tolist(),
            "name": regions.plain(row.region),
            "radius": None if sure is None else sure.peaks[number].radius_mm,
            "color": [int(255 * part) for part in colors[number % N_SOURCE_TRACES][:3]],
        }
        for number, (row, source, index) in enumerate(
            zip(localization.peaks.itertuples(), localization.peak_sources, indices, strict=True)
        )
    ]


def _anatomy(localization: Localization, scene: Scene, pack: Pack) -> Reference | None:
    around = np.concatenate([scene.pos_mm, *(mesh.rr_mm for mesh in scene.brain)])
    grey = anatomy(localization, scene.frame, around)
    if grey is None:
        return None
    return {
        "values": pack.add(grey.values),
        "first": grey.first_mm.tolist(),
        "step": grey.step_mm,
        "shape": list(grey.values.shape),
        "name": grey.name,
    }


def _colors(pack: Pack) -> Reference:
    shades = np.linspace(0, 1, N_SHADES)
    magnitudes = ValueColors.of(shades).cmap(shades)
    signed = colormaps["RdBu_r"](shades)
    return {
        name: pack.add(np.round(255 * table[:, :3]).astype(np.uint8))
        for name, table in (("magnitude", magnitudes), ("signed", signed))
    }
