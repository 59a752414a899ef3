"""Lead fields as NumPy archives: DUNEuro's one dipole a row, and plain arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.foreign.raw import RawLeadField

GAINS = ("gain", "leadfield", "lead_field", "L", "fwd")
POSITIONS = {"pos": 1.0, "positions": 1.0, "pos_m": 1.0, "src_coords": 1.0, "pos_mm": 1e-3, "dipole_pos_mm": 1e-3}
NORMALS = ("normals", "orientations", "nn")
NAMES = ("ch_names", "channels", "labels")


def npz(path: Path) -> RawLeadField:
    """Read arrays by their usual names; nothing is unpickled."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if stored[name].dtype.kind in "fiuU"}
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path.name} is damaged, or not an archive of plain NumPy arrays.") from error
    gain = _first(arrays, GAINS)
    if gain is None:
        raise InputError(f"{path.name} has no array called {', '.join(GAINS)}; rename the one that holds the gain.")
    gain = np.asarray(gain, float)
    place = next((name for name in POSITIONS if name in arrays), None)
    pos = None if place is None else POSITIONS[place] * np.asarray(arrays[place], float)
    names = _first(arrays, NAMES)
    ch_names = None if names is None else tuple(str(name) for name in names)
    if (moments := arrays.get("dipole_moment")) is not None and pos is not None:
        return _duneuro(gain, pos, np.asarray(moments, float), ch_names, path.name)
    normals = _first(arrays, NORMALS)
    if gain.ndim == 2 and pos is not None and gain.shape[1] == 3 * len(pos):
        gain = gain.reshape(len(gain), len(pos), 3)
    return RawLeadField(
        program="NumPy",
        gain=gain[:, :, np.newaxis] if gain.ndim == 2 else gain,
        pos=pos,
        ch_names=ch_names,
        normals=None if normals is None else np.asarray(normals, float),
    )


def _duneuro(
    gain: np.ndarray, pos: np.ndarray, moments: np.ndarray, ch_names: tuple[str, ...] | None, name: str
) -> RawLeadField:
    """One dipole a row: each at a place of its own, or three of different orientations at every place."""
    gain = gain if len(gain) == len(pos) else gain.T
    if len(gain) != len(pos) or moments.shape != pos.shape:
        raise InputError(f"{name} has {gain.shape} values for {len(pos)} dipoles; give one dipole a row.")
    _, first, which = np.unique(np.round(pos, 9), axis=0, return_index=True, return_inverse=True)
    if len(first) == len(pos):
        return RawLeadField("DUNEuro", gain.T[:, :, np.newaxis], pos, ch_names, normals=moments)
    if len(pos) != 3 * len(first):
        raise InputError(f"{name} has {len(pos)} dipoles at {len(first)} places; give one or three a place.")
    rows = np.argsort(which.ravel(), kind="stable").reshape(-1, 3)[np.argsort(first)]
    # Moments M (3 x 3, a moment a row) give values V = M g, so that g = M^-1 V holds the columns along x, y, z.
    columns = np.linalg.solve(moments[rows], gain[rows])
    return RawLeadField("DUNEuro", np.moveaxis(columns, 2, 0), pos[rows[:, 0]], ch_names)


def _first(arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray | None:
    return next((arrays[name] for name in names if name in arrays), None)
