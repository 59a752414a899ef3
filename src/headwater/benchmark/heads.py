"""Two lead fields with the same sources: one of the head that makes the data, one of the head that solvers believe in.

Source i of one is source i of the other: the data head is the template, warped, and its sources are carried along. So
truth and estimate can be compared source by source although no solver ever sees the head behind the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headwater.forward.carried import carried_leadfield
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.head.sensors import montage_info
from headwater.head.template import template_head


@dataclass(frozen=True)
class Space:
    """Sensors and sources of a simulated protocol.

    Attributes
    ----------
    montage : str
    kind : str
        ``"volume"`` (free orientation) or ``"cortex"`` (normal to it).
    spacing : float | str
        As for `headwater.make_leadfield`.
    ico : int
        Fineness of the boundary elements.
    """

    montage: str
    kind: str
    spacing: float | str
    ico: int = 4


@lru_cache(maxsize=2)
def solver_leadfield(space: Space) -> LeadField:
    """Lead field of the template."""
    template = template_head()
    orient = "fixed" if space.kind == "cortex" else "free"
    info = montage_info(template, space.montage)
    return make_leadfield(template, info, space.kind, spacing=space.spacing, ico=space.ico, orient=orient)


@lru_cache(maxsize=2)
def data_leadfield(space: Space, seed: int) -> LeadField:
    """Lead field of another head, with misplaced electrodes and other conductivities."""
    head = template_head().varied(seed=seed)
    info = montage_info(head, space.montage)
    mine = solver_leadfield(space)
    if space.kind == "cortex":
        other = make_leadfield(head, info, "cortex", spacing=space.spacing, ico=space.ico, orient="fixed")
        if not all(np.array_equal(a["vertno"], b["vertno"]) for a, b in zip(mine.src, other.src, strict=True)):
            raise RuntimeError(f"The cortex of {head.name} has other vertices inside the skull than the template's.")
        return other
    template = template_head()
    return carried_leadfield(mine, template, head, info, ico=space.ico)
