"""LCMV against MNE-Python, against its two constraints, and its covariance from the data themselves."""

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import LCMV

NORMS = (None, "unit-noise-gain", "unit-noise-gain-invariant")


def mne_lcmv(recording, forward, **parameters):
    filters = mne.beamformer.make_lcmv(
        recording.evoked.info, forward, recording.data_cov, 0.05, recording.noise_cov, verbose="error", **parameters
    )
    return mne.beamformer.apply_lcmv(recording.evoked, filters, verbose="error")


def difference(estimate, reference) -> float:
    assert type(estimate) is type(reference)
    return float(np.linalg.norm(estimate.data - reference.data) / np.linalg.norm(reference.data))


@pytest.mark.parametrize("weight_norm", NORMS)
@pytest.mark.parametrize("pick_ori", [None, "normal", "max-power"])
def test_scalars_equal_mne_python(recording, weight_norm, pick_ori):
    forward = recording.forward  # the noise of each axis is normalised by itself: the axes must be the same
    if pick_ori is not None:  # a normal is only defined in surface orientation
        forward = mne.convert_forward_solution(forward, surf_ori=True, verbose="error")
    reference = mne_lcmv(recording, forward, weight_norm=weight_norm, pick_ori=pick_ori)
    solver = LCMV(data_cov=recording.data_cov, weight_norm=weight_norm, pick_ori=pick_ori)
    solver.fit(recording.leadfield, recording.noise_cov)
    # MNE-Python takes its surface-oriented gain from single precision.
    assert difference(solver.apply(recording.evoked), reference) < 1e-5


@pytest.mark.parametrize("weight_norm", NORMS)
@pytest.mark.parametrize("reduce_rank", [False, True])
def test_vectors_equal_mne_python(recording, weight_norm, reduce_rank):
    parameters = {"weight_norm": weight_norm, "reduce_rank": reduce_rank}
    reference = mne_lcmv(recording, recording.forward, pick_ori="vector", **parameters)
    solver = LCMV(data_cov=recording.data_cov, **parameters).fit(recording.leadfield, recording.noise_cov)
    assert difference(solver.apply(recording.evoked, pick_ori="vector"), reference) < 1e-7


@pytest.mark.parametrize("weight_norm", NORMS)
def test_fixed_lead_fields_equal_mne_python(recording, weight_norm):
    forward = mne.convert_forward_solution(recording.forward, force_fixed=True, verbose="error")
    reference = mne_lcmv(recording, forward, weight_norm=weight_norm)
    solver = LCMV(data_cov=recording.data_cov, weight_norm=weight_norm)
    solver.fit(LeadField.from_forward(forward), recording.noise_cov)
    assert difference(solver.apply(recording.evoked), reference) < 1e-7


def test_without_noise_covariance_one_type_of_sensors_equals_mne_python(recordings):
    recording = recordings["eeg"]
    filters = mne.beamformer.make_lcmv(recording.evoked.info, recording.forward, recording.data_cov, verbose="error")
    reference = mne.beamformer.apply_lcmv(recording.evoked, filters, verbose="error")
    leadfield = recording.leadfield.pick(filters["ch_names"])
    estimate = LCMV(data_cov=recording.data_cov).fit(leadfield).apply(recording.evoked)
    assert difference(estimate, reference) < 1e-7


def test_filters_pass_their_source_with_unit_gain_or_unit_noise(recordings):
    recording = recordings["eeg"]
    covariance, noise = recording.data_cov, recording.noise_cov
    passing = LCMV(data_cov=covariance, weight_norm=None).fit(recording.leadfield, noise)
    gain_matrix = passing.filters_ @ passing.gain_
    assert np.allclose(gain_matrix, np.eye(3), atol=1e-6)
    quiet = LCMV(data_cov=covariance).fit(recording.leadfield, noise)
    assert np.allclose(quiet.filters_ @ np.swapaxes(quiet.filters_, 1, 2), np.eye(3), atol=1e-6)


def test_the_orientation_of_maximum_power_has_maximum_power(recordings):
    recording = recordings["eeg"]
    vector = LCMV(data_cov=recording.data_cov, weight_norm=None).fit(recording.leadfield, recording.noise_cov)
    covariance = recording.data_cov.copy().pick_channels(vector.leadfield_.ch_names, ordered=True)["data"]
    white = vector.whitener_ @ covariance @ vector.whitener_.T
    loaded = white + 0.05 * np.trace(white) / vector.leadfield_.n_channels * np.eye(len(white))
    best = LCMV(data_cov=recording.data_cov, weight_norm=None, pick_ori="max-power")
    best.fit(recording.leadfield, recording.noise_cov)
    strongest = np.einsum("src,cd,srd->s", best.filters_, loaded, best.filters_)
    directions = np.random.default_rng(0).standard_normal((50, 3))
    for direction in directions / np.linalg.norm(directions, axis=1, keepdims=True):
        gain = vector.gain_ @ direction
        power = 1 / np.einsum("sc,cd,sd->s", gain, np.linalg.inv(loaded), gain)
        assert (power <= strongest * (1 + 1e-9)).all()


def test_the_covariance_comes_from_the_data_where_none_is_given(recordings):
    recording = recordings["eeg"]
    adaptive = LCMV().fit(recording.leadfield, recording.noise_cov)
    names = adaptive.leadfield_.ch_names
    samples = np.random.default_rng(0).standard_normal((2, 3, len(names), 100)) * 1e-6
    estimates = adaptive.estimate(samples)
    assert estimates.shape == (2, 3, recording.leadfield.n_sources, 3, 100)
    one = samples[1, 2]
    eigenvalues = np.linalg.svd(adaptive.whitener_ @ one, compute_uv=False) ** 2
    reg = 0.05 * eigenvalues[0] / (eigenvalues.sum() / len(names))  # of the largest, in terms of the mean
    given = LCMV(data_cov=one @ one.T / 100, reg=reg).fit(recording.leadfield.pick(names), recording.noise_cov)
    assert np.allclose(estimates[1, 2], given.estimate(one), atol=1e-9 * np.abs(estimates).max())


def test_a_strong_source_of_a_somewhat_different_head_is_not_cancelled(recordings):
    recording = recordings["eeg"]
    solver = LCMV().fit(recording.leadfield, recording.noise_cov)
    rng = np.random.default_rng(0)
    unwhiten = np.linalg.pinv(solver.whitener_)
    for source in (20, 100, 250):
        topography = unit(solver.gain_[source, :, 0])
        topography = unit(topography + 0.2 * unit(rng.standard_normal(topography.shape)))
        noise = rng.standard_normal((len(topography), 60))
        white = noise + 30 * topography[:, np.newaxis] * rng.standard_normal(60)
        place = np.linalg.norm(solver.estimate(unwhiten @ white), axis=(1, 2)).argmax()
        assert np.linalg.norm(solver.leadfield_.pos[place] - solver.leadfield_.pos[source]) < 0.03


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_a_single_time_point_is_loaded_and_finds_its_source(recordings):
    recording = recordings["eeg"]
    solver = LCMV().fit(recording.leadfield, recording.noise_cov)
    topographies = solver.leadfield_.gain[:, 100] @ np.eye(3) * 1e-8
    for topography in topographies.T:
        amplitude = np.linalg.norm(solver.estimate(topography[:, np.newaxis])[:, :, 0], axis=1)
        assert amplitude.argmax() == 100
    with pytest.raises(InputError, match="reg > 0"):
        LCMV(reg=0).fit(recording.leadfield, recording.noise_cov).estimate(topographies[:, :1])


@pytest.mark.parametrize(
    ("solver", "words"),
    [
        (LCMV(weight_norm="nai"), "weight_norm"),
        (LCMV(pick_ori="vector"), "pick_ori"),
        (LCMV(reg=-1), "at least 0"),
        (LCMV(reg=float("nan")), "at least 0"),
        (LCMV(data_cov=np.eye(3)), "data covariance has shape"),
    ],
    ids=repr,
)
def test_impossible_parameters_are_refused_in_words(recordings, solver, words):
    with pytest.raises(InputError, match=words):
        solver.fit(recordings["eeg"].leadfield, recordings["eeg"].noise_cov)


def test_orientations_that_do_not_exist_cannot_be_picked(recordings):
    recording = recordings["eeg"]
    with pytest.raises(InputError, match="requires free orientations"):
        LCMV(pick_ori="max-power").fit(recording.leadfield.fixed())
    strongest = LCMV(data_cov=recording.data_cov, pick_ori="max-power").fit(recording.leadfield, recording.noise_cov)
    with pytest.raises(InputError, match="chooses the orientation of each source"):
        strongest.apply(recording.evoked, pick_ori="vector")


def test_silent_orientations_of_a_sphere_are_left_out(recordings):
    recording = recordings["meg"]
    sphere = mne.make_sphere_model((0.0, 0.0, 0.04), 0.09, recording.evoked.info, verbose="error")
    forward = mne.make_forward_solution(
        recording.evoked.info,
        trans=None,
        src=mne.setup_volume_source_space(sphere=sphere, pos=40.0, verbose="error"),
        bem=sphere,
        eeg=False,
        verbose="error",
    )
    leadfield = LeadField.from_forward(forward)
    with pytest.raises(InputError, match="reduce_rank=True"):
        LCMV(data_cov=recording.data_cov).fit(leadfield, recording.noise_cov)
    solver = LCMV(data_cov=recording.data_cov, reduce_rank=True).fit(leadfield, recording.noise_cov)
    assert np.isfinite(solver.filters_).all()
