"""Transforms between frames that can be used: finite, and rigid."""

from __future__ import annotations

import numpy as np
from mne.transforms import Transform

from headwater._utils.errors import InputError

RIGID = 1e-3  # largest departure of the rotation from orthonormality


def check_transform(transform: Transform, name: str, remedy: str) -> None:
    """Refuse a transform that is not finite, or that does more than turn and shift."""
    matrix = np.asarray(transform["trans"], float)
    if not np.isfinite(matrix).all():
        raise InputError(f"The {name} transform has values that are not finite; {remedy}.")
    turn = matrix[:3, :3]
    if np.abs(turn @ turn.T - np.eye(3)).max() > RIGID or np.linalg.det(turn) < 0:
        raise InputError(f"The {name} transform is not a rotation and a shift; {remedy}.")
