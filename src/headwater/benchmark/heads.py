"""Lead fields of simulated protocols: the model that solvers assume, and the ground truth that makes the data.

The true head is the model head, varied, and its sources are carried along: source i of one lead field is source i of
the other. So estimate and ground truth can be compared source by source, although no solver sees the true head.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import lru_cache

from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.pair import LeadFieldPair, counterpart
from headwater.forward.spaces import Spacing
from headwater.head.anatomy import Conductivities
from headwater.head.model import Head
from headwater.head.sensors import montage_info
from headwater.head.template import template_head


class Deviation(ABC):
    """How the head that makes the data deviates from the one that solvers assume."""

    @abstractmethod
    def head(self, model: Head, seed: int) -> Head:
        """Make the true head from the assumed one."""


@dataclass(frozen=True)
class AnotherPerson(Deviation):
    """A head of another shape, with misplaced electrodes and other conductivities."""

    def head(self, model: Head, seed: int) -> Head:
        """Vary everything."""
        return model.varied(seed=seed)


@dataclass(frozen=True, kw_only=True)
class Misjudged(Deviation):
    """The assumed head, with electrodes and conductivities somewhat off.

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

    def head(self, model: Head, seed: int) -> Head:
        """Misplace the electrodes by the seed; the conductivities are the same for every seed."""
        head = model.varied(seed=seed, geometry=0.0, conductivity=0.0)
        assumed = head.conductivities
        actual = Conductivities(
            brain=self.brain * assumed.brain, skull=self.skull * assumed.skull, scalp=self.scalp * assumed.scalp
        )
        return replace(head, electrode_jitter=1e-3 * self.jitter_mm, conductivities=actual, conductor=None)


@dataclass(frozen=True)
class Setup:
    """Sensors, sources and heads of a simulated protocol.

    Attributes
    ----------
    montage : str
    space : str
        ``"volume"`` (free orientation), ``"cortex"`` (normal to it) or ``"mixed"`` (free everywhere).
    spacing : float or str or (str, float)
    structures : tuple of str | None
        As for `headwater.make_leadfield`.
    ico : int
        Fineness of the boundary elements.
    deviation : Deviation
        Of the true head from the assumed one.
    person : int | None
        The head that solvers assume: the template varied in shape with this seed, as from an MRI. None: the template.
    """

    montage: str
    space: str
    spacing: Spacing
    ico: int = 4
    deviation: Deviation = field(default_factory=AnotherPerson)
    person: int | None = None
    structures: tuple[str, ...] | None = None

    @property
    def head(self) -> Head:
        """The head that solvers assume."""
        template = template_head()
        return template if self.person is None else template.varied(self.person, electrodes=0.0, conductivity=0.0)


@lru_cache(maxsize=2)
def model_leadfield(setup: Setup) -> LeadField:
    """Lead field of the head that solvers assume."""
    orient = "fixed" if setup.space == "cortex" else "free"
    info = montage_info(setup.head, setup.montage)
    return make_leadfield(
        setup.head,
        info,
        setup.space,
        spacing=setup.spacing,
        ico=setup.ico,
        orient=orient,
        structures=setup.structures,
    )


@lru_cache(maxsize=2)
def true_leadfield(setup: Setup, seed: int) -> LeadField:
    """Lead field of the head that makes the data."""
    head = setup.deviation.head(setup.head, seed)
    info = montage_info(head, setup.montage)
    return counterpart(model_leadfield(setup), setup.head, head, info, ico=setup.ico, spacing=setup.spacing)


def leadfield_pair(setup: Setup, seed: int, *, inverse_crime: bool) -> LeadFieldPair:
    """Return both lead fields; the same one twice for an inverse crime."""
    model = model_leadfield(setup)
    return LeadFieldPair(model, model if inverse_crime else true_leadfield(setup, seed))
