"""What frames follow from, checked: transforms that are finite and rigid, fiducials that lie at the head."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mne.transforms import Transform

from headwater._utils.errors import InputError
from headwater.head.anatomy import Surface
from headwater.head.geometry import NearestPoint

RIGID = 1e-3  # largest departure of the rotation from orthonormality
FIDUCIALS = ("nasion", "lpa", "rpa")
OFF_SCALP = 0.04  # metres: farthest place of a fiducial from the scalp


def check_transform(transform: Transform, name: str, remedy: str) -> None:
    """Refuse a transform that is not finite, or that does more than turn and shift."""
    matrix = np.asarray(transform["trans"], float)
    if not np.isfinite(matrix).all():
        raise InputError(f"The {name} transform has values that are not finite; {remedy}.")
    turn = matrix[:3, :3]
    if np.abs(turn @ turn.T - np.eye(3)).max() > RIGID or np.linalg.det(turn) < 0:
        raise InputError(f"The {name} transform is not a rotation and a shift; {remedy}.")


def three_fiducials(fiducials: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return nasion, lpa and rpa, each of shape (3,); refuse others."""
    if missing := [point for point in FIDUCIALS if point not in fiducials]:
        raise InputError(f"The fiducials {', '.join(missing)} are missing; give their coordinates in metres.")
    points = {}
    for point in FIDUCIALS:
        try:
            place = np.asarray(fiducials[point], float)
        except (TypeError, ValueError):
            place = np.empty(0)
        if place.shape != (3,) or not np.isfinite(place).all():
            raise InputError(f"The fiducial {point} is {fiducials[point]!r}; give three coordinates in metres.")
        points[point] = place
    return points


def check_near_scalp(fiducials: Mapping[str, np.ndarray], scalp: Surface) -> None:
    """Refuse fiducials far from the scalp, as those in millimetres or in another frame are."""
    off = np.abs(NearestPoint(scalp.rr, scalp.tris)(np.array([fiducials[point] for point in FIDUCIALS]))[1])
    if off.max() > OFF_SCALP:
        raise InputError(
            f"The fiducials are up to {1e3 * off.max():.0f} mm off the scalp; give them in metres, in the frame of the "
            "image or the meshes."
        )
