"""MNE, dSPM, sLORETA, eLORETA against MNE-Python, against theory, and against what their parameters promise."""

from dataclasses import replace

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import DSPM, ELORETA, LORETA, SLORETA, MinimumNorm, MoorePenrose, WeightedMinimumNorm
from headwater.solvers.inputs.whitening import whiten

METHODS = {"MNE": MinimumNorm, "dSPM": DSPM, "sLORETA": SLORETA, "eLORETA": ELORETA}
LAMBDA2 = 1 / 9


def relative_difference(estimate: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(estimate - reference) / np.linalg.norm(reference))


def mne_estimate(recording, method, pick_ori=None, lambda2=LAMBDA2, method_params=None, **inverse_options):
    forward = inverse_options.pop("forward", None) or recording.forward
    operator = mne.minimum_norm.make_inverse_operator(
        recording.evoked.info, forward, recording.noise_cov, verbose="error", **inverse_options
    )
    return mne.minimum_norm.apply_inverse(
        recording.evoked, operator, lambda2, method, pick_ori, method_params=method_params, verbose="error"
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("loose", [0.2, 1.0], ids=["loose", "free"])
def test_vectors_equal_mne_python(recording, method, loose):
    reference = mne_estimate(recording, method, "vector", loose=loose)
    solver = METHODS[method](loose=loose).fit(recording.leadfield, recording.noise_cov)
    estimate = solver.apply(recording.evoked, pick_ori="vector")
    assert type(estimate) is type(reference)
    assert relative_difference(estimate.data, reference.data) < 1e-8


@pytest.mark.parametrize("pick_ori", [None, "normal"])
@pytest.mark.parametrize("loose", [0.2, 1.0], ids=["loose", "free"])
@pytest.mark.parametrize("method", ["MNE", "dSPM"])
def test_scalars_equal_mne_python(recordings, method, loose, pick_ori):
    recording = recordings["eeg"]
    reference = mne_estimate(recording, method, pick_ori, loose=loose)
    solver = METHODS[method](loose=loose).fit(recording.leadfield, recording.noise_cov)
    estimate = solver.apply(recording.evoked, pick_ori=pick_ori)
    assert type(estimate) is type(reference)
    assert relative_difference(estimate.data, reference.data) < 1e-8


@pytest.mark.parametrize("method", METHODS)
def test_fixed_orientation_equals_mne_python(recording, method):
    # MNE-Python rounds the gain of fixed sources to single precision, which whitening amplifies to about 1e-5 ...
    reference = mne_estimate(recording, method, loose=0.0)
    solver = METHODS[method](loose=0.0).fit(recording.leadfield, recording.noise_cov)
    assert relative_difference(solver.apply(recording.evoked).data, reference.data) < 2e-5
    # ... so the same rounded gain must give the same numbers.
    fixed = mne.convert_forward_solution(recording.forward, force_fixed=True, verbose="error")
    reference = mne_estimate(recording, method, forward=fixed, loose=0.0, depth=None)
    solver = METHODS[method](loose=0.0, **({} if method == "eLORETA" else {"depth": None}))
    solver.fit(LeadField.from_forward(fixed), recording.noise_cov)
    assert relative_difference(solver.apply(recording.evoked).data, reference.data) < 1e-8


@pytest.mark.parametrize("method", METHODS)
def test_discrete_sources_are_free_by_default(evokeds, noise_cov, discrete_forward, method):
    forward = mne.pick_types_forward(discrete_forward, meg=False, eeg=True)
    evoked = evokeds[1].copy().crop(0.08, 0.1)
    operator = mne.minimum_norm.make_inverse_operator(evoked.info, forward, noise_cov, verbose="error")
    reference = mne.minimum_norm.apply_inverse(evoked, operator, LAMBDA2, method, "vector", verbose="error")
    solver = METHODS[method]().fit(LeadField.from_forward(forward), noise_cov)
    estimate = solver.apply(evoked, pick_ori="vector")
    assert type(estimate) is type(reference) is mne.VolVectorSourceEstimate
    assert relative_difference(estimate.data, reference.data) < 1e-6  # MNE-Python computes in single precision here


@pytest.mark.parametrize(
    "depth",
    [
        None,
        0.0,
        2.0,
        {"exp": 0.8, "limit": None},
        {"exp": 0.8, "limit": 1.5},
        {"exp": 0.8, "limit_depth_chs": "whiten", "combine_xyz": "fro"},
        {"exp": 0.8, "limit_depth_chs": False, "limit": 2.0},
    ],
    ids=str,
)
def test_depth_means_what_it_means_in_mne_python(recordings, depth):
    recording = recordings["both"]
    reference = mne_estimate(recording, "MNE", "vector", loose=1.0, depth=depth)
    solver = MinimumNorm(loose=1.0, depth=depth).fit(recording.leadfield, recording.noise_cov)
    assert relative_difference(solver.apply(recording.evoked, pick_ori="vector").data, reference.data) < 1e-8


@pytest.mark.parametrize("rank", [{"meg": 250, "eeg": 50}, "info", "full"], ids=str)
def test_rank_means_what_it_means_in_mne_python(recordings, rank):
    recording = recordings["both"]
    if rank == "full":
        noise_cov = recording.noise_cov.copy()
        noise_cov["data"] = noise_cov["data"] + np.diag(np.diag(noise_cov["data"]))
        recording = replace(recording, noise_cov=noise_cov)
        rank = None
    reference = mne_estimate(recording, "dSPM", "vector", rank=rank)
    solver = DSPM(rank=rank).fit(recording.leadfield, recording.noise_cov)
    assert relative_difference(solver.apply(recording.evoked, pick_ori="vector").data, reference.data) < 1e-8


@pytest.mark.parametrize("method", ["MNE", "sLORETA"])
def test_lambda2_means_what_it_means_in_mne_python(recordings, method):
    recording = recordings["eeg"]
    for lambda2 in (1e-3, 1.0, 100.0):
        reference = mne_estimate(recording, method, lambda2=lambda2)
        solver = METHODS[method](lambda2=lambda2).fit(recording.leadfield, recording.noise_cov)
        assert relative_difference(solver.apply(recording.evoked).data, reference.data) < 1e-8


def test_equal_eloreta_weights_equal_mne_python(recordings):
    recording = recordings["eeg"]
    reference = mne_estimate(recording, "eLORETA", "vector", method_params={"force_equal": True, "max_iter": 100})
    solver = ELORETA(force_equal=True, max_iter=100).fit(recording.leadfield, recording.noise_cov)
    assert relative_difference(solver.apply(recording.evoked, pick_ori="vector").data, reference.data) < 1e-6


def test_eloreta_says_when_it_has_not_converged(recordings):
    recording = recordings["eeg"]
    with pytest.warns(RuntimeWarning, match="after 2 iterations .* raise max_iter"):
        solver = ELORETA(max_iter=2).fit(recording.leadfield, recording.noise_cov)
    assert solver.n_iter_ == 2
    assert solver.change_ > solver.eps
    converged = ELORETA().fit(recording.leadfield, recording.noise_cov)
    assert converged.change_ < converged.eps


def noiseless_peaks(solver, moments: np.ndarray) -> np.ndarray:
    """Source of largest amplitude for one dipole at each source in turn, moments (n_sources, 3)."""
    fitted = solver.leadfield_
    topographies = np.einsum("csx,sx->cs", fitted.gain, moments)
    return np.linalg.norm(solver.estimate(topographies), axis=1).argmax(axis=0)


@pytest.mark.parametrize("sensors", ["eeg", "meg"])
@pytest.mark.parametrize(
    ("solver", "fixed"),
    [
        (SLORETA(loose=0.0), True),
        (SLORETA(loose=0.2, block=True), False),
        (SLORETA(loose=1.0, block=True), False),
        (ELORETA(loose=0.0), True),
        (ELORETA(loose=1.0), False),
    ],
    ids=["sloreta-fixed", "sloreta-loose", "sloreta-free", "eloreta-fixed", "eloreta-free"],
)
def test_a_single_noiseless_dipole_is_found_at_every_source(discrete_leadfield, noise_cov, sensors, solver, fixed):
    types = {"eeg": {"eeg"}, "meg": {"grad", "mag"}}[sensors]
    named = zip(discrete_leadfield.ch_names, discrete_leadfield.ch_types, strict=True)
    leadfield = discrete_leadfield.pick([name for name, kind in named if kind in types])
    solver.fit(leadfield, noise_cov)
    everywhere = np.arange(leadfield.n_sources)
    if fixed:
        assert np.array_equal(noiseless_peaks(solver, leadfield.normals), everywhere)
        return
    moments = np.random.default_rng(0).standard_normal((2, leadfield.n_sources, 3))
    for moment in [*moments, np.tile([0.0, 0.0, 1.0], (leadfield.n_sources, 1))]:
        assert np.array_equal(noiseless_peaks(solver, moment), everywhere)


def test_sources_without_normals_take_no_orientation_constraint(discrete_forward, noise_cov):
    leadfield = LeadField.from_forward(mne.pick_types_forward(discrete_forward, meg=False, eeg=True))
    for solver in (MinimumNorm(loose=0.0), ELORETA(loose=0.2), LORETA(loose=0.0)):
        with pytest.raises(InputError, match="no normal"):
            solver.fit(leadfield, noise_cov)


def test_one_number_per_source_does_not_localise_free_dipoles_exactly(discrete_forward, noise_cov):
    # What `block=True` is for: MNE-Python's sLORETA has no zero-error property for sources of unknown orientation.
    leadfield = LeadField.from_forward(mne.pick_types_forward(discrete_forward, meg=False, eeg=True))
    solver = SLORETA().fit(leadfield, noise_cov)
    moments = np.random.default_rng(0).standard_normal((leadfield.n_sources, 3))
    assert (noiseless_peaks(solver, moments) != np.arange(leadfield.n_sources)).mean() > 0.5


def test_standardised_estimates_have_unit_variance(recordings):
    recording = recordings["eeg"]
    parameters = {"loose": 0.0, "depth": None}
    white = whiten(recording.leadfield, recording.noise_cov)
    colorer = np.linalg.pinv(white.whitener)
    gain = white.whitener @ white.leadfield.fixed().matrix
    rank = len(white.whitener)
    prior = rank / np.linalg.norm(gain) ** 2  # tr(G R G') = rank
    expected = {
        DSPM: np.eye(rank),  # sensor noise only
        SLORETA: np.eye(rank) + prior / LAMBDA2 * gain @ gain.T,  # noise and all sources
    }
    for solver, covariance in expected.items():
        kernel = solver(**parameters).fit(recording.leadfield, recording.noise_cov).kernel_ @ colorer
        assert np.allclose(np.einsum("sc,cd,sd->s", kernel, covariance, kernel), 1.0)


def test_the_pseudo_inverse_explains_the_data_with_the_smallest_currents(recordings):
    recording = recordings["eeg"]
    solver = MoorePenrose().fit(recording.leadfield, recording.noise_cov)
    gain = solver.leadfield_.matrix
    data = recording.evoked.copy().pick(solver.leadfield_.ch_names).data
    data = data - data.mean(axis=0)
    currents = solver.estimate(data).reshape(-1, data.shape[1])
    explained = gain @ currents
    assert np.allclose(explained - explained.mean(axis=0), data, atol=1e-9 * np.abs(data).max())
    # It lies in the row space of the referenced gain, so nothing can be taken away from it.
    referenced = gain - gain.mean(axis=0)
    assert np.allclose(
        np.linalg.pinv(referenced) @ (referenced @ currents), currents, atol=1e-6 * np.abs(currents).max()
    )
    few = MoorePenrose(rcond=0.1).fit(recording.leadfield, recording.noise_cov)
    assert np.linalg.norm(few.estimate(data)) < np.linalg.norm(currents)


def test_weighted_minimum_norm_gives_every_source_equal_weight(recordings):
    recording = recordings["eeg"]
    solver = WeightedMinimumNorm(loose=0.0).fit(recording.leadfield, recording.noise_cov)
    white = whiten(recording.leadfield, recording.noise_cov)
    power = np.linalg.norm(white.gain, axis=(0, 2))
    normalized = replace(recording.leadfield, gain=recording.leadfield.gain / power[np.newaxis, :, np.newaxis])
    plain = MinimumNorm(loose=0.0, depth=None).fit(normalized, recording.noise_cov)
    data = recording.evoked.copy().pick(solver.leadfield_.ch_names).data
    expected = plain.estimate(data) / power[:, np.newaxis, np.newaxis]
    assert np.allclose(solver.estimate(data), expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


def test_depth_weighting_brings_deep_sources_back(discrete_forward):
    leadfield = LeadField.from_forward(mne.pick_types_forward(discrete_forward, meg="grad", eeg=False))
    radius = np.linalg.norm(leadfield.pos - leadfield.pos.mean(axis=0), axis=1)
    deep = radius < np.quantile(radius, 0.25)
    moments = np.random.default_rng(0).standard_normal((leadfield.n_sources, 3))
    too_shallow = []
    for exponent in (None, 0.4, 0.8):
        peaks = noiseless_peaks(MinimumNorm(depth={"exp": exponent, "limit": None}).fit(leadfield), moments)
        too_shallow.append(np.mean((radius[peaks] - radius)[deep]))
    assert too_shallow[0] > too_shallow[1] > too_shallow[2]
    assert too_shallow[0] > 0.02


def test_loose_goes_from_fixed_to_free(recordings):
    recording = recordings["eeg"]
    leadfield, noise_cov = recording.leadfield, recording.noise_cov
    good = MinimumNorm().fit(leadfield, noise_cov).leadfield_.ch_names
    data = recording.evoked.copy().pick(good).data
    fixed = MinimumNorm(loose=0.0).fit(leadfield, noise_cov).estimate(data)
    nearly = MinimumNorm(loose=1e-9).fit(leadfield, noise_cov).estimate(data)
    assert np.allclose(nearly, fixed * leadfield.normals[:, :, np.newaxis], atol=1e-5 * np.abs(fixed).max())
    tangential = []
    for loose in (0.05, 0.2, 1.0):
        currents = MinimumNorm(loose=loose).fit(leadfield, noise_cov).estimate(data)
        normal = np.einsum("sxt,sx->st", currents, leadfield.normals)
        tangential.append(1 - np.linalg.norm(normal) ** 2 / np.linalg.norm(currents) ** 2)
    assert tangential[0] < tangential[1] < tangential[2]


@pytest.mark.parametrize(
    ("solver", "words"),
    [
        (MinimumNorm(lambda2=-1), "lambda2 is -1"),
        (ELORETA(lambda2=float("nan")), "lambda2 is nan"),
        (SLORETA(lambda2=0), "lambda2 > 0"),
        (MinimumNorm(loose=1.5), "between 0"),
        (MinimumNorm(loose="tight"), "'auto'"),
        (MinimumNorm(loose={"volume": 1.0}), "surface"),
        (MinimumNorm(depth=-0.8), "at least 0"),
        (MinimumNorm(depth={"exponent": 1}), "no option"),
        (MinimumNorm(depth={"combine_xyz": "max"}), "'fro'"),
        (MinimumNorm(depth={"limit_depth_chs": "all"}), "'whiten'"),
    ],
    ids=repr,
)
def test_impossible_parameters_are_refused_in_words(recordings, solver, words):
    with pytest.raises(InputError, match=words):
        solver.fit(recordings["eeg"].leadfield, recordings["eeg"].noise_cov)


def test_fixed_lead_fields_have_no_free_orientation(recordings):
    fixed = recordings["eeg"].leadfield.fixed()
    assert MinimumNorm().fit(fixed).estimate(np.ones((60, 1))).shape == (fixed.n_sources, 1, 1)
    with pytest.raises(InputError, match="fixed orientations"):
        MinimumNorm(loose=0.2).fit(fixed)


def test_no_regularisation_is_the_pseudo_inverse(recordings):
    recording = recordings["eeg"]
    unweighted = MinimumNorm(lambda2=0, loose=1.0, depth=None).fit(recording.leadfield, recording.noise_cov)
    inverse = MoorePenrose().fit(recording.leadfield, recording.noise_cov)
    assert relative_difference(unweighted.kernel_, inverse.kernel_) < 1e-6
