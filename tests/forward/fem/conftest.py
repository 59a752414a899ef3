"""A head of four concentric spheres, solved once for all tests."""

import mne
import numpy as np
import pytest

from forward.fem.spheres import sphere_head
from headwater.forward.fem.method import FEM, Discretised
from headwater.head.conductivity import COMPACT, CSF, SCALP, WHITE, TissueConductivities

RADII = 1e-3 * np.array([74.0, 78.0, 86.0, 92.0])
THICK = 1e-3 * np.array([68.0, 74.0, 82.0, 92.0])
TINY = 1e-3 * np.array([50.0, 62.0, 77.0, 92.0])
SIGMA = np.array([0.33, 1.79, 0.01, 0.43])
FOUR_SHELLS = TissueConductivities("four shells", dict(zip((WHITE, CSF, COMPACT, SCALP), SIGMA, strict=True)), {})


@pytest.fixture(scope="session", autouse=True)
def _libraries() -> None:
    """Skip without the extra."""
    pytest.importorskip("skfem", reason="the extra 'fem' is not installed")
    pytest.importorskip("pyamg", reason="the extra 'fem' is not installed")


@pytest.fixture(scope="session")
def spheres(ball_head):
    return sphere_head(ball_head, RADII, 0.002)


@pytest.fixture(scope="session")
def fine(spheres) -> Discretised:
    """Elements of 4 mm."""
    return Discretised(spheres, FEM(resolution_mm=4.0, conductivities=FOUR_SHELLS))


@pytest.fixture(scope="session")
def coarse(ball_head) -> Discretised:
    """Elements of 5 mm in thicker shells."""
    fem = FEM(resolution_mm=5.0, conductivities=FOUR_SHELLS)
    return Discretised(sphere_head(ball_head, THICK, 0.0025), fem)


@pytest.fixture(scope="session")
def tiny(ball_head) -> Discretised:
    """Elements of 10 mm, for what holds on any mesh."""
    fem = FEM(resolution_mm=10.0, conductivities=FOUR_SHELLS)
    return Discretised(sphere_head(ball_head, TINY, 0.005), fem)


@pytest.fixture(scope="session")
def twelve_electrodes(eeg_meg_info) -> mne.Info:
    return mne.pick_info(eeg_meg_info, mne.pick_types(eeg_meg_info, meg=False, eeg=True)[:24:2])
