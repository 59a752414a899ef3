"""Bad channels are found, and good ones are left alone."""

from pathlib import Path

import mne
import numpy as np
import pytest

import headwater as hw
from headwater.benchmark import recordings
from headwater.forward.leadfield import LeadField
from headwater.localization.bad_channels import find_bad_channels
from headwater.localization.prepare import Prepared, prepare
from spheres import electrodes, sphere_leadfield

N_TIMES = 300


@pytest.fixture(scope="module")
def leadfield() -> LeadField:
    return sphere_leadfield(electrodes("biosemi64"), 15.0)


def clean(leadfield: LeadField, seed: int = 0) -> mne.EvokedArray:
    """Independent activity of 40 sources, an eye blink in the front, and sensor noise of a tenth of its size."""
    rng = np.random.default_rng(seed)
    active = rng.choice(leadfield.n_sources, 40, replace=False)
    gain = leadfield.gain[:, active].reshape(leadfield.n_channels, -1)
    data = gain @ rng.standard_normal((gain.shape[1], N_TIMES))
    size = 1e-5 / data.std()
    data = size * data + 1e-6 * rng.standard_normal(data.shape)
    front = leadfield.gain[:, [leadfield.pos[:, 1].argmax()], 1]
    data += 1e-4 * front / np.abs(front).max() * np.exp(-0.5 * ((np.arange(N_TIMES) - 100) / 8) ** 2)
    return mne.EvokedArray(data, leadfield.info, tmin=-1.0, verbose="error")


def found(leadfield: LeadField, evoked: mne.Evoked) -> dict[str, str]:
    return find_bad_channels(evoked.data[np.newaxis], evoked.info, leadfield).channels


def test_good_channels_are_left_alone(leadfield: LeadField) -> None:
    assert [found(leadfield, clean(leadfield, seed)) for seed in range(10)] == [{}] * 10


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda row, rng: row + 5e-5 * rng.standard_normal(N_TIMES), "times as strong"),
        (lambda row, rng: row + 8e-5 * np.linspace(-1, 1, N_TIMES), "times as strong"),
        (lambda row, rng: 5 * row, "times as strong"),
        (lambda row, rng: 3e-7 * rng.standard_normal(N_TIMES), "0.0"),
        (lambda row, rng: -row, "correlation of -0."),
    ],
    ids=["noise", "drift", "scale", "dead", "inverted"],
)
def test_a_spoiled_channel_is_found_and_no_other(leadfield: LeadField, wrong: object, said: str) -> None:
    rng = np.random.default_rng(1)
    for channel in rng.choice(leadfield.n_channels, 6, replace=False):
        evoked = clean(leadfield)
        evoked.data[channel] = wrong(evoked.data[channel], rng)
        bad = found(leadfield, evoked)
        assert list(bad) == [leadfield.ch_names[channel]]
        assert said in bad[leadfield.ch_names[channel]]


def test_swapped_channels_are_named_together(leadfield: LeadField) -> None:
    evoked = clean(leadfield)
    one, other = (leadfield.ch_names.index(name) for name in ("F3", "PO4"))
    evoked.data[[one, other]] = evoked.data[[other, one]]
    assert found(leadfield, evoked) == {"F3": "swapped with PO4", "PO4": "swapped with F3"}


def test_the_reference_does_not_matter(leadfield: LeadField) -> None:
    evoked = clean(leadfield)
    evoked.data[5] += 1e-4 * np.random.default_rng(2).standard_normal(N_TIMES)
    before = found(leadfield, evoked)
    evoked.data -= evoked.data[20]
    evoked.data[20] += 1e-12 * np.arange(N_TIMES)  # the reference itself, all but flat
    assert list(before) == [leadfield.ch_names[5]]
    assert set(before) <= set(found(leadfield, evoked))


def test_one_bad_trial_is_no_bad_channel(leadfield: LeadField) -> None:
    data = np.array([clean(leadfield, seed).data for seed in range(9)])
    data[4, 9] += 1e-3 * np.hanning(N_TIMES)
    assert find_bad_channels(data, leadfield.info, leadfield).channels == {}
    data[:5, 9] += 1e-4 * np.random.default_rng(3).standard_normal((5, N_TIMES))
    assert list(find_bad_channels(data, leadfield.info, leadfield).channels) == [leadfield.ch_names[9]]


def test_one_topography_alone_is_not_judged(leadfield: LeadField) -> None:
    """A source just below an electrode is seen by that electrode most, and rightly so."""
    electrode = leadfield.info["chs"][12]["loc"][:3]
    nearest = int(np.linalg.norm(leadfield.pos - electrode, axis=1).argmin())
    course = np.exp(-0.5 * ((np.arange(N_TIMES) - 150) / 10) ** 2)
    data = leadfield.gain[:, nearest] @ (electrode / np.linalg.norm(electrode))
    data = np.outer(1e-5 * data / np.abs(data).max(), course)
    data += 1e-7 * np.random.default_rng(4).standard_normal(data.shape)
    assert found(leadfield, mne.EvokedArray(data, leadfield.info, verbose="error")) == {}


def test_what_cannot_be_judged_is_said(leadfield: LeadField) -> None:
    short = clean(leadfield).crop(0.0, 0.1)
    assert "too few electrodes or time points" in find_bad_channels(short.data[np.newaxis], short.info, leadfield).words
    shuffled = clean(leadfield)
    broken = np.random.default_rng(5).choice(leadfield.n_channels, 40, replace=False)
    shuffled.data[broken] *= np.random.default_rng(6).choice([0.01, 30.0], (40, 1))
    outcome = find_bad_channels(shuffled.data[np.newaxis], shuffled.info, leadfield)
    assert outcome.channels == {}
    assert "too many to leave out" in outcome.words


def prepared(leadfield: LeadField, recording: object, **options: object) -> Prepared:
    return prepare(recording, forward=leadfield, **options)


def test_bad_channels_touch_nothing_that_follows(leadfield: LeadField) -> None:
    """Data, noise, lead field and rejected trials are those of a recording that marks the channel as bad."""
    data = np.array([clean(leadfield, seed).data for seed in range(20)])
    data[3, 40] += 2e-3 * np.hanning(N_TIMES)
    data[:, 7] += 1e-3 * np.random.default_rng(7).standard_normal((20, N_TIMES))
    trials = mne.EpochsArray(data, leadfield.info, tmin=-100.0, proj=False, verbose="error")
    automatic = prepared(leadfield, trials, reject="auto")
    name = leadfield.ch_names[7]
    marked = prepared(leadfield, trials, reject="auto", bads=(name,), find_bads=False)
    assert automatic.assumptions["Bad channels"].startswith(f"1 channel left out as bad: {name} (")
    assert marked.assumptions["Bad channels"] == "not looked for"
    assert automatic.leadfield.ch_names == marked.leadfield.ch_names == automatic.evoked.ch_names
    assert len(automatic.trials) == len(marked.trials) < 20
    np.testing.assert_allclose(automatic.evoked.data, marked.evoked.data)
    np.testing.assert_allclose(automatic.noise_cov.data, marked.noise_cov.data)


def test_the_known_bad_channels_of_the_sample_recording_are_found(shared_data: Path) -> None:
    evokeds = mne.read_evokeds(shared_data / "mne-sample" / recordings.SAMPLE_EVOKED, verbose="error")
    forward = shared_data / "mne-sample" / "derived_sample_ico3-320bem-meg-eeg-fwd.fif"
    said = prepare(evokeds, forward=forward, condition="Right visual").assumptions["Bad channels"]
    assert said.startswith("2 channels left out as bad: ")
    assert "MEG 2443 (" in said
    assert "EEG 053 (" in said


def test_components_are_not_searched(leadfield: LeadField) -> None:
    """The map of a component may well be one channel: that is what ICA is for."""
    raw = mne.io.RawArray(clean(leadfield).data, leadfield.info, verbose="error")
    ica = mne.preprocessing.ICA(20, max_iter=1, random_state=0, verbose="error")
    with pytest.warns(UserWarning, match="converge"):
        ica.fit(raw, verbose="error")
    found = hw.analyze(ica, "sloreta", forward=leadfield, condition=0)
    assert found.assumptions["Bad channels"] == "not looked for"
