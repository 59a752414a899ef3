"""Group Lasso: optimality conditions, scikit-learn's and MNE-Python's solutions, and the sources that were put in."""

import warnings

import mne
import numpy as np
import pytest
from mne.inverse_sparse.mxne_optim import mixed_norm_solver
from sklearn.linear_model import Lasso, MultiTaskLasso

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import GroupLasso
from headwater.solvers.group_lasso import reduced_times
from headwater.solvers.sparse.l21 import group_lasso


@pytest.fixture(scope="module")
def leadfield(discrete_forward) -> LeadField:
    return LeadField.from_forward(mne.pick_types_forward(discrete_forward, meg=False, eeg=True))


def problem(n_orient: int, n_times: int, n_samples: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A gain in which neighbours look alike, and data of three sources in noise."""
    rng = np.random.default_rng(0)
    n_channels, n_sources = 30, 150
    sensors, sources = rng.standard_normal((n_channels, 3)), rng.standard_normal((n_sources, 3))
    sensors /= np.linalg.norm(sensors, axis=1, keepdims=True)
    sources *= 0.8 / np.linalg.norm(sources, axis=1, keepdims=True)
    step = sensors[:, np.newaxis] - sources
    gain = (step / np.linalg.norm(step, axis=2, keepdims=True) ** 3)[:, :, :n_orient]
    currents = np.zeros((n_samples, n_sources, n_orient, n_times))
    currents[:, [10, 60, 110]] = rng.standard_normal((n_samples, 3, n_orient, n_times))
    data = np.einsum("cso,bsot->bct", gain, currents)
    noise = rng.standard_normal(data.shape)
    return gain, data + 0.1 * np.linalg.norm(data) / np.linalg.norm(noise) * noise


def relative(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


@pytest.mark.parametrize("n_times", [1, 4])
@pytest.mark.parametrize("n_orient", [1, 3])
@pytest.mark.parametrize("alpha", [0.6, 0.1])
def test_optimality_conditions_hold(n_orient, n_times, alpha):
    gain, data = problem(n_orient, n_times)
    solution = group_lasso(gain, data, alpha, tol=1e-10, max_iter=50)
    assert (solution.gap <= 1e-10).all()
    correlation = np.einsum("cso,bct->bsot", gain, data)
    penalty = alpha * np.linalg.norm(correlation, axis=(2, 3)).max(axis=1)
    residual = data - np.einsum("cso,bsot->bct", gain, solution.currents)
    pull = np.einsum("cso,bct->bsot", gain, residual) / penalty[:, None, None, None]
    length = np.linalg.norm(solution.currents, axis=(2, 3))
    active = length > 0
    assert (active.sum(axis=1) >= 1).all()
    assert (active.sum(axis=1) < 60).all()
    # Active: the correlation with the residual is alpha along the current. Inactive: it is below alpha.
    direction = solution.currents[active] / length[active][:, np.newaxis, np.newaxis]
    assert np.abs(pull[active] - direction).max() < 1e-3
    assert np.linalg.norm(pull[~active], axis=(1, 2)).max() < 1 + 1e-4


def test_fixed_orientation_equals_scikit_learn():
    for n_times in (1, 4):
        gain, data = problem(1, n_times)
        solution = group_lasso(gain, data, 0.2, tol=1e-13, max_iter=50)
        for sample, currents in zip(data, solution.currents, strict=True):
            penalty = 0.2 * np.linalg.norm(gain[:, :, 0].T @ sample, axis=1).max()
            method = Lasso if n_times == 1 else MultiTaskLasso
            peer = method(alpha=penalty / len(gain), fit_intercept=False, tol=1e-14, max_iter=200_000)
            expected = peer.fit(gain[:, :, 0], sample).coef_.reshape(n_times, -1).T
            assert np.array_equal(currents[:, 0].any(axis=1), expected.any(axis=1))
            assert relative(currents[:, 0], expected) < 1e-6


def objective(gain, sample, currents, alpha: float) -> float:
    penalty = alpha * np.linalg.norm(np.einsum("cso,ct->sot", gain, sample), axis=(1, 2)).max()
    residual = sample - np.einsum("cso,sot->ct", gain, currents)
    return 0.5 * np.sum(residual**2) + penalty * np.linalg.norm(currents, axis=(1, 2)).sum()


@pytest.mark.parametrize("n_times", [1, 4])
def test_free_orientation_equals_mne_python(n_times):
    gain, data = problem(3, n_times)
    solution = group_lasso(gain, data, 0.3, tol=1e-11, max_iter=50)
    flat = gain.reshape(len(gain), -1)
    for sample, currents in zip(data, solution.currents, strict=True):
        penalty = 0.3 * np.linalg.norm((flat.T @ sample).reshape(-1, 3 * n_times), axis=1).max()
        found, active, _ = mixed_norm_solver(
            sample,
            flat,
            penalty,
            tol=1e-10 * np.sum(sample**2),
            maxit=20_000,
            debias=False,
            n_orient=3,
            verbose="error",
        )
        expected = np.zeros((flat.shape[1], n_times))
        expected[active] = found
        expected = expected.reshape(currents.shape)
        assert relative(currents, expected) < 1e-3
        assert objective(gain, sample, currents, 0.3) <= objective(gain, sample, expected, 0.3) * (1 + 1e-9)


def test_the_recording_gives_what_mne_python_finds(recordings):
    recording = recordings["eeg"]
    reference = mne.inverse_sparse.mixed_norm(
        recording.evoked,
        recording.forward,
        recording.noise_cov,
        alpha=40.0,
        loose=0.2,
        depth=0.8,
        debias=False,
        tol=1e-9,
        maxit=20_000,
        pick_ori="vector",
        verbose="error",
    )
    estimate = GroupLasso(alpha=0.4, loose=0.2).fit(recording.leadfield, recording.noise_cov).apply(recording.evoked)
    active = np.flatnonzero(estimate.data.any(axis=1))
    found = np.linalg.norm(reference.data, axis=1)
    assert np.array_equal(np.concatenate(estimate.vertices)[active], np.concatenate(reference.vertices))
    assert relative(estimate.data[active], found) < 1e-4


@pytest.mark.parametrize(("fixed", "n_times"), [(True, 1), (True, 6), (False, 6)])
def test_few_noiseless_dipoles_are_found_exactly(noise_cov, discrete_leadfield, fixed, n_times):
    # EEG and MEG together: with 60 electrodes alone, three free dipoles at one time have sparser explanations.
    leadfield = discrete_leadfield.fixed() if fixed else discrete_leadfield
    rng = np.random.default_rng(3)
    solver = GroupLasso(alpha=1e-3 if fixed else 1e-2).fit(leadfield, noise_cov)
    for _ in range(3 if fixed else 1):
        chosen = separated_sources(leadfield.pos, rng)
        currents = np.zeros((leadfield.n_sources, leadfield.n_orient, n_times))
        currents[chosen] = 1e-8 * rng.standard_normal((3, leadfield.n_orient, n_times))
        estimate = solver.estimate(np.einsum("csx,sxt->ct", solver.leadfield_.gain, currents))
        length = np.linalg.norm(estimate, axis=(1, 2))
        assert set(np.argsort(length)[-3:]) == set(chosen)
        assert length[chosen].sum() > 0.9 * length.sum()


def separated_sources(pos: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Three sources at least 5 cm apart."""
    while True:
        chosen = rng.choice(len(pos), 3, replace=False)
        gaps = np.linalg.norm(pos[chosen] - pos[np.roll(chosen, 1)], axis=1)
        if gaps.min() > 0.05:
            return chosen


def test_joint_times_share_their_sources(leadfield, noise_cov):
    rng = np.random.default_rng(1)
    solver = GroupLasso(alpha=0.3).fit(leadfield, noise_cov)
    data = 1e-5 * rng.standard_normal((solver.leadfield_.n_channels, 3))
    together = np.linalg.norm(solver.estimate(data), axis=1) > 0
    assert (together.all(axis=1) == together.any(axis=1)).all()
    apart = GroupLasso(alpha=0.3, joint=False, tol=1e-13).fit(leadfield, noise_cov)
    estimate = apart.estimate(data)
    assert apart.gap_.shape == (3,)
    active = np.linalg.norm(estimate, axis=1) > 0
    assert not (active.all(axis=1) == active.any(axis=1)).all()
    for time in range(3):
        assert relative(estimate[:, :, [time]], apart.estimate(data[:, [time]])) < 1e-6


def test_more_times_than_channels_do_not_change_the_solution():
    gain, data = problem(3, 40, n_samples=1)
    reduced, back = reduced_times(data)
    assert reduced.shape == (1, 30, 30)
    assert np.allclose(reduced @ back, data)
    direct = group_lasso(gain, data, 0.4, tol=1e-10, max_iter=50).currents
    turned = group_lasso(gain, reduced, 0.4, tol=1e-10, max_iter=50).currents @ back[:, np.newaxis]
    assert relative(turned, direct) < 1e-4


def test_silence_stays_silent_beside_other_samples(leadfield, noise_cov):
    solver = GroupLasso().fit(leadfield, noise_cov)
    data = np.zeros((3, solver.leadfield_.n_channels, 1))
    data[1] = 1e-5 * np.random.default_rng(0).standard_normal(data[1].shape)
    estimate = solver.estimate(data)
    assert estimate[1].any()
    assert not estimate[[0, 2]].any()


def test_non_convergence_is_said_in_plain_words(leadfield, noise_cov):
    data = 1e-5 * np.random.default_rng(0).standard_normal((60, 1))
    solver = GroupLasso(alpha=0.01, max_iter=1).fit(leadfield, noise_cov)
    with pytest.warns(RuntimeWarning, match="not converged for 1 of 1 samples: after 1 working sets .* raise max_iter"):
        solver.estimate(data[: solver.leadfield_.n_channels])
    assert solver.gap_.max() > solver.tol
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        converged = GroupLasso(alpha=0.01).fit(leadfield, noise_cov)
        converged.estimate(data[: solver.leadfield_.n_channels])
    assert (converged.gap_ <= converged.tol).all()


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.5])
def test_a_meaningless_penalty_is_refused_in_words(leadfield, noise_cov, alpha):
    with pytest.raises(InputError, match="alpha is .* between 0 and 1"):
        GroupLasso(alpha=alpha).fit(leadfield, noise_cov)
