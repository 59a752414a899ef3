"""Rules that choose ``lambda2`` from the data: right on data of their own model, and the same for every solver."""

from dataclasses import replace

import mne
import numpy as np
import pytest

import headwater as hw
from headwater.simulation.noise import White
from headwater.simulation.presets import PIUNET
from headwater.simulation.simulator import simulate
from headwater.solvers import (
    DSPM,
    ELORETA,
    GCV,
    LORETA,
    SLORETA,
    DipoleScan,
    Discrepancy,
    LCurve,
    MarginalLikelihood,
    MinimumNorm,
    WeightedMinimumNorm,
    chosen,
)
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.regularization.modes import Modes

RULES = ["auto", MarginalLikelihood(error=0.0), GCV(), Discrepancy(), LCurve()]
REGULARIZED = [MinimumNorm, WeightedMinimumNorm, DSPM, SLORETA, ELORETA, LORETA]


def gaussian_data(leadfield: hw.LeadField, lambda2: float, n: int, noise: float = 1.0) -> np.ndarray:
    """Data from the model of the minimum norm: noise of this variance, and currents whose ratio to it is lambda2."""
    rng = np.random.default_rng(1)
    gain = whiten(leadfield, None).gain.reshape(19, -1)
    variance = noise * 19 / np.trace(gain @ gain.T) / lambda2
    currents = np.sqrt(variance) * rng.standard_normal((leadfield.matrix.shape[1], n))
    data = leadfield.matrix @ currents
    return data - data.mean(axis=0) + np.sqrt(noise) * rng.standard_normal(data.shape)


def spectrum(leadfield: hw.LeadField) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of ``G R G'`` without depth weighting."""
    gain = whiten(leadfield, None).gain.reshape(19, -1)
    gram = gain @ gain.T
    return np.linalg.eigh(gram * 19 / np.trace(gram))


@pytest.mark.parametrize("rule", [MarginalLikelihood(error=0.0), GCV()], ids=repr)
@pytest.mark.parametrize("lambda2", [0.01, 0.1, 1.0])
def test_the_lambda2_of_the_model_is_found(leadfield: hw.LeadField, rule, lambda2: float) -> None:
    data = gaussian_data(leadfield, lambda2, 3000)
    found = chosen(MinimumNorm(depth=None, lambda2=rule), leadfield, None, data)
    # A variance for every time point makes it somewhat too large with as few as 19 channels.
    assert lambda2 / 1.5 < found.lambda2 < 2 * lambda2


def test_white_errors_of_the_lead_field_are_told_from_known_noise(leadfield: hw.LeadField) -> None:
    """Nine tenths of what is not signal is error: lambda2 is that of both, although only the noise is known."""
    data = gaussian_data(leadfield, 0.1, 3000, noise=10.0)
    found = chosen(MinimumNorm(depth=None, lambda2=MarginalLikelihood(error=0.0)), leadfield, None, data)
    assert 0.1 / 1.5 < found.lambda2 < 0.2


def test_noise_is_never_less_than_the_covariance_says(leadfield: hw.LeadField) -> None:
    """Data with a tenth of the noise: without the bound lambda2 would be the 0.1 of their model, with it ten times."""
    data = gaussian_data(leadfield, 0.1, 3000, noise=0.1)
    found = chosen(MinimumNorm(depth=None, lambda2=MarginalLikelihood(error=0.0)), leadfield, None, data)
    assert found.lambda2 > 0.5


def test_errors_in_the_shape_of_the_signal_add_to_the_noise() -> None:
    """Data from the full model: lambda2 is the strength of the mode in which noise and errors equal the signal."""
    rng = np.random.default_rng(0)
    variance = np.logspace(1, -4, 300)
    error, shape, tau = 0.3, 0.7, 0.01
    total = (variance + error * variance**shape + tau) / tau
    modes = Modes(variance, total[:, np.newaxis] * rng.standard_normal((300, 2000)) ** 2)
    rule = MarginalLikelihood(error=error, shape=shape)
    found = rule.choose(rule.values, rule.measure(modes, rule.values))
    mode = np.abs(variance - found).argmin()
    assert variance[mode] / (total[mode] * tau - variance[mode]) == pytest.approx(1, abs=0.1)


def test_a_transient_does_not_decide_for_the_time_around_it(leadfield: hw.LeadField) -> None:
    noisy = gaussian_data(leadfield, 1.0, 400)
    strong = gaussian_data(leadfield, 1e-3, 8)
    solver = MinimumNorm(depth=None, lambda2="auto")
    alone, both = (chosen(solver, leadfield, None, data).lambda2 for data in (noisy, np.hstack([noisy, strong])))
    assert both > alone / 3


def test_gcv_is_the_mean_of_leaving_channels_out_in_rotated_coordinates(leadfield: hw.LeadField) -> None:
    """Against the textbook's formula with an influence matrix."""
    data = gaussian_data(leadfield, 0.3, 50)
    variance, vectors = spectrum(leadfield)
    gram, z = (vectors * variance) @ vectors.T, whiten(leadfield, None).whitener @ data
    rest = np.eye(19) - gram @ np.linalg.inv(gram + 0.2 * np.eye(19))
    expected = np.mean((rest @ z) ** 2) / (np.trace(rest) / 19) ** 2
    assert GCV().measure(Modes.of(gram, z), np.array([0.2]))[0, 0] == pytest.approx(expected, rel=1e-8)


def test_the_likelihood_is_that_of_gaussian_data(leadfield: hw.LeadField) -> None:
    data = gaussian_data(leadfield, 0.1, 1)
    variance, vectors = spectrum(leadfield)
    gram, z = (vectors * variance) @ vectors.T, (whiten(leadfield, None).whitener @ data)[:, 0]
    likelihood = []
    for lambda2 in (0.05, 0.4):
        covariance = gram + lambda2 * np.eye(19)
        scale = max(z @ np.linalg.solve(covariance, z) / 19, 1 / lambda2)
        whole = scale * covariance
        likelihood.append(np.linalg.slogdet(whole)[1] + z @ np.linalg.solve(whole, z))
    found = MarginalLikelihood(error=0.0).measure(Modes.of(gram, z[:, np.newaxis]), np.array([0.05, 0.4]))[:, 0]
    assert 19 * np.diff(found) == pytest.approx(np.diff(likelihood))


def test_discrepancy_leaves_a_residual_of_the_size_of_the_noise(leadfield: hw.LeadField) -> None:
    data = gaussian_data(leadfield, 0.1, 500)
    solver = chosen(MinimumNorm(depth=None, lambda2=Discrepancy(tau=0.5)), leadfield, None, data)
    white = whiten(leadfield, None)
    explained = np.einsum("cso,sot->ct", white.gain, solver.estimate(data))
    assert np.mean((white.whitener @ data - explained) ** 2) == pytest.approx(0.5, rel=0.05)


def test_the_l_curve_finds_its_corner() -> None:
    """On ``(log(1 + t), log(1 + 1/t))``, whose corner lies at t = 1 with the curvature 1 / sqrt(2)."""
    t = np.logspace(-3, 3, 121)
    cost = LCurve().judge(t, np.column_stack([1 + t, 1 + 1 / t]))
    assert t[np.nanargmin(cost)] == pytest.approx(1)
    assert np.nanmin(cost) == pytest.approx(-(0.5**0.5), rel=0.01)
    assert np.isnan(cost[[0, -1]]).all()
    with pytest.raises(hw.InputError, match="at least three candidates"):
        LCurve().judge(t[:2], np.ones((2, 2)))


def test_size_and_residual_are_those_of_the_estimate(leadfield: hw.LeadField) -> None:
    data = gaussian_data(leadfield, 0.1, 30)
    white = whiten(leadfield, None)
    variance, vectors = spectrum(leadfield)
    z = white.whitener @ data
    modes, lambda2 = Modes.of((vectors * variance) @ vectors.T, z), np.array([0.3])
    currents = MinimumNorm(depth=None, lambda2=0.3).fit(leadfield).estimate(data)
    assert modes.size(lambda2)[0] == pytest.approx((currents**2).sum() / (19 / np.sum(white.gain**2)) / 30)
    residual = z - np.einsum("cso,sot->ct", white.gain, currents)
    assert modes.residual(lambda2)[0] == pytest.approx(np.mean(residual**2))


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("make", REGULARIZED)
def test_every_regularised_solver_takes_every_rule(leadfield: hw.LeadField, rule, make) -> None:
    data = gaussian_data(leadfield, 0.1, 100)
    solver = chosen(make(lambda2=rule), leadfield, None, data)
    assert isinstance(solver.lambda2, float)
    expected = make(lambda2=solver.lambda2).fit(leadfield).estimate(data)
    np.testing.assert_array_equal(solver.estimate(data), expected)
    np.testing.assert_array_equal(make(lambda2=rule).fit(leadfield).estimate(data), expected)


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("make", [DSPM, SLORETA])
def test_standardised_solvers_take_the_lambda2_of_their_currents(leadfield: hw.LeadField, rule, make) -> None:
    data = gaussian_data(leadfield, 0.1, 100)
    ours, currents = (chosen(one(lambda2=rule), leadfield, None, data) for one in (make, MinimumNorm))
    assert ours.lambda2 == currents.lambda2


def test_given_candidates_are_weighed_each_with_its_own_weights(leadfield: hw.LeadField) -> None:
    data = gaussian_data(leadfield, 0.1, 100)
    candidates = (0.03, 0.1, 0.3, 1.0)
    found = chosen(ELORETA(lambda2=GCV(candidates=candidates), max_iter=100), leadfield, None, data).lambda2
    white, costs = whiten(leadfield, None), []
    for lambda2 in candidates:
        kernel = ELORETA(lambda2=lambda2, max_iter=100).fit(leadfield).kernel_
        influence = white.gain.reshape(19, -1) @ kernel @ np.linalg.pinv(white.whitener)
        rest = (np.eye(19) - influence) @ white.whitener @ data
        costs.append(np.mean(rest**2) / (1 - np.trace(influence) / 19) ** 2)
    assert found == candidates[int(np.argmin(costs))]


@pytest.mark.parametrize("make", [MinimumNorm, ELORETA, LORETA])
def test_more_noise_asks_for_more_regularisation(leadfield: hw.LeadField, make) -> None:
    found = []
    for snr_db in (30, 10, -10):
        samples = simulate(leadfield, replace(PIUNET, noise=White(snr_db)), 20, seed=3)
        data = samples.y.double().numpy() / samples.noise_level.numpy()[:, None, None]
        found.append(chosen(make(lambda2="auto"), leadfield, None, data).lambda2)
    assert found[0] < found[1] < found[2]


def test_each_sample_has_its_own_and_all_of_them_decide_together_when_asked(leadfield: hw.LeadField) -> None:
    quiet, loud = gaussian_data(leadfield, 1.0, 50), gaussian_data(leadfield, 0.01, 50)
    solver = MinimumNorm(lambda2="auto").fit(leadfield)
    each = [solver.adapted(one) for one in (quiet, loud)]
    assert each[0].lambda2 > 10 * each[1].lambda2
    both = np.stack([quiet, loud])
    expected = np.stack([one.estimate(data) for one, data in zip(each, both, strict=True)])
    np.testing.assert_allclose(solver.estimate(both), expected)
    assert each[1].lambda2 < solver.adapted(both).lambda2 < each[0].lambda2
    assert solver.estimate(both[:0]).shape == (0, 90, 3, 50)


def test_averaging_counts(leadfield: hw.LeadField) -> None:
    """The same average of more trials has less noise, so that more of it is signal."""
    data = gaussian_data(leadfield, 0.3, 50)
    evoked = [mne.EvokedArray(data, leadfield.info, nave=nave, verbose="error") for nave in (1, 25)]
    for one in evoked:
        one.set_eeg_reference("average", projection=True, verbose="error")
    solver = MinimumNorm(lambda2="auto")
    single, average = (chosen(solver, leadfield, None, one) for one in evoked)
    assert average.lambda2 < single.lambda2
    assert average.lambda2 == chosen(solver, leadfield, None, 5.0 * data).lambda2
    np.testing.assert_allclose(solver.fit(leadfield).apply(evoked[1]).data, average.apply(evoked[1]).data)


def test_the_solver_given_is_left_alone_and_numbers_stay(leadfield: hw.LeadField) -> None:
    data = gaussian_data(leadfield, 0.1, 20)
    solver = SLORETA(lambda2="auto", block=True)
    found = chosen(solver, leadfield, None, data)
    assert solver.lambda2 == "auto"
    assert "leadfield_" not in vars(solver)
    assert found.block is True
    assert chosen(MinimumNorm(lambda2=0.7), leadfield, None, data).lambda2 == 0.7
    assert np.isfinite(chosen(DipoleScan(), leadfield, None, data).estimate(data)).all()


def test_what_cannot_be_chosen_is_refused_in_words(leadfield: hw.LeadField) -> None:
    with pytest.raises(hw.InputError, match="'car'; use a number, 'auto', or a rule"):
        MinimumNorm(lambda2="car").fit(leadfield)
    with pytest.raises(hw.InputError, match="lambda2 is -1"):
        LORETA(lambda2=-1).fit(leadfield)
    with pytest.raises(hw.InputError, match="finite values above 0"):
        chosen(MinimumNorm(lambda2=GCV(candidates=(0.0, 1.0))), leadfield, None, np.ones((20, 5)))
    with pytest.raises(hw.InputError, match="no data"):
        chosen(MinimumNorm(lambda2="auto"), leadfield, None, np.ones((20, 0)))
    with pytest.raises(hw.InputError, match="Discrepancy cannot choose"):
        chosen(MinimumNorm(lambda2=Discrepancy()), leadfield, None, np.zeros((20, 3)))
    with pytest.raises(hw.InputError, match="shape between 0 and 1"):
        chosen(MinimumNorm(lambda2=MarginalLikelihood(shape=1.0)), leadfield, None, np.ones((20, 3)))
