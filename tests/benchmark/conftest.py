"""A tiny protocol: two cases on a coarse grid, solvers that work, refuse and break."""

from dataclasses import dataclass

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.benchmark.heads import Setup
from headwater.benchmark.piunet import bells, cases
from headwater.benchmark.simulated import Extent, Simulated
from headwater.simulation.distributions import Integers
from headwater.solvers import DSPM, MinimumNorm
from headwater.solvers.base import Solver


class Breaking(MinimumNorm):
    """Fails for a reason that no user can fix."""

    def estimate(self, data: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("the third root of nothing")


class Refusing(MinimumNorm):
    """Needs more than one time point."""

    def fit(self, leadfield, noise_cov=None):
        raise InputError("This solver needs more than one time point.")


@dataclass(frozen=True, eq=False)
class Tiny(Simulated):
    """Only the variants."""

    @property
    def solvers(self) -> dict[str, Solver]:
        return dict(self.variants)


SETUP = Setup("easycap-M10", "volume", 22.0, ico=3)


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    chosen = cases((20,), (), (2, 5))
    return Tiny(
        name="tiny",
        title="A tiny comparison",
        sizes={
            "quick": Extent(SETUP, n=70, n_training=6, seeds=(1, 2), cases=chosen),
        },
        training_presets={"20 dB": bells(20, Integers(1, 5))},
        metrics=("nemd_fast", "nmse", "localization_error"),
        variants={"mne": MinimumNorm(), "dspm": DSPM(), "breaking": Breaking(), "refusing": Refusing()},
    )
