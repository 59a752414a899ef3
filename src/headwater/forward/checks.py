"""What is refused as a lead field: arrays that do not belong together, values that are not numbers, doubled sources."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError

SAME_PLACE = 1e-6  # metres


def refuse_unusable(gain: np.ndarray, pos: np.ndarray, normals: np.ndarray, ch_names: list[str]) -> None:
    """Refuse a gain that does not belong to its channels and sources, and values that are not finite."""
    if gain.ndim != 3 or gain.shape[2] not in (1, 3):
        raise InputError(
            f"The gain has shape {gain.shape}; it must be (n_channels, n_sources) or (n_channels, n_sources, 1 or 3)."
        )
    if gain.shape[0] != len(ch_names):
        raise InputError(
            f"The gain has {gain.shape[0]} rows but {len(ch_names)} channels are named; give one name per row."
        )
    if pos.shape != (gain.shape[1], 3):
        raise InputError(
            f"The gain has {gain.shape[1]} sources but positions have shape {pos.shape}; give three per source."
        )
    if normals.shape != pos.shape:
        raise InputError(f"The normals have shape {normals.shape}; they must have {pos.shape}, as the positions.")
    for name, values in {"gain": gain, "positions": pos, "normals": normals}.items():
        if not np.isfinite(values).all():
            raise InputError(f"The {name} of the lead field are not all finite; check where it was computed.")
    if gain.shape[2] == 1 and not normals.any(axis=1).all():
        raise InputError("The gain has one orientation per source; give the normals that say which.")


def refuse_coincident(pos: np.ndarray) -> None:
    """Refuse sources at the same place, which no recording can tell apart."""
    if len(pos) < 2 or not np.isfinite(pos).all():  # values that are not finite are refused by their own name
        return
    nearest = cKDTree(pos).query(pos, k=2)[0][:, 1]
    if (doubled := int((nearest < SAME_PLACE).sum())) > 0:
        raise InputError(f"{doubled} sources lie at the place of another source; keep one source per place.")
