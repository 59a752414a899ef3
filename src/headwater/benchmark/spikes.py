"""Single interictal spikes of patches of the cortex: the CNN-Transformer on neural-mass spikes, after DeepSIF.

The 1284 sources are about as fine as the 994 regions of the papers. The numbers of electrodes are those of the montages
that MNE-Python knows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from headwater.benchmark.exams import Scored, TrainingSet
from headwater.benchmark.heads import Setup
from headwater.benchmark.methods import Method
from headwater.benchmark.protocol import Case, Settings
from headwater.benchmark.simulated import Extent, Simulated, in_a_real_head
from headwater.simulation.distributions import Constant, Distribution, Integers, Uniform
from headwater.simulation.noise import White
from headwater.simulation.presets import SPIKES as TRAINING
from headwater.simulation.presets import Preset
from headwater.simulation.spatial import GrownRegions
from headwater.simulation.temporal.clips import Clips

MONTAGES = {16: "biosemi16", 32: "biosemi32", 64: "biosemi64", 74: "easycap-M1"}
FULL = 74


@dataclass(frozen=True)
class OnMontage:
    """What a case is made from: samples, and the electrodes that record them."""

    montage: str
    preset: Preset


@dataclass(frozen=True, eq=False)
class Spikes(Simulated):
    """Simulate on a varied head, solve on the template; cases are `OnMontage`, tuned on the montage they name."""

    def on(self, montage: str) -> Simulated:
        """Return the same comparison with other electrodes."""
        sizes = {
            size: replace(extent, setup=replace(extent.setup, montage=montage)) for size, extent in self.sizes.items()
        }
        mine = {one.name: getattr(self, one.name) for one in fields(Simulated)}
        return Simulated(**{**mine, "sizes": sizes})

    def training(self, tuned_on: str, settings: Settings) -> TrainingSet:
        """Simulate a training set on the template with the montage of that name."""
        return self.on(tuned_on).training(tuned_on, settings)

    def score(self, method: Method, case: Case, seed: int, settings: Settings) -> Scored:
        """Simulate, estimate, score with the montage of the case."""
        setting: OnMontage = case.setting
        return self.on(setting.montage).score(method, replace(case, setting=setting.preset), seed, settings)


def patches(n: Distribution, snr_db: Distribution) -> Preset:
    """Patches of the preset, of another number and with other noise."""
    assert isinstance(TRAINING.sources, GrownRegions)  # noqa: S101
    return replace(TRAINING, sources=replace(TRAINING.sources, n_sources=n), noise=White(snr_db))


ANY, ANY_SNR = Integers(1, 2), Uniform(5.0, 20.0)

# The test has the default spikes; bundled recipes train on those of seed 1, so that no clip is seen twice.
TUNING = replace(patches(ANY, ANY_SNR), courses=Clips(seed=2))


def cases(snrs: tuple[int, ...], electrodes: tuple[int, ...]) -> tuple[Case, ...]:
    """One patch and two, then series over the SNR and over the number of electrodes."""
    full = MONTAGES[FULL]
    number = [
        Case(
            name=f"patches-{n}",
            title=f"{words}, 5-20 dB, {FULL} electrodes",
            tuned_on=full,
            setting=OnMontage(full, patches(Constant(n), ANY_SNR)),
        )
        for n, words in ((1, "one patch"), (2, "two patches"))
    ]
    snr = [
        Case(
            name=f"snr-{at}",
            title=f"one or two patches, {at} dB, {FULL} electrodes",
            tuned_on=full,
            axis="SNR (dB)",
            at=at,
            setting=OnMontage(full, patches(ANY, Constant(at))),
        )
        for at in snrs
    ]
    montage = [
        Case(
            name=f"electrodes-{at}",
            title=f"one or two patches, 5-20 dB, {at} electrodes",
            tuned_on=MONTAGES[at],
            axis="number of electrodes",
            at=at,
            setting=OnMontage(MONTAGES[at], patches(ANY, ANY_SNR)),
        )
        for at in electrodes
    ]
    return (*number, *snr, *montage, in_a_real_head(number[0]))


SPIKES = Spikes(
    name="spikes",
    title="Single spikes of cortical patches over two seconds (CNN-Transformer, DeepSIF)",
    sizes={
        "quick": Extent(
            setup=Setup(MONTAGES[FULL], "cortex", "ico3", ico=3),
            n=20,
            n_training=10,
            seeds=(1,),
            cases=cases((5, 20), (16, 32, FULL)),
        ),
        "paper": Extent(
            setup=Setup(MONTAGES[FULL], "cortex", "ico3"),
            n=60,
            n_training=20,
            seeds=(1, 2, 3, 4, 5),
            cases=cases((0, 5, 10, 15, 20), tuple(MONTAGES)),
        ),
    },
    training_presets={montage: TUNING for montage in MONTAGES.values()},
    metrics=(
        "localization_error",
        "dispersion_from_truth",
        "region_f1",
        "correlation",
        "assignment_error",
        "region_precision",
        "region_recall",
        "time_course_correlation",
    ),
)
