"""One to three cortical patches in an active brain: Buda et al., multi-source ConvNet, configurations A-G, table IX.

The paper shows its configurations as pictures. Here the places are drawn anew in every sample, within what the text
says: how many patches, how large, how far apart. The true head has boundary elements, not finite elements.
"""

from __future__ import annotations

from dataclasses import replace

from headwater.benchmark.heads import Setup
from headwater.benchmark.protocol import Case
from headwater.benchmark.simulated import Extent, Simulated, in_a_real_head
from headwater.simulation.distributions import Constant, Distribution, Uniform
from headwater.simulation.presets import MULTI_SOURCE as RANDOM
from headwater.simulation.presets import Preset
from headwater.simulation.spatial import RadialPatches
from headwater.simulation.spatial.placement import Anywhere, AtDistance, FarApart, Further, Where
from headwater.solvers import DSPM, SLORETA, MinimumNorm
from headwater.solvers.evaluation import activity

MEDIUM = Uniform(30.0, 40.0)  # mm, the diameter of a patch
LATERAL = ("superiortemporal", "middletemporal", "supramarginal", "postcentral")
LEFT_LATERAL = Anywhere(regions=tuple(f"{name}-lh" for name in LATERAL))
BOTH_LATERAL = Anywhere(regions=tuple(f"{name}-{side}" for name in LATERAL for side in ("lh", "rh")))


def patches(n: int, diameter_mm: Distribution, further: Further | None = None, where: Where | None = None) -> Preset:
    """Patches of this number, size and distance in an active brain."""
    sources = RadialPatches(
        n_sources=Constant(n),
        diameter_mm=diameter_mm,
        where=where or Anywhere(),
        further=further or FarApart(),
    )
    return replace(RANDOM, sources=sources)


CONFIGURATIONS = {
    "A": ("a medium and a small patch far apart", patches(2, Uniform(20.0, 40.0), AtDistance(80.0))),
    "B": ("two medium patches on opposite sides", patches(2, MEDIUM, AtDistance(90.0), BOTH_LATERAL)),
    "C": ("three medium patches on various sides", patches(3, MEDIUM, AtDistance(60.0))),
    "D": ("two medium patches close together", patches(2, MEDIUM, AtDistance(40.0, 60.0))),
    "E": ("one large patch, left and lateral", patches(1, Constant(60.0), where=LEFT_LATERAL)),
    "F": ("one medium patch", patches(1, Constant(30.0))),
    "G": ("two medium patches very close together", patches(2, MEDIUM, AtDistance(20.0, 35.0))),
}

SET = Case(name="random", title="random set: one to three patches of 20-60 mm", tuned_on="random", setting=RANDOM)
CASES = (
    SET,
    *(
        Case(name=letter, title=f"{letter}: {words}", tuned_on="random", setting=preset)
        for letter, (words, preset) in CONFIGURATIONS.items()
    ),
    in_a_real_head(SET),
)

MULTI_SOURCE = Simulated(
    name="multi-source",
    title="Several patches of an active cortex (multi-source ConvNet)",
    sizes={
        "quick": Extent(
            setup=Setup("easycap-M10", "cortex", "ico3", ico=3), n=40, n_training=20, seeds=(1,), cases=CASES
        ),
        "paper": Extent(setup=Setup("easycap-M10", "cortex", "ico4"), n=325, n_training=100, seeds=(1, 2), cases=CASES),
    },
    training_presets={"random": RANDOM},
    metrics=(
        "fraction_active",
        "auc_close",
        "auc_far",
        "peak_activity_spread",
        "distance_rank_1",
        "distance_rank_2",
        "distance_rank_3",
        "distance_rank_least",
    ),
    statistic="median",
    brain_noise=True,
    truth=activity,
    variants={
        "mne-no-depth": MinimumNorm(depth=None),
        "dspm-no-depth": DSPM(depth=None),
        "sloreta-no-depth": SLORETA(depth=None),
    },
)
