"""Two lead fields with the same sources: one of the head that makes the data, one of the head that solvers believe in.

Source i of one is source i of the other: the data head is the template, warped, and its sources are carried along. So
truth and estimate can be compared source by source although no solver ever sees the head behind the data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import lru_cache

from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.pair import counterpart
from headwater.head.anatomy import Conductivities
from headwater.head.model import Head
from headwater.head.sensors import montage_info
from headwater.head.template import template_head


class Behind(ABC):
    """The head behind the data."""

    @abstractmethod
    def head(self, known: Head, seed: int) -> Head:
        """Make it from the head that solvers know."""


@dataclass(frozen=True)
class AnotherPerson(Behind):
    """A head of another shape, with misplaced electrodes and other conductivities."""

    def head(self, known: Head, seed: int) -> Head:
        """Vary everything."""
        return known.varied(seed=seed)


@dataclass(frozen=True, kw_only=True)
class Misjudged(Behind):
    """The solvers' own head, with electrodes and conductivities somewhat off.

    Parameters
    ----------
    jitter_mm : float
        Standard deviation of the electrodes along each direction of the scalp.
    brain, skull, scalp : float
        Factors on the conductivities.
    """

    jitter_mm: float
    brain: float
    skull: float
    scalp: float

    def head(self, known: Head, seed: int) -> Head:
        """Misplace the electrodes by the seed; the conductivities are the same for every seed."""
        head = known.varied(seed=seed, geometry=0.0, conductivity=0.0)
        believed = head.conductivities
        actual = Conductivities(
            brain=self.brain * believed.brain, skull=self.skull * believed.skull, scalp=self.scalp * believed.scalp
        )
        return replace(head, electrode_jitter=1e-3 * self.jitter_mm, conductivities=actual, conductor=None)


@dataclass(frozen=True)
class Space:
    """Sensors and sources of a simulated protocol.

    Attributes
    ----------
    montage : str
    kind : str
        ``"volume"`` (free orientation), ``"cortex"`` (normal to it) or ``"mixed"`` (free everywhere).
    spacing : float | str
        As for `headwater.make_leadfield`.
    ico : int
        Fineness of the boundary elements.
    behind : Behind
        The head behind the data.
    person : int | None
        Whose head solvers know: the template varied in shape with this seed, as from an MRI. None: the template.
    """

    montage: str
    kind: str
    spacing: float | str
    ico: int = 4
    behind: Behind = field(default_factory=AnotherPerson)
    person: int | None = None

    @property
    def known(self) -> Head:
        """The head that solvers know."""
        template = template_head()
        return template if self.person is None else template.varied(self.person, electrodes=0.0, conductivity=0.0)


@lru_cache(maxsize=2)
def solver_leadfield(space: Space) -> LeadField:
    """Lead field of the head that solvers know."""
    orient = "fixed" if space.kind == "cortex" else "free"
    info = montage_info(space.known, space.montage)
    return make_leadfield(space.known, info, space.kind, spacing=space.spacing, ico=space.ico, orient=orient)


@lru_cache(maxsize=2)
def data_leadfield(space: Space, seed: int) -> LeadField:
    """Lead field of the head that makes the data."""
    head = space.behind.head(space.known, seed)
    info = montage_info(head, space.montage)
    return counterpart(solver_leadfield(space), space.known, head, info, ico=space.ico, spacing=space.spacing)
