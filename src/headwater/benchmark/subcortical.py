"""One cluster of sources on the cortex or below it, from one time point: Yokoyama et al., 4LCNN, figure 5.

As in the paper (section V.B.3) the data come from the head that solvers assume, with electrodes off by 2 mm and
conductivities by a fifth: brain (grey matter) up, compact bone and scalp down. The ten tissues of the paper are three
layers here, and the sources are fewer: the paper has some 8000 on the cortex and a grid of 3 mm below it, with the
ventral diencephalon.
"""

from __future__ import annotations

from dataclasses import replace

from headwater.benchmark.heads import Misjudged, Setup
from headwater.benchmark.protocol import Case
from headwater.benchmark.simulated import Extent, Simulated, in_a_real_head
from headwater.head.structures import NUCLEI
from headwater.simulation.distributions import Constant
from headwater.simulation.noise import White
from headwater.simulation.presets import SUBCORTICAL as TRAINING
from headwater.simulation.presets import Preset
from headwater.simulation.spatial import RingClusters
from headwater.simulation.spatial.placement import CortexAndDeep

HARD_SNR = 20  # dB, of the case in a real head
GRID = 5.0  # mm, below the cortex
BELOW = tuple(NUCLEI.values())
VALIDATION = Misjudged(jitter_mm=2.0, brain=1.2, skull=0.8, scalp=0.8)


def clusters(snr_db: float, cortical_share: float | None = None) -> Preset:
    """Clusters of the preset at another SNR; on the cortex with this probability, or as in the preset."""
    sources = TRAINING.sources
    assert isinstance(sources, RingClusters)  # noqa: S101
    if cortical_share is not None:
        sources = replace(sources, where=CortexAndDeep(cortical_share))
    return replace(TRAINING, sources=sources, noise=White(Constant(snr_db)))


PLACES = {"cortical": 1.0, "subcortical": 0.0}


def cases(snrs: tuple[int, ...]) -> tuple[Case, ...]:
    """Cortical and subcortical clusters apart, over the SNR."""
    series = [
        Case(
            name=f"{place}-snr-{at}",
            title=f"a {place} cluster, {at} dB",
            tuned_on=f"{at} dB",
            axis=f"SNR of {place} sources (dB)",
            at=at,
            setting=clusters(at, share),
        )
        for place, share in PLACES.items()
        for at in snrs
    ]
    return (*series, in_a_real_head(next(case for case in series if case.name == f"cortical-snr-{HARD_SNR}")))


SNRS = (-20, -10, 0, 5, 10, 15, 20, 25, 30)

SUBCORTICAL = Simulated(
    name="subcortical",
    title="A cluster on the cortex or below it, from one time point (4LCNN)",
    about=(
        "Data come from the head that solvers assume, with electrodes moved by 2 mm (standard deviation) and other "
        "conductivities (brain 1.2, skull and scalp 0.8 times the assumed ones); hyper-parameters are tuned on samples "
        "of the assumed head at the SNR of the case, cortical and subcortical, for the first metric."
    ),
    sizes={
        "quick": Extent(
            setup=Setup("biosemi64", "mixed", ("ico3", GRID), ico=3, deviation=VALIDATION, structures=BELOW),
            n=40,
            n_training=20,
            seeds=(1,),
            cases=cases((5, 10, 20, 30)),
        ),
        "paper": Extent(
            setup=Setup("biosemi160", "mixed", ("ico4", GRID), deviation=VALIDATION, structures=BELOW),
            n=100,
            n_training=100,
            seeds=(1, 2, 3),
            cases=cases(SNRS),
        ),
    },
    training_presets={f"{at} dB": clusters(at) for at in SNRS},
    metrics=("localization_error", "spatial_dispersion", "auprc"),
)
