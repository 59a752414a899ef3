"""Which solver is taken where the user names none."""

import mne
import numpy as np
import pytest

import headwater as hw
from headwater.networks import NetworkSolver
from headwater.solvers import ELORETA


@pytest.fixture(scope="module")
def evoked() -> mne.EvokedArray:
    """Sixteen electrodes, a baseline and a response."""
    info = hw.montage_info(hw.template_head(), "biosemi16", sfreq=100.0)
    data = 1e-6 * np.random.default_rng(0).normal(size=(16, 30))
    data[:, 20:] += 1e-5 * np.linspace(-1, 1, 16)[:, None]
    return mne.EvokedArray(data, info, tmin=-0.2, nave=20)


def test_the_network_of_the_package_in_a_volume(evoked):
    found = hw.analyze(evoked, spacing=25.0, tmin=0.0)
    assert isinstance(found.solver, NetworkSolver)
    assert found.solver.network.any_leadfield
    assert "piunet" in found.assumptions["Solver"]
    assert found.unit == "nAm"
    assert np.isfinite(found.magnitude).all()


def test_eloreta_on_the_cortex(evoked):
    found = hw.analyze(evoked, space="cortex", spacing="ico3", tmin=0.0)
    assert isinstance(found.solver, ELORETA)
    assert found.solver.lambda2 == pytest.approx(1 / 9)
