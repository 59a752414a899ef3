"""Choose hyper-parameters by their score on simulated samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import headwater as hw
from headwater.metrics.table import METRICS
from headwater.simulation.noise import White
from headwater.simulation.presets import PIUNET
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.solvers import ELORETA, SLORETA, DipoleScan, MinimumNorm
from headwater.solvers.evaluation import estimate_samples
from headwater.solvers.tuning import GRIDS, default_grid, tuned, with_parameters

ERROR = METRICS["nmse"]


def samples_at(leadfield: hw.LeadField, snr_db: float, n: int = 40) -> hw.simulation.Samples:
    return simulate(leadfield, replace(PIUNET, noise=White(snr_db)), n, seed=3)


def test_the_chosen_value_scores_best_and_every_value_is_in_the_table(leadfield: hw.LeadField) -> None:
    samples = samples_at(leadfield, 10)
    found = tuned(MinimumNorm(depth=None), leadfield, samples, ERROR)
    assert list(found.scores["lambda2"]) == list(GRIDS["lambda2"])
    assert found.parameters["lambda2"] == found.scores["lambda2"][found.scores["score"].idxmin()]
    x_est = estimate_samples(found.solver, samples, in_noise_units=True)
    score = ERROR.function(samples.x.numpy(), x_est, pos=leadfield.pos).mean()
    assert score == pytest.approx(found.scores["score"].min())


def test_a_metric_of_which_more_is_better_is_maximised(leadfield: hw.LeadField) -> None:
    found = tuned(MinimumNorm(), leadfield, samples_at(leadfield, 10), METRICS["correlation"])
    assert found.parameters["lambda2"] == found.scores["lambda2"][found.scores["score"].idxmax()]


@pytest.mark.parametrize("solver", [MinimumNorm(), ELORETA()], ids=repr)
def test_more_noise_asks_for_more_regularisation(leadfield: hw.LeadField, solver: hw.solvers.Solver) -> None:
    chosen = [
        tuned(solver, leadfield, samples_at(leadfield, snr_db), ERROR).parameters["lambda2"] for snr_db in (30, 10, 0)
    ]
    assert chosen == sorted(chosen)
    assert chosen[0] < chosen[-1]


def test_the_solver_given_is_left_alone_and_its_other_parameters_are_kept(leadfield: hw.LeadField) -> None:
    solver = SLORETA(block=True, lambda2=0.5)
    found = tuned(solver, leadfield, samples_at(leadfield, 10), METRICS["localization_error"])
    assert solver.lambda2 == 0.5
    assert "leadfield_" not in vars(solver)
    assert found.solver.block is True


def test_an_own_grid_is_searched_in_all_combinations(leadfield: hw.LeadField) -> None:
    grid = {"lambda2": (0.1, 1.0), "depth": (None, 0.8, 2.0)}
    found = tuned(MinimumNorm(), leadfield, samples_at(leadfield, 10), ERROR, grid=grid)
    assert len(found.scores) == 6
    assert found.solver.depth == found.parameters["depth"]


def test_a_solver_without_hyper_parameters_is_only_fitted(leadfield: hw.LeadField) -> None:
    assert default_grid(DipoleScan()) == {}
    found = tuned(DipoleScan(), leadfield, samples_at(leadfield, 20), ERROR)
    assert found.parameters == {}
    assert len(found.scores) == 1


def test_failing_values_are_named_and_passed_over(leadfield: hw.LeadField) -> None:
    found = tuned(
        SLORETA(), leadfield, samples_at(leadfield, 10), METRICS["localization_error"], grid={"lambda2": (0.0, 1.0)}
    )
    assert found.parameters == {"lambda2": 1.0}
    assert "lambda2 > 0" in found.scores["note"][0]
    with pytest.raises(hw.InputError, match="No hyper-parameters of SLORETA work here"):
        tuned(SLORETA(), leadfield, samples_at(leadfield, 10), ERROR, grid={"lambda2": (0.0,)})


def test_what_a_solver_warns_of_stands_in_the_table(leadfield: hw.LeadField) -> None:
    found = tuned(ELORETA(max_iter=1), leadfield, samples_at(leadfield, 10), ERROR, grid={"lambda2": (1.0,)})
    assert "max_iter" in found.scores["note"][0]


def test_unknown_names_and_empty_grids_are_refused(leadfield: hw.LeadField) -> None:
    with pytest.raises(hw.InputError, match="no hyper-parameter gamma"):
        with_parameters(MinimumNorm(), {"gamma": 1})
    with pytest.raises(hw.InputError, match="no values for lambda2"):
        tuned(MinimumNorm(), leadfield, samples_at(leadfield, 10), ERROR, grid={"lambda2": ()})


def test_noise_level_is_that_of_the_simulation(leadfield: hw.LeadField) -> None:
    samples = samples_at(leadfield, 5, n=2000)
    signal = np.einsum("cso,nso->nc", leadfield.gain, samples.x.double().numpy()[..., 0])
    signal -= signal.mean(axis=1, keepdims=True)
    truth = np.sqrt((signal**2).mean(axis=1) / 10**0.5)
    np.testing.assert_allclose(samples.noise_level, truth, rtol=1e-4)
    silent = samples_at(leadfield, np.inf, n=3)
    assert (silent.noise_level == 1).all()


def test_a_noise_level_does_not_depend_on_the_other_samples(leadfield: hw.LeadField) -> None:
    noisy, silent = samples_at(leadfield, 5, n=2), samples_at(leadfield, np.inf, n=2)
    both = Samples.concatenate([noisy, silent])
    assert torch.equal(both.noise_level[:2], noisy.noise_level)
    assert (both.noise_level[2:] == 1).all()


def test_samples_without_a_noise_level_are_not_scored_in_its_units(leadfield: hw.LeadField) -> None:
    samples = samples_at(leadfield, 5, n=2)
    old = replace(samples, truth=replace(samples.truth, noise_rms=torch.full((2, 1), torch.nan)))
    with pytest.raises(hw.InputError, match="simulate them again"):
        estimate_samples(MinimumNorm().fit(leadfield), old, in_noise_units=True)


def test_noise_units_change_nothing_for_a_linear_solver(leadfield: hw.LeadField) -> None:
    samples = samples_at(leadfield, 5)
    solver = MinimumNorm().fit(leadfield)
    scaled, plain = (estimate_samples(solver, samples, in_noise_units=flag) for flag in (True, False))
    np.testing.assert_allclose(scaled, plain, rtol=1e-10)
