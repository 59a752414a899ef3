"""SAM against MNE-Python's scalar beamformer, and against what one orientation per source means."""

import mne
import numpy as np
import pytest

from headwater.solvers import LCMV, SAM

NORMS = (None, "unit-noise-gain", "unit-noise-gain-invariant")


@pytest.mark.parametrize("weight_norm", NORMS)
def test_lengths_equal_mne_python(recording, weight_norm):
    forward = mne.convert_forward_solution(recording.forward, surf_ori=True, verbose="error")
    filters = mne.beamformer.make_lcmv(
        recording.evoked.info,
        forward,
        recording.data_cov,
        0.05,
        recording.noise_cov,
        pick_ori="max-power",
        weight_norm=weight_norm,
        verbose="error",
    )
    reference = np.abs(mne.beamformer.apply_lcmv(recording.evoked, filters, verbose="error").data)
    solver = SAM(data_cov=recording.data_cov, weight_norm=weight_norm).fit(recording.leadfield, recording.noise_cov)
    # MNE-Python takes its surface-oriented gain from single precision.
    assert np.linalg.norm(solver.apply(recording.evoked).data - reference) < 1e-5 * np.linalg.norm(reference)


@pytest.mark.parametrize("source", [0, 100, 250])
def test_one_source_in_noise_of_known_covariance_peaks_where_it_is_along_its_orientation(recording, source):
    # In theory exact: with data covariance I + s v v' the output grows with the cosine between topography and v.
    moment = np.array([1.0, -2.0, 0.5]) / np.linalg.norm([1.0, -2.0, 0.5])
    fitted = LCMV().fit(recording.leadfield, recording.noise_cov)
    leadfield = recording.leadfield.pick(fitted.leadfield_.ch_names)
    white_noise = np.linalg.pinv(fitted.whitener_)
    topography = leadfield.gain[:, source] @ moment
    topography *= 4 / np.linalg.norm(fitted.whitener_ @ topography)
    data_cov = white_noise @ white_noise.T + np.outer(topography, topography)
    data = topography[:, np.newaxis] * np.sin(np.arange(1.0, 10.0))
    vectors = SAM(data_cov=data_cov).fit(leadfield, recording.noise_cov).estimate(data)
    assert np.linalg.norm(vectors, axis=(1, 2)).argmax() == source
    estimate = vectors[source] / np.linalg.norm(vectors[source], axis=0)
    assert np.abs(moment @ estimate).min() > 1 - 1e-6
    assert (np.linalg.matrix_rank(vectors, rtol=1e-6) <= 1).all()


def test_fixed_orientations_are_those_of_lcmv(recordings):
    recording = recordings["eeg"]
    leadfield = recording.leadfield.fixed()
    ours = SAM(data_cov=recording.data_cov).fit(leadfield, recording.noise_cov)
    theirs = LCMV(data_cov=recording.data_cov, weight_norm="unit-noise-gain").fit(leadfield, recording.noise_cov)
    data = recording.evoked.get_data(picks=ours.leadfield_.ch_names)
    assert np.allclose(ours.estimate(data), theirs.estimate(data))


def test_units_say_what_the_norm_makes_of_them():
    assert SAM().unit == "F"
    assert SAM(weight_norm=None).unit == "Am"
