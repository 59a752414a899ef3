"""Binary maps of the cortex from one time point: Ojaroudi et al., U-Net direct inversion, tables 1 and 2, section 4.1.

The paper states no prior of the active sources; the one used here is in the titles (the preset DIRECT_UNET). Few
sources are active, and an estimate of zeros is right about all others: every table shows the gain over that. The paper
adds no noise; here the SNR is 40 dB at most, because solvers have to assume some noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from headwater.benchmark.exams import Scored
from headwater.benchmark.heads import Setup
from headwater.benchmark.methods import Method
from headwater.benchmark.protocol import Case, Settings
from headwater.benchmark.simulated import ABOUT, Extent, Simulated, in_a_real_head
from headwater.head.anatomy import Surface
from headwater.head.template import template_head
from headwater.metrics.detection import active_share
from headwater.metrics.measure import Measure
from headwater.metrics.table import METRICS
from headwater.simulation.distributions import Constant, Distribution, Integers
from headwater.simulation.noise import White
from headwater.simulation.presets import DIRECT_UNET as TRAINING
from headwater.simulation.presets import Preset
from headwater.simulation.spatial import BinaryPatches
from headwater.solvers.evaluation import activity

CM3_PER_M3 = 1e6
LEAST_NOISE = 40  # dB


@dataclass(frozen=True, eq=False)
class States(Simulated):
    """Score which sources are active and how large they are together."""

    @property
    def measures(self) -> Mapping[str, Measure]:
        """The metrics, the error of the volume, and accuracy without what the imbalance of the classes gives."""
        gain = Measure(higher_is_better=True, meaning="Accuracy minus that of an estimate of zeros.")
        return {**super().measures, "active_volume_error": METRICS["active_volume_error"], "accuracy_gain": gain}

    def score(self, method: Method, case: Case, seed: int, settings: Settings) -> Scored:
        """Add what follows from accuracy and recall.

        Of N sources n are active. Among them (1 - recall) n are missed, and N (1 - accuracy) are wrong in all, the
        others being false alarms; so the estimate has N (1 - accuracy) - 2 (1 - recall) n active sources too many.
        """
        exam = self.exam(case, seed, settings)
        scored = method.take(exam)
        share = active_share(self.truth(exam.samples))
        wrong, missed = 1 - scored.values["accuracy"], (1 - scored.values["recall"]) * share
        scored.values["active_volume_error"] = CM3_PER_M3 * cortical_volume() * np.abs(wrong - 2 * missed)
        scored.values["accuracy_gain"] = share - wrong
        return scored


def cortical_volume() -> float:
    """Volume between the white and the pial surface of the template, in m^3; its sources stand for equal shares."""
    cortex = template_head().cortex
    assert cortex is not None  # noqa: S101
    return sum(enclosed(pial) - enclosed(white) for white, pial in zip(cortex.white, cortex.pial, strict=True))


def enclosed(surface: Surface) -> float:
    """Volume inside a closed surface, in m^3."""
    return float(np.linalg.det(surface.rr[surface.tris]).sum() / 6)


def discs(n: Distribution, snr_db: float) -> Preset:
    """Discs of the preset, of another number and with noise."""
    assert isinstance(TRAINING.sources, BinaryPatches)  # noqa: S101
    return replace(TRAINING, sources=replace(TRAINING.sources, n_sources=n), noise=White(Constant(snr_db)))


ANY = Integers(1, 5)


def cases(snrs: tuple[int, ...], numbers: tuple[int, ...]) -> tuple[Case, ...]:
    """Series over the SNR and over the number of discs."""
    snr = [
        Case(
            name=f"snr-{at}",
            title=f"one to five discs of 10-30 mm radius, {at} dB",
            tuned_on=f"{at} dB",
            axis="SNR (dB)",
            at=at,
            setting=discs(ANY, at),
        )
        for at in snrs
    ]
    number = [
        Case(
            name=f"discs-{at}",
            title=f"discs of 10-30 mm radius: {at}, {LEAST_NOISE} dB",
            tuned_on=f"{LEAST_NOISE} dB",
            axis="number of discs",
            at=at,
            setting=discs(Constant(at), LEAST_NOISE),
        )
        for at in numbers
    ]
    return (*snr, *number, in_a_real_head(snr[-1]))


SNRS = (10, 20, LEAST_NOISE)

DIRECT_UNET = States(
    name="direct-unet",
    title="Which sources are active, from one time point (U-Net direct inversion)",
    about=(
        "Round patches of the cortex are on, the rest is off; a source counts as active above half of the largest "
        "estimate. The classes are far from balanced: the share of active sources is the accuracy gain of Perfect and, "
        f"but for chance, the precision of Random. {ABOUT}"
    ),
    sizes={
        "quick": Extent(
            setup=Setup("easycap-M10", "cortex", "ico3", ico=3),
            n=40,
            n_training=20,
            seeds=(1,),
            cases=cases((10, LEAST_NOISE), (1, 5)),
        ),
        "paper": Extent(
            setup=Setup("biosemi160", "cortex", "ico4"),
            n=200,
            n_training=100,
            seeds=(1, 2, 3, 4, 5),
            cases=cases(SNRS, (1, 2, 3, 4, 5)),
        ),
    },
    training_presets={f"{at} dB": discs(ANY, at) for at in SNRS},
    metrics=("f1", "accuracy", "precision", "recall", "centroid_localization_error"),
    truth=activity,
)
