"""Single time points of Gaussian bells in a volume: Morik et al., 3D-PIUNet, figures 5-7 and 11, and table I.

The width is the standard deviation of the bells, as the paper says. Its released code draws 5-40 mm in training; the
case ``narrow`` is table I with that reading, ``snr-20`` with that of the paper. The paper does not say how many sources
figure 5 has; one is taken, as in table I.
"""

from __future__ import annotations

from dataclasses import replace

from headwater.benchmark.heads import Setup
from headwater.benchmark.methods import Chance, Perfect
from headwater.benchmark.oracle import Oracle
from headwater.benchmark.protocol import Case
from headwater.benchmark.simulated import Extent, Simulated, in_a_real_head
from headwater.simulation.distributions import Constant, Distribution, Integers, Uniform
from headwater.simulation.noise import White
from headwater.simulation.presets import PIUNET as TRAINING
from headwater.simulation.presets import Preset
from headwater.simulation.spatial import GaussianBells

WIDTHS = Uniform(10.0, 80.0)
NARROW = Uniform(5.0, 40.0)
TUNED_NARROW, TUNED_NARROW_10_DB = "20 dB narrow", "10 dB narrow"
MOST_SOURCES = 5


def bells(snr_db: float, n_sources: Distribution, sigma_mm: Distribution = WIDTHS) -> Preset:
    """Bells as in the paper, with this SNR, number and width."""
    assert isinstance(TRAINING.sources, GaussianBells)  # noqa: S101
    sources = replace(TRAINING.sources, n_sources=n_sources, sigma_mm=sigma_mm)
    return replace(TRAINING, sources=sources, noise=White(Constant(snr_db)))


def cases(
    snrs: tuple[int, ...], widths: tuple[int, ...], numbers: tuple[int, ...], lost: tuple[int, ...] = ()
) -> tuple[Case, ...]:
    """Figure 5 (SNR), 6 (width, at 5 dB), 7 (number of sources, at 20 dB) and 11 (missing electrodes, at 20 dB)."""
    one, wide = Constant(1), "10-80 mm"
    title = f"one source of {wide}, 20 dB"
    return (
        *(_case("snr", "SNR (dB)", at, f"one source of {wide}, {at} dB", bells(at, one), f"{at} dB") for at in snrs),
        *(
            _case("width", "width (mm)", at, f"one source of {at} mm, 5 dB", bells(5, one, Constant(at)), "5 dB")
            for at in widths
        ),
        *(
            _case("sources", "number of sources", at, f"{at} sources of {wide}, 20 dB", bells(20, Constant(at)))
            for at in numbers
        ),
        *(
            _case("missing", "missing electrodes", at, f"{title}, {at} electrodes missing", bells(20, one), n_lost=at)
            for at in lost
        ),
    )


def _case(kind: str, axis: str, at: int, title: str, setting: Preset, tuned_on: str = "20 dB", n_lost: int = 0) -> Case:
    """One point of a figure."""
    return Case(name=f"{kind}-{at}", title=title, tuned_on=tuned_on, axis=axis, at=at, setting=setting, n_lost=n_lost)


NARROW_CASE = Case(
    name="narrow",
    title="one source of 5-40 mm, 20 dB",
    tuned_on=TUNED_NARROW,
    setting=bells(20, Constant(1), NARROW),
)
NARROW_10_DB = Case(
    name="narrow-10-db",
    title="one source of 5-40 mm, 10 dB",
    tuned_on=TUNED_NARROW_10_DB,
    setting=bells(10, Constant(1), NARROW),
)

HARDEST = in_a_real_head(_case("snr", "SNR (dB)", 20, "one source of 10-80 mm, 20 dB", bells(20, Constant(1)), "20 dB"))

SNRS = (0, 5, 10, 20, 30, 40)

PIUNET = Simulated(
    name="piunet",
    title="Sources of any width in a volume, from one time point (3D-PIUNet)",
    sizes={
        "quick": Extent(
            setup=Setup("easycap-M10", "volume", 12.0, ico=3),
            n=40,
            n_training=12,
            seeds=(1,),
            cases=(*cases((0, 5, 20), (10, 40, 80), (2, 5)), NARROW_CASE, HARDEST),
        ),
        "paper": Extent(
            setup=Setup("easycap-M10", "volume", 7.0),
            n=400,
            n_training=100,
            seeds=(1, 2, 3, 4, 5),
            cases=(*cases(SNRS, (10, 20, 40, 60, 80), (2, 3, 5, 10, 20), (5, 11)), NARROW_CASE, NARROW_10_DB, HARDEST),
        ),
    },
    training_presets={
        **{f"{at} dB": bells(at, Integers(1, MOST_SOURCES)) for at in SNRS},
        TUNED_NARROW: bells(20, Integers(1, MOST_SOURCES), NARROW),
        TUNED_NARROW_10_DB: bells(10, Integers(1, MOST_SOURCES), NARROW),
    },
    controls={
        "Random": Chance(),
        "Bayes": Oracle(knows_head=False),
        "Oracle": Oracle(knows_head=True),
        "Perfect": Perfect(),
    },
    metrics=("nemd_fast", "nmse", "weighted_cosine_distance", "localization_error"),
)
