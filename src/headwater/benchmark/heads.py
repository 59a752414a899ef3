"""Lead fields of simulated protocols: the model that solvers assume, and the ground truth that makes the data.

The true head is the model head, varied, or a real one, and its sources are carried along: source i of one lead field
is source i of the other. So estimate and ground truth can be compared source by source, although no solver sees the
true head.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from headwater._utils.errors import InputError
from headwater.forward.fem.method import FEM
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.pair import LeadFieldPair, counterpart
from headwater.forward.spaces import Spacing
from headwater.head.anatomy import Conductivities
from headwater.head.labelled import head_from_labels
from headwater.head.model import Head
from headwater.head.registration import MNI152_TO_MNI305, fiducials_of_template
from headwater.head.sensors import montage_info
from headwater.head.template import template_head


class Deviation(ABC):
    """How the head that makes the data deviates from the one that solvers assume.

    Attributes
    ----------
    least_depth : float
        Of the sources in the true head below its inner skull, in metres; 0: sources outside it are refused.
    """

    least_depth: ClassVar[float] = 0.0

    @abstractmethod
    def head(self, model: Head, seed: int) -> Head:
        """Make the true head from the assumed one."""

    @property
    def method(self) -> str | FEM:
        """Forward method of the data."""
        return "bem"

    def missing(self, data: Path | None) -> str:
        """Say what the folder of real data lacks for this deviation; empty where nothing is missing."""
        del data
        return ""

    def at(self, data: Path | None, size: str) -> Deviation:
        """Return the deviation with its files in a folder of real data, as exact as a size of protocol needs it."""
        del data, size
        return self


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
class NewYork(Deviation):
    """The New York head, by finite elements with all its tissues: another shape, another method, and no skull of three.

    A real head (an average of 152 people), segmented at 1 mm; its licence does not allow to bundle it. Its segmentation
    misses thin bone below the brain, which is added. The sources of the template are carried there through MNI305. No
    seed changes it.

    Attributes
    ----------
    data : Path | None
        Folder that holds ``ny-head/ny_head_tissues_1mm.nii.gz``.
    resolution_mm : float
        Of the finite elements.
    """

    data: Path | None = None
    resolution_mm: float = 2.0

    least_depth: ClassVar[float] = 0.003
    image: ClassVar[Path] = Path("ny-head", "ny_head_tissues_1mm.nii.gz")

    def head(self, model: Head, seed: int) -> Head:
        """Read the head; its MRI frame is MNI152."""
        del model, seed
        if reason := self.missing(self.data):
            raise InputError(f"The New York head cannot be read: {reason}.")
        assert self.data is not None  # noqa: S101
        return _new_york(self.data / self.image)

    @property
    def method(self) -> FEM:
        """Finite elements."""
        return FEM(resolution_mm=self.resolution_mm)

    def missing(self, data: Path | None) -> str:
        """Name the file."""
        if data is None:
            return f"no folder of real data is given (`data`), which would hold {self.image}"
        return "" if (data / self.image).is_file() else f"the folder of real data has no {self.image}"

    def at(self, data: Path | None, size: str) -> Deviation:
        """Look for the file in a folder; quick protocols have elements of 3 mm, which take a quarter of the time."""
        return replace(self, data=data, resolution_mm=3.0 if size == "quick" else self.resolution_mm)


@lru_cache(maxsize=1)
def _new_york(image: Path) -> Head:
    fiducials = fiducials_of_template(MNI152_TO_MNI305)
    return head_from_labels(image, "roast", fiducials, mri_mni_t=MNI152_TO_MNI305, name="New York", close_skull=True)


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
    deviation = setup.deviation
    head = deviation.head(setup.head, seed)
    return counterpart(
        model_leadfield(setup),
        setup.head,
        head,
        montage_info(head, setup.montage),
        ico=setup.ico,
        spacing=setup.spacing,
        method=deviation.method,
        least_depth=deviation.least_depth,
    )


def leadfield_pair(setup: Setup, seed: int, *, inverse_crime: bool) -> LeadFieldPair:
    """Return both lead fields; the same one twice for an inverse crime."""
    model = model_leadfield(setup)
    return LeadFieldPair(model, model if inverse_crime else true_leadfield(setup, seed))
