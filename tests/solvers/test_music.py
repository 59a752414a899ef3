"""MUSIC and RAP-MUSIC: exact for separated sources, as MNE-Python on a recording, and the rules for their number."""

from dataclasses import replace

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers import MUSIC, RAPMUSIC
from headwater.solvers.music import ExplainedPower, MinimumDescriptionLength

SOURCES = [20, 150, 300]
SEARCHES = [MUSIC(n_sources=3), RAPMUSIC(n_sources=3), RAPMUSIC(n_sources=3, truncate=True)]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def currents(sphere_leadfield, rng) -> np.ndarray:
    """Three sources of fixed orientation, two of them with a correlation of 0.9."""
    courses = rng.standard_normal((3, 200))
    courses[1] = 0.9 * courses[0] + np.sqrt(1 - 0.9**2) * courses[1]
    x = np.zeros((sphere_leadfield.n_sources, 3, 200))
    x[SOURCES] = 1e-8 * rng.standard_normal((3, 3, 1)) * courses[:, np.newaxis]
    return x


def signal(leadfield, currents) -> np.ndarray:
    return np.einsum("cso,sot->ct", leadfield.gain, currents)


@pytest.mark.parametrize("solver", SEARCHES, ids=repr)
def test_separated_noiseless_sources_are_exact(solver, sphere_leadfield, currents):
    data = signal(sphere_leadfield, currents)
    solver.fit(sphere_leadfield)
    assert np.allclose(solver.estimate(data), currents, atol=1e-13)
    found = solver.dipoles(data)
    assert sorted(found.sources) == SOURCES
    assert found.goodness_of_fit == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("truncate", [False, True])
def test_fixed_orientations_keep_their_sign(sphere_leadfield, rng, truncate):
    normals = np.tile([0.0, 0.0, 1.0], (sphere_leadfield.n_sources, 1))
    leadfield = replace(sphere_leadfield, normals=normals).fixed()
    x = np.zeros((leadfield.n_sources, 1, 50))
    x[SOURCES] = 1e-8 * rng.standard_normal((3, 1, 50))
    solver = RAPMUSIC(n_sources=3, truncate=truncate).fit(leadfield)
    assert np.allclose(solver.estimate(signal(leadfield, x)), x, atol=1e-13)


def test_the_spectrum_is_one_at_the_sources_and_nowhere_else(sphere_leadfield, currents):
    solver = MUSIC(n_sources=3).fit(sphere_leadfield)
    data = signal(sphere_leadfield, currents)
    spectrum = solver.spectrum(np.stack([data, 5 * data]))
    assert spectrum.shape == (2, sphere_leadfield.n_sources)
    assert np.allclose(spectrum[0], spectrum[1])
    assert np.allclose(spectrum[0, SOURCES], 1.0)
    assert np.delete(spectrum[0], SOURCES).max() < 1 - 1e-4


def test_the_spectrum_is_the_cosine_of_the_smallest_principal_angle(sphere_leadfield, rng):
    from scipy.linalg import subspace_angles

    data = rng.standard_normal((64, 4))
    data -= data.mean(axis=0)
    spectrum = MUSIC(n_sources=4).fit(sphere_leadfield).spectrum(data)
    for source in (0, 77, 200):
        topographies = sphere_leadfield.gain[:, source] - sphere_leadfield.gain[:, source].mean(axis=0)
        assert spectrum[source] == pytest.approx(np.cos(subspace_angles(topographies, data).min()), abs=1e-10)


@pytest.mark.parametrize("sensors", ["eeg", "meg"])
@pytest.mark.parametrize("condition", [0, 1], ids=["auditory", "visual"])
def test_a_recording_gives_the_dipoles_of_mne_python(evokeds, noise_cov, discrete_forward, sensors, condition):
    forward = mne.pick_types_forward(discrete_forward, meg=sensors == "meg", eeg=sensors == "eeg")
    # Every fourth source: MNE-Python looks at them one after the other.
    forward = fewer_sources(forward)
    evoked = evokeds[condition].copy().pick(forward["sol"]["row_names"]).crop(0.05, 0.15)
    reference = mne.beamformer.rap_music(evoked, forward, noise_cov, n_dipoles=3, verbose="error")
    solver = RAPMUSIC(n_sources=3).fit(LeadField.from_forward(forward), noise_cov)
    names = solver.leadfield_.ch_names
    found = solver.dipoles(evoked.get_data(picks=[evoked.ch_names.index(name) for name in names]))
    assert np.allclose(found.pos, [dipole.pos[0] for dipole in reference], atol=1e-6)
    for moment, dipole in zip(found.moments, reference, strict=True):
        theirs = dipole.amplitude * dipole.ori.T
        assert np.linalg.norm(moment - theirs) < 1e-4 * np.linalg.norm(theirs)


def fewer_sources(forward: mne.Forward) -> mne.Forward:
    vertices = [space["vertno"][::4] for space in forward["src"]]
    data = np.ones((sum(map(len, vertices)), 1))
    return mne.forward.restrict_forward_to_stc(forward, mne.VolSourceEstimate(data, vertices, 0, 1, "sample"))


@pytest.mark.parametrize("solver", [MUSIC(), RAPMUSIC(), RAPMUSIC(truncate=True)], ids=repr)
def test_a_single_time_point_spans_one_dimension(solver, sphere_leadfield, currents):
    one = np.zeros_like(currents[..., :1])
    one[150] = currents[150, :, :1]
    assert np.allclose(solver.fit(sphere_leadfield).estimate(signal(sphere_leadfield, one)), one, atol=1e-14)


def test_more_sources_than_time_points_are_matched_one_after_the_other(sphere_leadfield, currents):
    data = signal(sphere_leadfield, currents[..., :1])
    fits = [RAPMUSIC(n_sources=n).fit(sphere_leadfield).dipoles(data) for n in (1, 2, 3, 4)]
    assert [len(fit.sources) for fit in fits] == [1, 2, 3, 4]
    goodness = [fit.goodness_of_fit for fit in fits]
    assert (np.diff(goodness) > 0).all()
    for fit, more in zip(fits, fits[1:], strict=False):
        assert np.array_equal(fit.sources, more.sources[: len(fit.sources)])


def test_the_search_ends_where_nothing_is_left(sphere_leadfield, currents):
    found = RAPMUSIC(n_sources=10).fit(sphere_leadfield).dipoles(signal(sphere_leadfield, currents))
    assert sorted(found.sources) == SOURCES


def test_rules_count_components():
    power = np.array([8.0, 1.0, 0.5, 0.5])
    assert ExplainedPower(0.8)(power, 10) == 1
    assert ExplainedPower(0.9)(power, 10) == 2
    assert ExplainedPower(0.91)(power, 10) == 3
    assert ExplainedPower(1.0, at_most=3)(power, 10) == 3


@pytest.mark.parametrize("n_sources", [1, 2, 4])
def test_the_description_length_finds_the_number_of_sources_in_white_noise(sphere_leadfield, rng, n_sources):
    x = np.zeros((sphere_leadfield.n_sources, 3, 1000))
    where = rng.choice(sphere_leadfield.n_sources, n_sources, replace=False)
    x[where] = 1e-7 * rng.standard_normal((n_sources, 3, 1)) * rng.standard_normal((n_sources, 1, 1000))
    data = signal(sphere_leadfield, x)
    data += 0.1 * data.std() * rng.standard_normal(data.shape)
    found = RAPMUSIC(n_sources=MinimumDescriptionLength()).fit(sphere_leadfield).dipoles(data)
    assert sorted(found.sources) == sorted(where)


def test_silence_gives_no_currents(sphere_leadfield):
    for solver in (MUSIC(), RAPMUSIC()):
        assert not solver.fit(sphere_leadfield).estimate(np.zeros((64, 3))).any()


def test_impossible_numbers_are_refused_in_words(sphere_leadfield):
    for n_sources in (0, 64):
        with pytest.raises(InputError, match="number from 1 to 63, or a rule"):
            RAPMUSIC(n_sources=n_sources).fit(sphere_leadfield)
    with pytest.raises(InputError, match="one sample"):
        MUSIC().fit(sphere_leadfield).dipoles(np.zeros((2, 64, 1)))
