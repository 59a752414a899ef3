"""The bells of 3D-PIUNet where the shape of the head is known, as from an MRI: the test of the paper itself.

Morik et al. test on a head that the network was not trained on, but whose lead field every method gets; the data are
made with other conductivities (section IV-A). What is left to misjudge is the skull.
"""

from __future__ import annotations

from dataclasses import replace

from headwater.benchmark.heads import Misjudged, Setup
from headwater.benchmark.piunet import PIUNET

PERSON = 11  # of no training
# .332, .0113 and .332 S/m made the data; the lead field of the solvers has .3, .006 and .3.
CONDUCTIVITIES = Misjudged(jitter_mm=0.0, brain=0.332 / 0.3, skull=0.0113 / 0.006, scalp=0.332 / 0.3)


def known(setup: Setup) -> Setup:
    """Let solvers know the head."""
    return replace(setup, person=PERSON, deviation=CONDUCTIVITIES)


KNOWN_HEAD = replace(
    PIUNET,
    name="known-head",
    title="Sources of any width in the volume of a head of known shape, from one time point (3D-PIUNet)",
    about=(
        "Solvers know the shape of the head and the places of the electrodes, as from an MRI, but not the "
        "conductivities that made the data; hyper-parameters are tuned on samples without that error, for the first "
        "metric."
    ),
    sizes={
        name: replace(
            extent,
            setup=known(extent.setup),
            seeds=extent.seeds[:1],
            cases=tuple(case for case in extent.cases if case.deviation is None),
        )
        for name, extent in PIUNET.sizes.items()
    },
)
