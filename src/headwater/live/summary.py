"""What is said of an estimate: the strongest source, and the strongest source of each region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.live.loop import LiveEstimate
from headwater.localization.finish import positions_mm
from headwater.localization.prepare import Prepared


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Where the sources are.

    Attributes
    ----------
    pos_mm : array of shape (n_sources, 3)
        In ``frame``.
    frame : str
        ``"mni305"``, ``"mri"`` or ``"head"``.
    regions : tuple of str
        Regions of the atlas that hold sources; none where only a forward solution is known.
    members : tuple of int array
        Sources of each region.
    """

    pos_mm: np.ndarray
    frame: str
    regions: tuple[str, ...]
    members: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, prepared: Prepared) -> Anatomy:
        """Describe the sources of a lead field."""
        leadfield = prepared.leadfield
        pos_mm, frame = positions_mm(prepared, np.arange(leadfield.n_sources))
        ids = np.unique(leadfield.region_ids[leadfield.region_ids >= 0])
        members = tuple(np.flatnonzero(leadfield.region_ids == index) for index in ids)
        return cls(pos_mm, frame, tuple(leadfield.region_names[index] for index in ids), members)

    def strongest(self, estimate: LiveEstimate) -> np.ndarray:
        """Return the strongest source of each region, shape (n_regions,)."""
        found = [some[estimate.amplitude[some].argmax()] for some in self.members]
        return np.array(found, dtype=int)

    def region_at(self, source: int) -> str:
        """Return the region of a source; empty where it lies in none."""
        return next((name for name, some in zip(self.regions, self.members, strict=True) if source in some), "")
