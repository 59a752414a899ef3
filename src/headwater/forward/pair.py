"""The same sources in two heads: the lead field that a solver assumes, and the one that made the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.carried import carried_leadfield
from headwater.forward.fem.method import FEM
from headwater.forward.grid import is_grid
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.registered import registered_leadfield
from headwater.forward.spaces import Spacing, spacings
from headwater.head.model import Head

MESH = "surf"  # MNE-Python's name for the source space of a hemisphere


@dataclass(frozen=True, eq=False)
class LeadFieldPair:
    """Two lead fields with the same channels and the same sources, one by one.

    Estimate and ground truth can then be compared source by source, although the solver does not know the head that
    made the data.

    Attributes
    ----------
    model : LeadField
        What a solver or a network assumes.
    truth : LeadField
        What made the data.
    """

    model: LeadField
    truth: LeadField

    def __post_init__(self) -> None:
        if self.model.ch_names != self.truth.ch_names:
            raise InputError("The two lead fields of a pair have different channels; pick the same channels of both.")
        if self.model.gain.shape != self.truth.gain.shape:
            raise InputError(
                f"The two lead fields of a pair have the shapes {self.model.gain.shape} and {self.truth.gain.shape}; "
                "make both with the same sources and orientations."
            )
        if not _same_vertices(self.model.src, self.truth.src):
            raise InputError(
                "The two lead fields of a pair have sources at different vertices; make the second one with "
                "headwater.forward.pair.counterpart."
            )

    @classmethod
    def inverse_crime(cls, leadfield: LeadField) -> Self:
        """Let the data come from the lead field that the solver assumes."""
        return cls(model=leadfield, truth=leadfield)

    def pick(self, ch_names: list[str]) -> Self:
        """Return the pair with these channels only, in this order."""
        return type(self)(model=self.model.pick(ch_names), truth=self.truth.pick(ch_names))


def counterpart(
    leadfield: LeadField,
    origin: Head,
    head: Head,
    info: mne.Info,
    *,
    ico: int,
    spacing: Spacing = None,
    method: str | FEM = "bem",
    least_depth: float = 0.0,
) -> LeadField:
    """Compute the lead field of the same sources in another head.

    Parameters
    ----------
    leadfield : LeadField
        From `headwater.make_leadfield`, of sources in ``origin``.
    origin, head : Head
        Heads that share their reference, as those of `Head.varied`, have the same vertices and correspond point by
        point. Between others, sources on the cortex correspond as in `headwater.forward.registered`, and sources in a
        volume through MNI305.
    info : mne.Info
        Sensors of ``head``.
    ico : int
        Fineness of the boundary elements.
    spacing : float or str or (str, float) | None
        Of the cortex, as for `headwater.make_leadfield`; a number is that of the grid below it, and has no effect.
    method : str | FEM
        Forward method.
    least_depth : float
        See `headwater.forward.carried.carried_leadfield`.

    Returns
    -------
    leadfield : LeadField
        Source i is source i of ``leadfield``: the same or the registered vertex of the cortex; the same place in a
        volume, carried along with the shape of the head.
    """
    meshes = [space for space in leadfield.src if space["type"] == MESH]
    if not meshes:
        return carried_leadfield(leadfield, origin, head, info, ico=ico, method=method, least_depth=least_depth)
    if head.reference is None or head.reference != origin.reference:
        return registered_leadfield(leadfield, origin, head, info, ico=ico, method=method, least_depth=least_depth)
    orient = "fixed" if leadfield.n_orient == 1 else "free"
    cortex_spacing, _ = spacings(spacing)
    cortex = make_leadfield(head, info, "cortex", spacing=cortex_spacing, ico=ico, orient=orient, method=method)
    if not all(_same_space(a, b) for a, b in zip(meshes, cortex.src, strict=True)):
        raise RuntimeError(f"The cortex of {head.name} has other vertices inside the skull than that of {origin.name}.")
    if len(meshes) == len(leadfield.src):
        return cortex
    # Regions, neighbours and src, which tells cortical sources from others, stay those of the given lead field.
    carried = carried_leadfield(leadfield, origin, head, info, ico=ico, method=method, least_depth=least_depth)
    return replace(
        leadfield,
        gain=carried.gain,
        pos=carried.pos,
        normals=np.concatenate([cortex.normals, leadfield.normals[cortex.n_sources :]]),
        info=carried.info,
        subject=head.name,
        mri_head_t=head.mri_head_t,
        assumptions=cortex.assumptions,
    )


def _same_vertices(src: mne.SourceSpaces, other: mne.SourceSpaces) -> bool:
    """Whether vertices agree wherever they have numbers; sources of an array of positions have none."""
    if not all(space["type"] == MESH or is_grid(space) for space in (*src, *other)):
        return True
    return len(src) == len(other) and all(_same_space(a, b) for a, b in zip(src, other, strict=True))


def _same_space(space: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two source spaces are of one type, and use the same vertices or the same voxels."""
    if space["type"] != other["type"] or not np.array_equal(space["vertno"], other["vertno"]):
        return False
    if not is_grid(space):
        return True
    same_shape = tuple(space["shape"]) == tuple(other["shape"])
    return same_shape and np.allclose(space["src_mri_t"]["trans"], other["src_mri_t"]["trans"], atol=1e-6)
