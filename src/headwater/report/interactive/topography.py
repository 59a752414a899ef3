"""Maps of the head from above: where sensors lie on the plane, and how pixels follow from their values."""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from headwater.report.figures import has_positions, picks

CENTRE = np.array([0.0, 0.0, 0.04])  # m, head coordinates: the middle from which sensors are projected
SIDE = 36  # pixels; the page draws them smoothly larger
REACH = 0.35  # of the head's radius: pixels farther from any sensor stay empty
RIM = 1.06  # a little beyond the edge, where the page cuts the picture round
SMOOTHING = 1e-3


@dataclass(frozen=True, eq=False)
class Topography:
    """A linear map from sensors to pixels.

    Attributes
    ----------
    dots : array of shape (n_places, 2)
        Places of the sensors, x to the right ear and y to the nose; the head's equator has the radius 1.
    members : int array of shape (n_places, n_per_place)
        Sensors of one type at each place: two for gradiometers, whose root mean square is drawn, else one.
    radius : float
        Half of the width of the picture.
    pixels : int array of shape (n_pixels,)
        Flat indices of the pixels that are drawn; rows go from the nose to the back.
    matrix : array of shape (n_pixels, n_places)
    """

    dots: np.ndarray
    members: np.ndarray
    radius: float
    pixels: np.ndarray
    matrix: np.ndarray


def topography(evoked: mne.Evoked, kind: str) -> Topography | None:
    """Return the map of one sensor type; None where positions are unknown or too few."""
    if not has_positions(evoked, kind):
        return None
    chosen = picks(evoked, kind)
    flat = project(sensor_positions(evoked.info, chosen))
    members = _paired(evoked.info, chosen) if kind == "grad" else np.arange(len(chosen))[:, np.newaxis]
    dots = flat[members[:, 0]]
    radius = max(1.0, float(np.linalg.norm(dots, axis=1).max())) + 0.06
    middle = (np.arange(SIDE) + 0.5) / SIDE * 2 * radius - radius
    at = np.stack(np.meshgrid(middle, -middle), axis=-1).reshape(-1, 2)
    near = cKDTree(dots).query(at)[0] <= REACH
    pixels = np.flatnonzero(near & (np.linalg.norm(at, axis=1) <= RIM * radius))
    spline = RBFInterpolator(dots, np.eye(len(dots)), kernel="thin_plate_spline", smoothing=SMOOTHING, degree=1)
    return Topography(dots, members, radius, pixels, spline(at[pixels]))


def sensor_positions(info: mne.Info, chosen: np.ndarray) -> np.ndarray:
    """Positions in head coordinates, in metres; MEG sensors are carried there from the device."""
    place = np.array([info["chs"][pick]["loc"][:3] for pick in chosen])
    meg = np.array([mne.channel_type(info, int(pick)) in ("mag", "grad") for pick in chosen])
    if meg.any() and info["dev_head_t"] is not None:
        place[meg] = mne.transforms.apply_trans(info["dev_head_t"], place[meg])
    return place


def project(pos: np.ndarray) -> np.ndarray:
    """Azimuthal equidistant projection from above; 90 degrees from the vertex are at the radius 1."""
    offset = pos - CENTRE
    angle = np.arctan2(np.linalg.norm(offset[:, :2], axis=1), offset[:, 2]) / (np.pi / 2)
    across = np.linalg.norm(offset[:, :2], axis=1, keepdims=True)
    return angle[:, np.newaxis] * offset[:, :2] / np.maximum(across, 1e-9)


def _paired(info: mne.Info, chosen: np.ndarray) -> np.ndarray:
    """Pairs of gradiometers at the same place, as positions in ``chosen``."""
    where = np.array([info["chs"][pick]["loc"][:3] for pick in chosen])
    _, place, count = np.unique(np.round(where, 4), axis=0, return_inverse=True, return_counts=True)
    place = place.ravel()
    return np.array([np.flatnonzero(place == one) for one in np.flatnonzero(count == 2)])
