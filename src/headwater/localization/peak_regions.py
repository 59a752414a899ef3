"""How far samples of the posterior scatter: regions around peaks, and active regions of an atlas.

Samples of a single source are dominated by the prior: currents of neighbours that cancel at the sensors vary freely.
What the sensors see is the net current of a neighbourhood. Places are therefore those where the net current of the
sources within 1 cm is strongest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial import cKDTree

from headwater.forward.leadfield import LeadField

NET = 0.01  # m; sources closer than this are added
NEAR = 0.03  # m; a sample's peak is looked for within this distance of the peak
LEVEL = 0.9
SHARE = 0.5  # of the strongest net current, above which a place is active


@dataclass(frozen=True)
class PeakRegion:
    """Where the source behind a peak may be.

    Attributes
    ----------
    radius_mm : float
        Radius of the ball around the peak that holds it with a probability of 90 %.
    volume_cm3 : float | None
        Volume of the sources in the ball; None without a grid.
    """

    radius_mm: float
    volume_cm3: float | None


@dataclass(frozen=True)
class RegionActivity:
    """Activity of a region of the atlas.

    Attributes
    ----------
    probability : float
        Share of the samples in which it is active.
    strength : float
        Its strongest net current relative to the strongest of all, averaged over the samples.
    """

    probability: float
    strength: float


def net_currents(samples: np.ndarray, leadfield: LeadField, near: np.ndarray | None = None) -> np.ndarray:
    """Return the length of the mean current of all sources within 1 cm.

    Parameters
    ----------
    samples : array of shape (n, n_sources, n_orient)
    leadfield : LeadField
        Its normals are the orientations of fixed sources.
    near : int array of shape (n_near,) | None
        Only around these sources; None: around all.

    Returns
    -------
    length : array of shape (n, n_near)
    """
    vectors = samples * leadfield.normals if samples.shape[2] == 1 else samples
    near = np.arange(leadfield.n_sources) if near is None else near
    mean = _mean_within(leadfield.pos, near)
    n = len(vectors)
    net = (mean @ vectors.transpose(1, 2, 0).reshape(len(leadfield.pos), 3 * n)).reshape(len(near), 3, n)
    length: np.ndarray = np.linalg.norm(net, axis=1).T
    return length


def _mean_within(pos: np.ndarray, near: np.ndarray) -> sparse.csr_array:
    """Matrix that averages over the sources within 1 cm of each of some, shape (n_near, n_sources)."""
    groups = cKDTree(pos).query_ball_point(pos[near], NET * (1 + 1e-6))
    sizes = np.array([len(one) for one in groups])
    return sparse.csr_array(
        (np.repeat(1.0 / sizes, sizes), np.concatenate(groups).astype(int), np.r_[0, np.cumsum(sizes)]),
        shape=(len(near), len(pos)),
    )


def scatter(samples: np.ndarray, leadfield: LeadField, peak: int) -> np.ndarray:
    """Return how far from a peak the net current of each sample is strongest, within 3 cm, in mm, shape (n,)."""
    distance = np.linalg.norm(leadfield.pos - leadfield.pos[peak], axis=1)
    near = np.flatnonzero(distance <= NEAR)
    strongest = net_currents(samples, leadfield, near).argmax(axis=1)
    return 1e3 * distance[near[strongest]]


def peak_region(radius_mm: float, leadfield: LeadField, peak: int) -> PeakRegion:
    """Describe the ball of a radius around a peak."""
    if leadfield.grid is None:
        return PeakRegion(radius_mm, None)
    inside = np.linalg.norm(leadfield.pos - leadfield.pos[peak], axis=1) <= 1e-3 * radius_mm
    return PeakRegion(radius_mm, float(inside.sum() * (1e2 * leadfield.grid.spacing) ** 3))


def active_regions(samples: np.ndarray, leadfield: LeadField) -> dict[str, RegionActivity]:
    """Return the activity of each region, the most active first.

    A region is active in a sample if the net current at one of its sources is at least half the strongest of all.
    """
    length = net_currents(samples, leadfield)
    relative = length / length.max(axis=1, keepdims=True)
    found = {}
    for index, name in enumerate(leadfield.region_names):
        inside = leadfield.region_ids == index
        if inside.any():
            strongest = relative[:, inside].max(axis=1)
            found[name] = RegionActivity(float((strongest >= SHARE).mean()), float(strongest.mean()))
    return dict(sorted(found.items(), key=lambda one: (-one[1].probability, -one[1].strength)))
