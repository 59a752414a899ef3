"""Scale and move a head to fit digitised points."""

from __future__ import annotations

from dataclasses import replace

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.transforms import Transform
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from headwater._utils.errors import InputError
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.warp import Warp

# Standard deviations of the measurements and of the prior (metres, radians, log scale). Fiducials sit about
# a centimetre differently on different skulls, so that the shape of the scalp is more reliable where it was digitised.
POINT_SD, FIDUCIAL_SD = 0.003, 0.010
ROTATION_SD, SIZE_SD, SHAPE_SD = 0.15, 0.10, 0.03

LEAST_POINTS = 10  # without fiducials
LARGEST_MISFIT = 0.010

_CARDINAL = {FIFF.FIFFV_POINT_NASION: "nasion", FIFF.FIFFV_POINT_LPA: "lpa", FIFF.FIFFV_POINT_RPA: "rpa"}


def fit_head(head: Head, info: mne.Info) -> Head:
    """Scale and move a head so that the recording's digitised points lie on its scalp.

    Parameters
    ----------
    head : Head
        Usually the template.
    info : mne.Info
        With positions of EEG electrodes, or head-shape points, or fiducials, in head coordinates.

    Returns
    -------
    fitted : Head
        Its ``mri_head_t`` leads to the recording's head coordinates; its ``to_mni`` undoes the scaling.
    """
    points, fiducials = digitised_points(info)
    if not is_digitised(info):
        raise InputError(
            f"The recording has {len(points)} digitised points and {len(fiducials)} of 3 fiducials, too few to fit a "
            "head to; set a montage."
        )
    if len(points) >= LEAST_POINTS:
        _refuse_wrong_units(points)
    return fit_to_points(head, points, fiducials)


def fit_to_points(
    head: Head, points: np.ndarray, fiducials: dict[str, np.ndarray], *, fiducial_sd: float = FIDUCIAL_SD
) -> Head:
    """Scale and move a head so that points (n, 3) lie on its scalp and its fiducials on the given ones.

    Minimises ``sum rho((d_i / sd)^2) + sum |f_k - F_k|^2 / sd_f^2 + prior`` over a rotation, a translation and three
    scales: d_i are distances to the scalp, rho is the robust soft-L1 loss, and the normal prior keeps rotation, size
    and proportions small where there are few points.
    """
    if head.scalp is None:
        raise InputError(f"The head {head.name!r} has no scalp surface, so nothing can be fitted to it.")
    nearest = NearestPoint(head.scalp.rr, head.scalp.tris)
    own = [name for name in fiducials if name in head.fiducials]
    own_fiducials = np.array([head.fiducials[name] for name in own]).reshape(-1, 3)
    measured = np.array([fiducials[name] for name in own]).reshape(-1, 3)
    start = _start(head, points, own)
    turn0, shift0 = Rotation.from_matrix(start[:3, :3]), start[:3, 3]

    def unpack(theta: np.ndarray) -> tuple[Rotation, np.ndarray, np.ndarray]:
        return Rotation.from_rotvec(theta[:3] * ROTATION_SD) * turn0, shift0 + theta[3:6] * POINT_SD, np.exp(theta[6:])

    def residuals(theta: np.ndarray) -> np.ndarray:
        turn, shift, scale = unpack(theta)
        distance = np.zeros(0)
        if len(points):
            # Near the surface, a distance in the unscaled frame is stretched by the scale along the normal.
            foot, _, normals = nearest(turn.inv().apply(points - shift) / scale)
            offset = turn.inv().apply(points - shift) - foot * scale
            distance = np.linalg.norm(offset, axis=1) * np.sign((offset * normals).sum(axis=1))
        robust = 2 * (np.sqrt(1 + (distance / POINT_SD) ** 2) - 1)
        missed = turn.apply(own_fiducials * scale) + shift - measured
        prior = [
            theta[:3],
            [theta[6:].mean() / SIZE_SD],
            (theta[6:] - theta[6:].mean()) / SHAPE_SD,
        ]
        return np.concatenate([np.sign(distance) * np.sqrt(robust), missed.ravel() / fiducial_sd, *prior])

    found = least_squares(residuals, np.zeros(9), x_scale="jac", ftol=1e-6, xtol=1e-6)
    turn, shift, scale = unpack(found.x)
    _refuse_misfit(nearest(turn.inv().apply(points - shift) / scale)[1])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn.as_matrix(), shift
    scaled = head.warped(Warp.from_affine(np.diag([*scale, 1.0]), head.warp))
    return replace(scaled, name=f"{head.name}, fitted", mri_head_t=Transform("mri", "head", matrix))


def is_digitised(info: mne.Info) -> bool:
    """Whether a recording has points enough to fit a head to."""
    points, fiducials = digitised_points(info)
    return len(fiducials) == 3 or len(points) >= LEAST_POINTS


def digitised_points(info: mne.Info) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Points on the scalp (n, 3) and fiducials of a recording, in head coordinates, in metres.

    Electrodes and head-shape points; those on the face and neck (below the plane of the fiducials) are left out, for
    soft tissue differs most there.
    """
    dig = [point for point in info["dig"] or [] if point["coord_frame"] == FIFF.FIFFV_COORD_HEAD]
    fiducials = {
        _CARDINAL[point["ident"]]: point["r"].astype(float)
        for point in dig
        if point["kind"] == FIFF.FIFFV_POINT_CARDINAL and point["ident"] in _CARDINAL
    }
    points = [point["r"] for point in dig if point["kind"] in (FIFF.FIFFV_POINT_EEG, FIFF.FIFFV_POINT_EXTRA)]
    if not any(point["kind"] == FIFF.FIFFV_POINT_EEG for point in dig):
        points += [ch["loc"][:3] for ch in info["chs"] if ch["kind"] == FIFF.FIFFV_EEG_CH]
    array = np.array(points, float).reshape(-1, 3)
    array = array[np.isfinite(array).all(axis=1) & array.any(axis=1)]
    if _are_invented(fiducials, array):
        fiducials = {}
    if len(fiducials) == 3:
        array = array[array[:, 2] > 0]
    return array, fiducials


def _are_invented(fiducials: dict[str, np.ndarray], points: np.ndarray) -> bool:
    """Whether MNE-Python put the fiducials there because the montage had none.

    It lays them on the axes at the mean distance of the points from the origin, which says nothing of the head.
    """
    if len(fiducials) < 3 or not len(points):
        return False
    radius = np.linalg.norm(points, axis=1).mean()
    invented = {"nasion": (0, radius, 0), "lpa": (-radius, 0, 0), "rpa": (radius, 0, 0)}
    return all(np.allclose(fiducials[name], place, rtol=0, atol=1e-5) for name, place in invented.items())


def _start(head: Head, points: np.ndarray, own: list[str]) -> np.ndarray:
    """Transform from MRI to head coordinates to begin with, of shape (4, 4)."""
    start = head.mri_head_t["trans"].copy()
    if len(own) < 3 and head.scalp is not None:
        # No fiducials: the origin is anywhere, so the tops of both heads are laid upon each other.
        scalp = head.to_head(head.scalp.rr)
        start[:3, 3] += _top_middle(points) - _top_middle(scalp)
    return start


def _top_middle(points: np.ndarray) -> np.ndarray:
    """Middle of the bounding box from left to right and back to front, and the top, of the upper 8 cm."""
    upper = points[points[:, 2] > points[:, 2].max() - 0.08]
    middle = (upper.min(axis=0) + upper.max(axis=0)) / 2
    return np.array([middle[0], middle[1], points[:, 2].max()])


def _refuse_wrong_units(points: np.ndarray) -> None:
    """Refuse positions whose spread is not that of a head."""
    spread = np.median(np.linalg.norm(points - points.mean(axis=0), axis=1))
    if not 0.03 < spread < 0.2:
        raise InputError(
            f"The digitised positions spread {spread:.3g} m around their middle, which is not the size of a head; "
            "check their unit (metres)."
        )


def _refuse_misfit(distance: np.ndarray) -> None:
    """Refuse points that lie on no head even after the fit."""
    if len(distance) and (misfit := np.median(np.abs(distance))) > LARGEST_MISFIT:
        raise InputError(
            f"Half of the digitised positions lie more than {misfit * 1000:.0f} mm off the scalp after the fit; check "
            "their axes (x right, y front, z up) and unit."
        )
