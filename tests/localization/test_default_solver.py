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
    chosen = found.solver.lambda2
    words = f"lambda2 = {chosen:.3g}, chosen from the data by the marginal likelihood"
    assert found.assumptions["Regularisation"] == words


def test_a_weaker_response_is_regularised_more(evoked):
    leadfield = hw.make_leadfield(hw.template_head(), evoked.info, spacing=25.0, method="sphere")
    topography = leadfield.gain[:, leadfield.n_sources // 2, 2]
    chosen = []
    for strength in (3e-6, 3e-7):
        response = evoked.copy()
        response.data = 1e-7 * np.random.default_rng(1).normal(size=evoked.data.shape)
        response.data[:, 22:] += strength * (topography / np.abs(topography).max())[:, None]
        chosen.append(hw.analyze(response, "mne", forward=leadfield).solver.lambda2)
    assert chosen[1] > 3 * chosen[0]


def test_names_choose_from_the_data_and_objects_keep_their_own(evoked):
    leadfield = hw.make_leadfield(hw.template_head(), evoked.info, spacing=25.0, method="sphere")
    named = hw.analyze(evoked, "dspm", forward=leadfield)
    assert named.solver.lambda2 != pytest.approx(1 / 9)
    given = hw.solvers.DSPM()
    assert hw.analyze(evoked, given, forward=leadfield).solver.lambda2 == 1 / 9
    assert hw.analyze(evoked, "dspm", forward=leadfield, snr=3.0).solver.lambda2 == pytest.approx(1 / 9)
    ruled = hw.solvers.MinimumNorm(lambda2=hw.solvers.GCV())
    assert "GCV" in hw.analyze(evoked, ruled, forward=leadfield).assumptions["Regularisation"]
    assert ruled.lambda2 == hw.solvers.GCV()
    assert "Regularisation" not in hw.analyze(evoked, "lcmv", forward=leadfield).assumptions
