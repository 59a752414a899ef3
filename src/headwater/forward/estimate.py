"""From arrays of currents to MNE-Python's source estimates."""

from __future__ import annotations

import mne
import numpy as np
from mne.io.constants import FIFF

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField

CLASSES = {
    "surface": (mne.SourceEstimate, mne.VectorSourceEstimate),
    "volume": (mne.VolSourceEstimate, mne.VolVectorSourceEstimate),
    "discrete": (mne.VolSourceEstimate, mne.VolVectorSourceEstimate),
    "mixed": (mne.MixedSourceEstimate, mne.MixedVectorSourceEstimate),
}


def source_estimate(
    currents: np.ndarray,
    leadfield: LeadField,
    *,
    tmin: float,
    tstep: float,
    pick_ori: str | None,
    along_normals: bool = True,
) -> mne.BaseSourceEstimate:
    """Wrap currents in MNE-Python's class for the lead field's source space.

    Parameters
    ----------
    currents : array of shape (n_sources, n_orient, n_times)
    leadfield : LeadField
    tmin, tstep : float
        First time and distance of times, in s.
    pick_ori : None | "normal" | "vector"
        None: length of the vectors, or the signed amplitude of fixed sources. "normal": signed amplitude along the
        cortical normal. "vector": all three components.
    along_normals : bool
        Whether currents with ``n_orient == 1`` point along ``leadfield.normals``.

    Returns
    -------
    stc : mne.SourceEstimate | mne.VolSourceEstimate | mne.MixedSourceEstimate | their Vector classes
    """
    scalar, vector = CLASSES[source_kind(leadfield.src)]
    return (vector if pick_ori == "vector" else scalar)(
        oriented(currents, leadfield, pick_ori, along_normals=along_normals),
        vertices=_vertices(leadfield.src),
        tmin=tmin,
        tstep=tstep,
        subject=leadfield.subject,
    )


def source_kind(src: mne.SourceSpaces) -> str:
    """Kind of the source spaces as MNE names it, except that one hemisphere alone is a surface too."""
    return "surface" if all(space["type"] == "surf" for space in src) else src.kind


def oriented(currents: np.ndarray, leadfield: LeadField, pick_ori: str | None, *, along_normals: bool) -> np.ndarray:
    """Return length or signed amplitude (n_sources, n_times), or vectors (n_sources, 3, n_times)."""
    if pick_ori not in (None, "normal", "vector"):
        raise InputError(f"pick_ori is {pick_ori!r}; choose None, 'normal' or 'vector'.")
    if pick_ori == "normal" and not leadfield.cortical.all():
        raise InputError("Sources in a volume have no normal; use pick_ori None or 'vector'.")
    fixed = currents.shape[1] == 1
    if pick_ori is not None and fixed and not along_normals:
        raise InputError("This solver chooses the orientation of each source; use pick_ori=None.")
    if pick_ori == "vector":
        return currents * leadfield.normals[:, :, np.newaxis] if fixed else currents
    if fixed:
        return currents[:, 0]
    if pick_ori == "normal":
        return np.einsum("sot,so->st", currents, leadfield.normals)
    return np.sqrt(np.einsum("sot,sot->st", currents, currents))


def _vertices(src: mne.SourceSpaces) -> list[np.ndarray]:
    """Return the used vertices of each source space; both hemispheres for a cortical one, even where one has none."""
    vertices = [space["vertno"] for space in src]
    if len(src) == 1 and src[0]["type"] == "surf":
        left = src[0]["id"] == FIFF.FIFFV_MNE_SURF_LEFT_HEMI
        vertices.insert(1 if left else 0, np.array([], dtype=int))
    return vertices
