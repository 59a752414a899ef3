"""Where sources are, in words: in a region, or how far from the nearest one."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from headwater.head.tissues import NearestRegions

IN_REGION = 0.005  # metres from the middle of the cortical sheet that count as in the region


def places(
    sources: np.ndarray,
    pos: np.ndarray,
    cortical: np.ndarray,
    region_ids: np.ndarray,
    region_names: tuple[str, ...],
    nearest: NearestRegions | None,
) -> list[str]:
    """Say where some sources of a lead field are; empty where nothing is known.

    A source on the cortex is in the region of its vertex. Any other one is in the nearest region of the head, or at a
    distance from it; without a head, the nearest region is that of the nearest source whose region is known.
    """
    sources = np.atleast_1d(sources)
    known = np.flatnonzero(region_ids >= 0)
    if nearest is not None:
        names = [nearest.names[index] for index in nearest.ids[sources]]
        distance = nearest.distance[sources]
    elif len(known):
        distance, which = cKDTree(pos[known]).query(pos[sources])
        names = [region_names[index] for index in region_ids[known[which]]]
    else:
        return [""] * len(sources)
    on_cortex = cortical[sources] & (region_ids[sources] >= 0)
    return [
        region_names[region_ids[source]] if own else _at_distance(name, away)
        for source, own, name, away in zip(sources, on_cortex, names, distance, strict=True)
    ]


def _at_distance(name: str, distance: float) -> str:
    """Name of a region, with the distance in metres where that counts."""
    return name if distance <= IN_REGION else f"{1e3 * distance:.0f} mm from {name}"
