"""Whitening against its definition, its invariances, and covariances that are none."""

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import DSPM, MinimumNorm
from headwater.solvers.inputs.whitening import whiten


def test_whitened_noise_is_white(recording):
    white = whiten(recording.leadfield, recording.noise_cov)
    names = white.leadfield.ch_names
    covariance = recording.noise_cov.copy().pick_channels(names, ordered=True)["data"]
    eeg = np.array([kind == "eeg" for kind in white.leadfield.ch_types])
    covariance = np.where(np.equal.outer(eeg, eeg), covariance, 0.0)  # noise common to EEG and MEG is not looked at
    assert np.allclose(white.whitener @ covariance @ white.whitener.T, np.eye(len(white.whitener)), atol=1e-8)
    assert np.allclose(white.gain.reshape(len(white.gain), -1), white.whitener @ white.leadfield.matrix)


def test_bads_and_projections_of_the_covariance_are_honoured(recordings):
    recording = recordings["both"]
    white = whiten(recording.leadfield, recording.noise_cov)
    assert set(recording.leadfield.ch_names) - set(white.leadfield.ch_names) == set(recording.noise_cov["bads"])
    assert len(recording.noise_cov["bads"]) == 2
    projector, n_projections, _ = mne.proj.make_projector(recording.noise_cov["projs"], white.leadfield.ch_names)
    assert n_projections == 4
    assert len(white.whitener) == white.leadfield.n_channels - n_projections
    assert np.allclose(white.whitener @ projector, white.whitener)


def test_bads_of_the_lead_field_are_honoured(recordings):
    leadfield = recordings["eeg"].leadfield
    leadfield = leadfield.pick(list(reversed(leadfield.ch_names)))
    leadfield.info["bads"] = leadfield.ch_names[:3]
    white = whiten(leadfield, None)
    assert white.leadfield.ch_names == leadfield.ch_names[3:]


def test_eeg_knows_no_absolute_potential(recordings):
    leadfield = recordings["eeg"].leadfield
    white = whiten(leadfield, None)
    n_channels = leadfield.n_channels
    assert np.allclose(white.whitener @ np.ones(n_channels), 0, atol=1e-12)
    assert np.allclose(white.whitener.T @ white.whitener, np.eye(n_channels) - 1 / n_channels)
    solver = DSPM().fit(leadfield, np.diag(np.linspace(1, 2, n_channels) * 1e-12))
    data = np.random.default_rng(0).standard_normal((n_channels, 5))
    assert np.allclose(solver.estimate(data), solver.estimate(data + 7.0), atol=1e-9)


def test_an_array_is_the_covariance_of_the_lead_field_channels(recordings):
    recording = recordings["both"]
    names = [name for name in recording.leadfield.ch_names if name not in recording.noise_cov["bads"]]
    leadfield = recording.leadfield.pick(names)
    covariance = recording.noise_cov.copy().pick_channels(names, ordered=True)
    as_array = covariance["data"].copy()
    covariance["projs"] = []
    by_object, by_array = (MinimumNorm().fit(leadfield, each).kernel_ for each in (covariance, as_array))
    assert np.allclose(by_object, by_array, atol=1e-9 * np.abs(by_object).max())


def test_no_covariance_is_the_identity(recordings):
    leadfield = recordings["eeg"].leadfield
    kernels = [
        MinimumNorm().fit(leadfield, covariance).kernel_
        for covariance in (None, np.eye(leadfield.n_channels), 3e-12 * np.eye(leadfield.n_channels))
    ]
    assert np.allclose(kernels[0], kernels[1])
    assert np.allclose(kernels[0], kernels[2])  # the scale of noise is in lambda2


def test_units_of_sensors_do_not_matter(recordings):
    """Rescaling a channel, in data, gain and covariance alike, changes nothing."""
    recording = recordings["both"]
    names = [name for name in recording.leadfield.ch_names if name not in recording.noise_cov["bads"]]
    leadfield = recording.leadfield.pick(names)
    covariance = recording.noise_cov.copy().pick_channels(names, ordered=True)["data"]
    scale = np.where(np.array(leadfield.ch_types) == "grad", 0.5, 1.0)
    rescaled = LeadField(**{**vars(leadfield), "gain": leadfield.gain * scale[:, np.newaxis, np.newaxis]})
    parameters = {"depth": None, "rank": {"meg": 300, "eeg": 58}}
    kernel = DSPM(**parameters).fit(leadfield, covariance).kernel_
    other = DSPM(**parameters).fit(rescaled, covariance * np.outer(scale, scale)).kernel_ * scale
    data = recording.evoked.copy().pick(names).data
    # Leaving out the weakest of all MEG directions depends on units; what is left must not.
    estimate = kernel @ data
    assert np.linalg.norm(other @ data - estimate) < 0.05 * np.linalg.norm(estimate)


def test_a_deficient_rank_is_normal(recordings):
    leadfield = recordings["eeg"].leadfield
    n_channels = leadfield.n_channels
    samples = np.random.default_rng(0).standard_normal((n_channels, 30)) * 1e-6
    white = whiten(leadfield, samples @ samples.T)
    assert len(white.whitener) == 30
    assert np.isfinite(MinimumNorm().fit(leadfield, samples @ samples.T).kernel_).all()


def test_diagonal_covariances_of_mne_python_are_taken(recordings):
    recording = recordings["both"]
    ad_hoc = mne.make_ad_hoc_cov(recording.evoked.info, verbose="error")
    kernel = MinimumNorm().fit(recording.leadfield, ad_hoc).kernel_
    full = MinimumNorm().fit(recording.leadfield, np.diag(ad_hoc["data"])).kernel_
    assert kernel.shape == full.shape
    assert np.isfinite(kernel).all()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda c: c[:-1, :-1], "has shape .* 60 channels"),
        (lambda c: np.where(np.eye(60) > 0, np.nan, c), "NaN or infinite"),
        (lambda c: 0 * c, "singular: channels .* no noise;"),
        (lambda c: c * (np.arange(60) != 3) * (np.arange(60) != 3)[:, np.newaxis], "singular: channel EEG 004 has"),
        (lambda c: c - 0.9 * np.diag(np.diag(c)), "negative eigenvalues"),
        (lambda c: np.triu(c), "not symmetric"),
    ],
    ids=["size", "nan", "zero", "flat", "negative", "asymmetric"],
)
def test_covariances_that_are_none_are_refused_in_words(recordings, spoil, words):
    recording = recordings["eeg"]
    covariance = recording.noise_cov.copy().pick_channels(recording.leadfield.ch_names, ordered=True)["data"]
    with pytest.raises(InputError, match=words):
        whiten(recording.leadfield, spoil(covariance))


def test_several_types_of_sensors_need_a_covariance(recordings):
    with pytest.raises(InputError, match="several types .*eeg, grad, mag"):
        whiten(recordings["both"].leadfield, None)


def test_channels_without_covariance_are_named(recordings):
    recording = recordings["eeg"]
    covariance = recording.noise_cov.copy().pick_channels(recording.leadfield.ch_names[2:])
    with pytest.raises(InputError, match="lacks 2 channels of the lead field, such as EEG 001"):
        whiten(recording.leadfield, covariance)


def test_nothing_but_bad_channels_is_refused(recordings):
    leadfield = recordings["eeg"].leadfield.pick(["EEG 001", "EEG 002"])
    leadfield.info["bads"] = ["EEG 001", "EEG 002"]
    with pytest.raises(InputError, match="All channels"):
        whiten(leadfield, None)
