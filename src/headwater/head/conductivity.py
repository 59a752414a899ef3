"""Tissues of a head, and their conductivities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headwater._utils.errors import InputError
from headwater.head.anatomy import Conductivities, check_conductivity

WHITE, GREY = "white matter", "grey matter"
CEREBELLAR_WHITE, CEREBELLAR_GREY = "cerebellar white matter", "cerebellar cortex"
BRAINSTEM, CSF = "brainstem", "CSF"
COMPACT, SPONGY = "compact bone", "spongy bone"
SCALP, EYES, MUSCLE, BLOOD, AIR = "scalp", "eyes", "muscle", "blood", "air"

BRAIN_TISSUES = (WHITE, GREY, CEREBELLAR_WHITE, CEREBELLAR_GREY, BRAINSTEM)
BONE_TISSUES = (COMPACT, SPONGY)
SOFT_TISSUES = (SCALP, EYES, MUSCLE, BLOOD)  # outside the skull
TISSUES = (*BRAIN_TISSUES, CSF, *BONE_TISSUES, *SOFT_TISSUES, AIR)


@dataclass(frozen=True)
class TissueConductivities:
    """Isotropic conductivities by tissue, in S/m; air conducts nothing and is left out of every mesh.

    Attributes
    ----------
    name : str
        For people.
    values : mapping of str to float
        Conductivity of each tissue.
    ranges : mapping of str to (float, float)
        Lowest and highest plausible conductivity, for `drawn`; tissues without one keep their value.
    """

    name: str
    values: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float]]

    def __post_init__(self) -> None:
        for tissue, value in self.values.items():
            check_conductivity(tissue, value)

    def of(self, tissues: tuple[str, ...]) -> np.ndarray:
        """Conductivities of some tissues, shape (n_tissues,)."""
        if missing := [tissue for tissue in tissues if tissue not in self.values]:
            raise InputError(
                f"The conductivities {self.name!r} have no value for {', '.join(missing)}; add one, or rename the "
                "tissue."
            )
        return np.array([self.values[tissue] for tissue in tissues], float)

    def drawn(self, seed: int, strength: float = 1.0) -> TissueConductivities:
        """Draw every conductivity log-uniformly from its range and go there by ``strength`` in the logarithm."""
        rng = np.random.default_rng(seed)
        values = dict(self.values)
        for tissue, (low, high) in self.ranges.items():
            drawn = low * (high / low) ** rng.uniform()
            values[tissue] = float(values[tissue] * (drawn / values[tissue]) ** strength)
        return TissueConductivities(f"{self.name}, drawn with seed {seed}", values, self.ranges)


def three_shells(values: Conductivities) -> TissueConductivities:
    """Give all that is inside the skull one conductivity, bone another, and everything outside a third."""
    table = dict.fromkeys((*BRAIN_TISSUES, CSF), values.brain)
    table |= dict.fromkeys(BONE_TISSUES, values.skull)
    table |= dict.fromkeys(SOFT_TISSUES, values.scalp)
    return TissueConductivities("three shells", table, {})


def _by_tissue(white: float, grey: float, rest: Mapping[str, float]) -> dict[str, float]:
    """Give cerebellum and brainstem the values of cerebral grey and white matter."""
    brain = {WHITE: white, GREY: grey, CEREBELLAR_WHITE: white, CEREBELLAR_GREY: grey, BRAINSTEM: white}
    return {**brain, **rest}


# Factor of .8 to 1.2 on each conductivity, as in the validation head of the same study.
_TEN = _by_tissue(
    0.22,
    0.47,
    {CSF: 1.71, COMPACT: 0.0046, SPONGY: 0.05, SCALP: 0.41, EYES: 0.5, BLOOD: 0.57, MUSCLE: 0.32},
)
TEN_TISSUES = TissueConductivities("ten tissues", _TEN, {name: (0.8 * s, 1.2 * s) for name, s in _TEN.items()})
