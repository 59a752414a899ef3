"""What there is to draw around the sources, and in which frame: brain, scalp and source positions in millimetres."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mne.transforms import apply_trans, invert_transform

from headwater.localization import Localization

FRAME_LABELS = {"mni305": "MNI305", "mri": "MRI surface RAS", "head": "head coordinates"}


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh in the frame of the figure.

    Attributes
    ----------
    rr_mm : array of shape (n_vertices, 3)
    tris : int array of shape (n_triangles, 3)
    """

    rr_mm: np.ndarray
    tris: np.ndarray


@dataclass(frozen=True, eq=False)
class Scene:
    """Geometry of one localisation, in the frame of its peaks table.

    Attributes
    ----------
    frame : str
        ``"mni305"``, ``"mri"`` or ``"head"``.
    pos_mm : array of shape (n_sources, 3)
    cortical : bool array of shape (n_sources,)
        Whether the source lies on a cortical surface.
    brain : tuple of Mesh
        Cortex, else inner skull, else nothing.
    brain_name : str
        What the outline of the brain was drawn from, for the caption.
    scalp : Mesh | None
    """

    frame: str
    pos_mm: np.ndarray
    cortical: np.ndarray
    brain: tuple[Mesh, ...]
    brain_name: str
    scalp: Mesh | None

    @property
    def frame_label(self) -> str:
        """Name of the frame for people."""
        return FRAME_LABELS[self.frame]


def make_scene(localization: Localization) -> Scene:
    """Collect what the head, or failing that the source space, offers to draw."""
    head, leadfield = localization.head, localization.leadfield
    frame = plot_frame(localization)
    to_frame = head_to_frame(localization, frame)
    brain, brain_name = _brain(localization, to_frame)
    scalp = None
    if head is not None and head.scalp is not None:
        scalp = _mesh(head.to_head(head.scalp.rr), head.scalp.tris, to_frame)
    return Scene(
        frame=frame,
        pos_mm=1e3 * to_frame(leadfield.pos),
        cortical=leadfield.cortical,
        brain=brain,
        brain_name=brain_name,
        scalp=scalp,
    )


def plot_frame(localization: Localization) -> str:
    """Frame of the peaks table, so that figures and table agree; head coordinates where there is no peak."""
    return str(localization.peaks["frame"].iloc[0]) if len(localization.peaks) else "head"


def head_to_frame(localization: Localization, frame: str) -> Callable[[np.ndarray], np.ndarray]:
    """Map from head coordinates to a named frame, both in metres."""
    head = localization.head
    if frame == "head":
        return np.asarray
    if frame == "mni305":
        assert head is not None  # nothing else knows the way to MNI
        return head.to_mni
    if head is not None:
        return head.to_mri
    mri_head_t = localization.leadfield.mri_head_t
    assert mri_head_t is not None  # or the peaks would not be in this frame
    head_mri_t = invert_transform(mri_head_t)
    return lambda pos: apply_trans(head_mri_t, pos)


def _mesh(pos: np.ndarray, tris: np.ndarray, to_frame: Callable[[np.ndarray], np.ndarray]) -> Mesh:
    return Mesh(1e3 * to_frame(pos), tris)


def _brain(localization: Localization, to_frame: Callable[[np.ndarray], np.ndarray]) -> tuple[tuple[Mesh, ...], str]:
    """Best picture of the brain there is: pial surface, surface of the source space, or inner skull."""
    head = localization.head
    if head is not None and head.cortex is not None:
        pial = tuple(_mesh(head.to_head(side.rr), side.tris, to_frame) for side in head.cortex.pial)
        return pial, "pial surface"
    spaces = [space for space in localization.leadfield.src if space["type"] == "surf" and space["ntri"] > 0]
    if spaces:
        return tuple(_mesh(space["rr"], space["tris"], to_frame) for space in spaces), "surface of the source space"
    if head is not None:
        inner = _mesh(head.to_head(head.inner_skull.rr), head.inner_skull.tris, to_frame)
        return (inner,), "inner skull"
    return (), "outline of the sources"
