"""Topographic images of the sensors: projection onto a plane and interpolation, as one matrix.

All interpolations are linear in the data, so the map from sensors to pixels is a constant matrix.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.transforms import apply_trans
from scipy.interpolate import CloughTocher2DInterpolator, LinearNDInterpolator, RBFInterpolator
from scipy.spatial import ConvexHull, QhullError

from headwater._utils.errors import InputError

# Centre of the upper head in head coordinates, as in MNE-Python's default sphere model (metres).
HEAD_CENTER = (0.0, 0.0, 0.04)

# Sensors closer than this count as being at the same position: in metres, and in radians in the plane.
SAME_PLACE = 1e-4

LEAST_SENSORS = 4

# Pixels are moved by this fraction towards the centre of the sensors, so that rounding errors place none outside.
INWARDS = 1e-6


class Interpolation(ABC):
    """A linear interpolation of values scattered in the plane."""

    @abstractmethod
    def weights(self, points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Return the weight of each point in each pixel.

        Parameters
        ----------
        points : array of shape (n_points, 2)
        pixels : array of shape (n_pixels, 2)
            Pixels inside the convex hull of the points.

        Returns
        -------
        weights : array of shape (n_pixels, n_points)
        """


@dataclass(frozen=True)
class Bilinear(Interpolation):
    """Linear on each Delaunay triangle: the equivalent of bilinear interpolation for scattered points."""

    def weights(self, points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Return the barycentric coordinates in the triangle around each pixel."""
        return LinearNDInterpolator(points, np.eye(len(points)))(pixels)


@dataclass(frozen=True)
class Bicubic(Interpolation):
    """Piecewise cubic with continuous gradient (Clough and Tocher): bicubic interpolation for scattered points.

    Parameters
    ----------
    tol : float
        Tolerance of the iteration for the gradients at the points, which minimise curvature.
    """

    tol: float = 1e-9

    def weights(self, points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Interpolate the unit vector of each point."""
        return CloughTocher2DInterpolator(points, np.eye(len(points)), tol=self.tol, maxiter=10_000)(pixels)


@dataclass(frozen=True)
class ThinPlate(Interpolation):
    """Thin-plate spline, the radial basis function of least bending energy.

    Parameters
    ----------
    smoothing : float
        0: exact interpolation.
    """

    smoothing: float = 0.0

    def weights(self, points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Interpolate the unit vector of each point."""
        spline = RBFInterpolator(points, np.eye(len(points)), kernel="thin_plate_spline", smoothing=self.smoothing)
        return spline(pixels)


INTERPOLATIONS: dict[str, Interpolation] = {"bilinear": Bilinear(), "bicubic": Bicubic(), "rbf": ThinPlate()}
"""Interpolations by their names in configurations of networks."""


def topographic_projection(
    pos: np.ndarray,
    shape: tuple[int, int],
    method: Interpolation | str = "bilinear",
    *,
    extrapolate: bool = True,
    center: tuple[float, float, float] = HEAD_CENTER,
) -> np.ndarray:
    """Return the matrix from sensors to the pixels of an image.

    The image is the bounding rectangle of all sensors in the azimuthal equidistant projection. Pixels are points of a
    regular grid that includes its edges. The first row is the front of the head, the first column its left side.

    Parameters
    ----------
    pos : array of shape (n_channels, 3)
        Sensor positions in head coordinates, in metres; all different.
    shape : tuple of two int
        Height and width of the image.
    method : Interpolation | str
        An `Interpolation`, or its name in `INTERPOLATIONS`.
    extrapolate : bool
        Whether pixels outside of the convex hull of the sensors take the value of the nearest point on the hull;
        otherwise they are 0.
    center : tuple of three float
        Centre of the projection, in head coordinates, in metres.

    Returns
    -------
    projection : array of shape (height * width, n_channels)
        Rows in C order: ``(projection @ data).reshape(height, width)``.
    """
    interpolation = _interpolation(method)
    points = azimuthal_equidistant(pos, center)
    pixels = _pixels(points, shape)
    try:
        inside = _into_hull(points, pixels)
        weights = interpolation.weights(points, inside + INWARDS * (points.mean(0) - inside))
    except QhullError as error:
        raise InputError(
            "Seen from above, the sensors lie on one line; use sensors that cover an area of the head."
        ) from error
    if not extrapolate:
        weights[np.linalg.norm(inside - pixels, axis=1) > SAME_PLACE] = 0.0
    return weights


def topographic_images(
    info: mne.Info, shape: tuple[int, int], method: Interpolation | str = "bilinear", *, extrapolate: bool = True
) -> np.ndarray:
    """Return the matrices from all channels to one image per sensor type.

    Channels of one type at the same position, such as the two planar gradiometers of a triplet, are assigned to
    separate images, because a common image would be discontinuous.

    Parameters
    ----------
    info : mne.Info
        EEG and MEG channels with positions.
    shape, method, extrapolate
        As for `topographic_projection`.

    Returns
    -------
    projections : array of shape (n_images, height * width, n_channels)
        One image for EEG, magnetometers or axial gradiometers, and two for planar gradiometers, in the order of the
        channels.
    """
    pos = sensor_positions(info)
    images = sensor_images(info)
    projections = np.zeros((images.max() + 1, shape[0] * shape[1], len(pos)))
    for image, projection in enumerate(projections):
        picks = np.flatnonzero(images == image)
        projection[:, picks] = topographic_projection(pos[picks], shape, method, extrapolate=extrapolate)
    return projections


def sensor_positions(info: mne.Info) -> np.ndarray:
    """Return the positions of EEG electrodes and the coil centres of MEG sensors.

    Parameters
    ----------
    info : mne.Info
        EEG, magnetometers and gradiometers only.

    Returns
    -------
    pos : array of shape (n_channels, 3)
        In head coordinates, in metres.
    """
    pos = np.array([channel["loc"][:3] for channel in info["chs"]], dtype=float)
    in_device = np.array([channel["coord_frame"] == FIFF.FIFFV_COORD_DEVICE for channel in info["chs"]])
    if in_device.any():
        if info["dev_head_t"] is None:
            raise InputError("The position of the head in the MEG device is unknown; set info['dev_head_t'].")
        pos[in_device] = apply_trans(info["dev_head_t"], pos[in_device])
    _check_positions(pos, info["ch_names"])
    return pos


def sensor_images(info: mne.Info) -> np.ndarray:
    """Return the image of each channel: one per sensor type and index among the channels at the same position.

    Returns
    -------
    images : int array of shape (n_channels,)
    """
    places = np.round(sensor_positions(info) / SAME_PLACE).astype(int)
    seen: Counter[tuple[str, tuple[int, ...]]] = Counter()
    numbers: dict[tuple[str, int], int] = {}
    images = []
    for kind, place in zip(info.get_channel_types(), map(tuple, places), strict=True):
        images.append(numbers.setdefault((kind, seen[kind, place]), len(numbers)))
        seen[kind, place] += 1
    return np.array(images)


def azimuthal_equidistant(pos: np.ndarray, center: tuple[float, float, float] = HEAD_CENTER) -> np.ndarray:
    """Project sensors onto the plane: the angle from the vertex becomes the radius, and the azimuth is kept.

    Parameters
    ----------
    pos : array of shape (n_channels, 3)
        In head coordinates, in metres.
    center : tuple of three float
        In head coordinates, in metres.

    Returns
    -------
    points : array of shape (n_channels, 2)
        In radians; x to the right, y to the front.
    """
    pos = np.asarray(pos, dtype=float)
    if pos.ndim != 2 or pos.shape[1] != 3:
        raise InputError(f"Sensor positions have shape {pos.shape}; provide three coordinates per sensor.")
    _check_positions(pos, [str(number) for number in range(len(pos))])
    if len(pos) < LEAST_SENSORS:
        raise InputError(f"An image needs at least {LEAST_SENSORS} sensors, but there are {len(pos)}; use more.")
    x, y, z = (pos - center).T
    horizontal = np.hypot(x, y)
    angle, azimuth = np.arctan2(horizontal, z), np.arctan2(y, x)
    points = angle[:, np.newaxis] * np.stack([np.cos(azimuth), np.sin(azimuth)], axis=1)
    _check_apart(points)
    return points


def _interpolation(method: Interpolation | str) -> Interpolation:
    """Return the interpolation for a name."""
    if isinstance(method, Interpolation):
        return method
    if method not in INTERPOLATIONS:
        raise InputError(f"Unknown interpolation {method!r}; choose one of {', '.join(INTERPOLATIONS)}.")
    return INTERPOLATIONS[method]


def _pixels(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a grid on the bounding rectangle, shape (height * width, 2): from front to back, from left to right."""
    height, width = shape
    if min(height, width) < 2:
        raise InputError(f"An image of {height} x {width} pixels is too small; use at least 2 x 2.")
    (left, back), (right, front) = points.min(0), points.max(0)
    y, x = np.meshgrid(np.linspace(front, back, height), np.linspace(left, right, width), indexing="ij")
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _into_hull(points: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Move pixels outside of the convex hull of the points to the nearest point on it."""
    hull = ConvexHull(points)
    outside = (hull.equations[:, :2] @ pixels.T + hull.equations[:, 2:]).max(0) > 0
    start, end = points[hull.simplices[:, 0]], points[hull.simplices[:, 1]]
    edge = end - start
    along = ((pixels[outside, np.newaxis] - start) * edge).sum(2) / (edge**2).sum(1)
    foot = start + np.clip(along, 0.0, 1.0)[:, :, np.newaxis] * edge
    nearest = np.linalg.norm(foot - pixels[outside, np.newaxis], axis=2).argmin(1)
    inside = pixels.copy()
    inside[outside] = foot[np.arange(len(foot)), nearest]
    return inside


def _check_positions(pos: np.ndarray, names: list[str]) -> None:
    """Raise an error for sensors without a position (NaN, or all zero)."""
    absent = [name for name, one in zip(names, pos, strict=True) if not np.isfinite(one).all() or not one.any()]
    if absent:
        raise InputError(
            f"{len(absent)} sensors have no position, such as {absent[0]}; set a montage, or exclude these sensors."
        )


def _check_apart(points: np.ndarray) -> None:
    """Raise an error for sensors at the same position, for which the interpolation is undefined."""
    distance = np.linalg.norm(points[:, np.newaxis] - points, axis=2) + np.eye(len(points))
    if distance.min() < SAME_PLACE:
        one, other = np.unravel_index(distance.argmin(), distance.shape)
        raise InputError(
            f"Seen from above, sensors {one} and {other} are at the same position; exclude one of them, or make one "
            "image per sensor type (topographic_images)."
        )
