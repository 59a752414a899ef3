"""Champagne and gamma-MAP: exact without noise, as MNE-Python, and where the evidence of the data is stationary."""

from dataclasses import dataclass, replace

import mne
import numpy as np
import pytest
from mne.inverse_sparse.mxne_inverse import _prepare_gain

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import Champagne, GammaMap
from headwater.solvers.sparse.evidence import (
    ConvexBounding,
    ExpectationMaximization,
    KnownNoise,
    LearnedNoise,
    MacKay,
    RelativeNoise,
)

SOURCES = [20, 150, 300]
UPDATES = [ConvexBounding(), MacKay(), ExpectationMaximization()]


@dataclass(frozen=True)
class MNEPythonMacKay(MacKay):
    """MNE-Python divides the update of three orientations with one variance by three."""

    def __call__(self, variance, power, precision):
        return super().__call__(variance, power, precision) / 3


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def currents(sphere_leadfield, rng) -> np.ndarray:
    """Three sources, two of them with the same time course."""
    x = np.zeros((sphere_leadfield.n_sources, 3, 50))
    courses = rng.standard_normal((3, 50))
    courses[1] = courses[0]
    x[SOURCES] = 1e-8 * rng.standard_normal((3, 3, 1)) * courses[:, np.newaxis]
    return x


@pytest.fixture
def data(sphere_leadfield, currents) -> np.ndarray:
    return np.einsum("cso,sot->ct", sphere_leadfield.gain, currents)


def noisy(data, rng, fraction=0.3) -> np.ndarray:
    return data + fraction * data.std() * rng.standard_normal(data.shape)


@pytest.mark.parametrize("n_times", [1, 50])
@pytest.mark.parametrize("update", UPDATES[:2], ids=repr)
def test_separated_noiseless_sources_are_exact_even_if_correlated(sphere_leadfield, currents, data, update, n_times):
    solver = Champagne(update=update).fit(sphere_leadfield)
    estimate = solver.estimate(data[:, :n_times])
    truth = currents[..., :n_times]
    assert set(np.flatnonzero(np.linalg.norm(estimate, axis=(1, 2)) > 1e-3 * np.abs(truth).max())) == set(SOURCES)
    assert np.linalg.norm(estimate - truth) < 1e-3 * np.linalg.norm(truth)


@pytest.mark.parametrize("solver", [Champagne(), GammaMap()], ids=repr)
def test_sources_in_noise_are_found(sphere_leadfield, data, rng, solver):
    amplitude = np.linalg.norm(solver.fit(sphere_leadfield).estimate(noisy(data, rng)), axis=(1, 2))
    for source in SOURCES:
        strongest = sphere_leadfield.pos[np.argsort(-amplitude)[:6]]
        assert np.linalg.norm(strongest - sphere_leadfield.pos[source], axis=1).min() < 0.022  # next to it at most
    assert np.count_nonzero(amplitude > 0.01 * amplitude.max()) < 40


@pytest.mark.parametrize("update", [ConvexBounding(), ExpectationMaximization()], ids=repr)
def test_the_evidence_never_falls(sphere_leadfield, data, rng, update):
    solver = Champagne(update=update, noise=RelativeNoise(), max_iter=100).fit(sphere_leadfield)
    costs = solver.learn_from(noisy(data, rng)).costs
    assert len(costs) > 20
    assert (np.diff(costs) < 1e-9 * np.abs(costs[:-1])).all()


@pytest.mark.parametrize("update", UPDATES[:2], ids=repr)
def test_the_evidence_is_stationary_where_the_search_ends(sphere_leadfield, data, rng, update):
    solver = GammaMap(update=update, eps=1e-9, max_iter=20000).fit(sphere_leadfield)
    sample = noisy(data, rng)
    found = solver.learn_from(sample)
    white = solver.whitener_ @ sample

    def cost(variance: np.ndarray, noise: float) -> float:
        model = noise * np.eye(len(white)) + np.einsum("cso,s,dso->cd", solver.gain_, variance, solver.gain_)
        return np.linalg.slogdet(model)[1] + np.sum(white * np.linalg.solve(model, white)) / white.shape[1]

    best = cost(found.variance, found.noise_variance)
    for source in np.argsort(-found.variance)[:4]:
        for factor in (0.99, 1.01):
            assert cost(np.where(np.arange(len(found.variance)) == source, factor, 1) * found.variance,
                        found.noise_variance) > best  # fmt: skip


def test_all_updates_lead_to_the_same_evidence(sphere_leadfield, data, rng):
    sample = noisy(data, rng)
    ends = [
        GammaMap(update=update, eps=1e-8, max_iter=20000).fit(sphere_leadfield).learn_from(sample).costs[-1]
        for update in UPDATES[:2]
    ]
    assert np.ptp(ends) < 0.05


@pytest.mark.parametrize(("fixed", "alpha"), [(True, 1.0), (True, 10.0), (False, 1.0)])
def test_gamma_map_equals_mne_python(evokeds, noise_cov, discrete_forward, fixed, alpha):
    forward = mne.pick_types_forward(discrete_forward, meg=False, eeg=True)
    forward = mne.convert_forward_solution(forward, force_fixed=fixed, verbose="error")
    evoked = evokeds[1].copy().pick(forward["sol"]["row_names"]).crop(0.08, 0.1)
    update = MacKay() if fixed else MNEPythonMacKay()
    # The path there depends on when a source counts as off, and there are many ends.
    solver = GammaMap(update=update, noise=KnownNoise(alpha), eps=1e-12, prune=1e-16, max_iter=20000)
    solver.fit(LeadField.from_forward(forward), noise_cov)
    estimate = solver.apply(evoked).data
    start = mne_start(solver, evoked, forward, noise_cov)
    reference = mne.inverse_sparse.gamma_map(
        evoked, forward, noise_cov, alpha, loose=0.0 if fixed else 1.0, depth=None, gammas=start, tol=1e-9,
        verbose="error",
    )  # fmt: skip
    dense = np.zeros_like(estimate)
    dense[np.searchsorted(solver.leadfield_.src[0]["vertno"], reference.vertices[0])] = reference.data
    assert np.linalg.norm(np.abs(estimate) - np.abs(dense)) < 1e-4 * np.linalg.norm(dense)


def mne_start(solver, evoked, forward, noise_cov) -> np.ndarray:
    """Where ours starts, in the units to which MNE-Python scales gain and data."""
    loose = 0.0 if solver.leadfield_.n_orient == 1 else 1.0
    _, gain, info, whitener, weighting, _ = _prepare_gain(forward, evoked.info, noise_cov, True, None, loose, None)
    white = whitener @ evoked.get_data(picks=info["ch_names"])
    _, n_sources, n_orient = solver.gain_.shape
    seen = np.sum(gain**2, axis=0).reshape(n_sources, n_orient).sum(axis=1)
    start = np.mean(white**2) * len(white) / n_sources / seen
    return np.repeat(start, n_orient) * np.linalg.norm(gain, ord=np.inf) ** 2 / np.linalg.norm(white @ white.T)


def test_the_noise_level_is_learned(sphere_leadfield, data, rng):
    noise = 0.5 * data.std()
    sample = data + noise * rng.standard_normal(data.shape)
    found = Champagne().fit(sphere_leadfield, noise**2 * np.eye(64)).learn_from(sample)
    assert found.noise_variance == pytest.approx(1.0, rel=0.15)
    twice = Champagne(noise=LearnedNoise(snr=1.0)).fit(sphere_leadfield, noise**2 / 4 * np.eye(64)).learn_from(sample)
    assert twice.noise_variance == pytest.approx(4.0, rel=0.15)


def test_known_noise_is_taken_at_its_word(sphere_leadfield, data, rng):
    noise = data.std()
    solver = Champagne(noise=KnownNoise()).fit(sphere_leadfield, noise**2 * np.eye(64))
    only_noise = solver.estimate(noise * rng.standard_normal((64, 50)))
    signal_too = solver.estimate(10 * data)
    assert np.linalg.norm(only_noise) < 0.02 * np.linalg.norm(signal_too)


def test_three_orientations_share_one_variance(sphere_leadfield, rng):
    """Rotating the axes of every source rotates the estimate, and nothing else."""
    rotation = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    rotated = replace(sphere_leadfield, gain=sphere_leadfield.gain @ rotation)
    data = noisy(sphere_leadfield.gain[:, 40] @ rng.standard_normal((3, 20)) * 1e-8, rng)
    straight = Champagne().fit(sphere_leadfield).estimate(data)
    turned = Champagne().fit(rotated).estimate(data)
    assert np.allclose(np.einsum("xo,sot->sxt", rotation, turned), straight, atol=1e-6 * np.abs(straight).max())


def test_too_few_iterations_are_said(sphere_leadfield, data, rng):
    solver = Champagne(max_iter=5).fit(sphere_leadfield)
    with pytest.warns(RuntimeWarning, match="evidence of 2 of 2 samples .* after 5 iterations; raise max_iter"):
        solver.estimate(np.stack([noisy(data, rng), noisy(data, rng)]))
    found = solver.learn_from(noisy(data, rng))
    assert not found.converged
    assert found.change > solver.eps
    assert len(found.costs) == 5


def test_silence_gives_no_currents(sphere_leadfield):
    assert not Champagne().fit(sphere_leadfield).estimate(np.zeros((64, 3))).any()


@pytest.mark.parametrize("solver", [Champagne(), GammaMap()], ids=repr)
def test_data_that_no_source_can_cause_give_no_currents(sphere_leadfield, rng, solver):
    few = LeadField.from_arrays(
        sphere_leadfield.gain[:, :5], sphere_leadfield.pos[:5], ch_names=sphere_leadfield.ch_names
    )
    columns = np.column_stack([np.ones(64), few.matrix - few.matrix.mean(axis=0)])
    data = rng.standard_normal((64, 3))
    data -= columns @ np.linalg.lstsq(columns, data)[0]
    assert np.abs(few.matrix @ solver.fit(few).estimate(data).reshape(15, 3)).max() < 1e-6 * np.abs(data).max()


@pytest.mark.parametrize(
    ("solver", "words"),
    [
        (Champagne(max_iter=0), "must be positive"),
        (GammaMap(eps=0.0), "must be positive"),
        (GammaMap(noise=KnownNoise(0.0)), "noise variance is 0"),
        (GammaMap(noise=RelativeNoise(-1.0)), "snr is -1"),
    ],
    ids=repr,
)
def test_impossible_parameters_are_refused_in_words(sphere_leadfield, data, solver, words):
    with pytest.raises(InputError, match=words):
        solver.fit(sphere_leadfield).estimate(data)
