"""Spikes of a neural-mass model in ongoing activity: how many are found, and how many that are none."""

import mne
import numpy as np
import pytest

import headwater as hw
from headwater.simulation.spikes.connectome import distance_rule_connectome
from headwater.simulation.spikes.default import fibonacci_sphere
from headwater.simulation.spikes.generation import LibraryPlan, make_spike_library

pytest.importorskip("mne_bids", reason="the extra `pipeline` is not installed")

from headwater.pipeline import PipelineSettings, Spikes, find_spikes  # noqa: E402
from headwater.pipeline.spikes import SPIKE, with_spikes  # noqa: E402
from pipeline.datasets import _brain  # noqa: E402

SFREQ, DURATION, N_SPIKES = 250.0, 120.0, 40
PEAK = 40e-6  # V, in the channel that sees the spike best; ongoing activity has 4e-6 on average
APART = 0.05  # s: what counts as found


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    connectome = distance_rule_connectome(0.065 * fibonacci_sphere(20))
    plan = LibraryPlan(n_clips=2, n_neighbors=0, duration=12.0, budget=36.0)
    library = make_spike_library(tmp_path_factory.mktemp("spikes") / "library", connectome, regions=[3], plan=plan)
    found = library.clips[0, : library.counts[0], 0]
    return found - np.median(found, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def quiet():
    """Ongoing activity and the noise of the sensors."""
    rng = np.random.default_rng(0)
    info = hw.montage_info(hw.template_head(), "biosemi32", sfreq=SFREQ)
    leadfield = hw.make_leadfield(hw.template_head(), info, spacing=15.0, method="sphere")
    times = np.arange(round(DURATION * SFREQ)) / SFREQ
    data = _brain(leadfield, times, rng) + 0.5e-6 * rng.standard_normal((len(info["ch_names"]), len(times)))
    return mne.io.RawArray(data, info, verbose="ERROR"), leadfield


@pytest.fixture(scope="module")
def spiky(quiet, clips):
    """The same with spikes of one source, and their times."""
    return with_source(quiet, clips, PEAK)


def with_source(quiet, clips, peak_volt):
    raw, leadfield = quiet
    rng = np.random.default_rng(1)
    onsets = 3.0 + np.cumsum(rng.uniform(2.0, 3.0, N_SPIKES))
    course = np.zeros(len(raw.times))
    for onset in onsets:
        clip = clips[rng.integers(len(clips))]
        peak = int(clip.argmax())
        part = clip[max(peak - 50, 0) : peak + 100]
        start = round(onset * SFREQ) - min(peak, 50)
        course[start : start + len(part)] += part / clip[peak]
    topography = leadfield.gain[:, leadfield.n_sources // 3] @ np.array([0.2, 0.9, 0.4])
    data = raw.get_data() + peak_volt * np.outer(topography / np.abs(topography).max(), course)
    return mne.io.RawArray(data, raw.info, verbose="ERROR"), np.round(onsets * SFREQ) / SFREQ


def test_spikes_are_found_and_little_else(spiky):
    raw, onsets = spiky
    found = find_spikes(raw)
    apart = np.abs(found.onsets[:, np.newaxis] - onsets)
    sensitivity = (apart.min(axis=0) < APART).mean()
    false_per_minute = (apart.min(axis=1) >= APART).sum() / (DURATION / 60)
    assert sensitivity >= 0.95
    assert false_per_minute <= 1.0
    assert np.median(apart.min(axis=0)) <= 2 / SFREQ
    assert (found.n_channels >= Spikes().channels).all()


def test_half_of_those_that_hardly_stand_out_are_found(quiet, clips):
    raw, onsets = with_source(quiet, clips, PEAK / 2)
    apart = np.abs(find_spikes(raw).onsets[:, np.newaxis] - onsets)
    assert 0.3 < (apart.min(axis=0) < APART).mean() < 0.8
    assert (apart.min(axis=1) < APART).all()


def test_where_there_is_none_none_is_found(quiet):
    raw, _ = quiet
    assert len(find_spikes(raw).onsets) <= DURATION / 60
    with pytest.raises(hw.InputError, match="No spike was found"):
        with_spikes(raw, Spikes(threshold=30.0))


def test_what_is_annotated_as_bad_is_left_out(spiky):
    raw, onsets = spiky
    half = raw.copy().set_annotations(mne.Annotations(0.0, DURATION / 2, "BAD_movement"))
    assert find_spikes(half).onsets.min() > DURATION / 2


def test_found_spikes_become_trials(spiky):
    raw, onsets = spiky
    marked, words = with_spikes(raw, Spikes())
    events, event_id = mne.events_from_annotations(marked, verbose="ERROR")
    assert list(event_id) == [SPIKE]
    assert f"{len(events)} found" in words
    average = mne.Epochs(marked, events, event_id, -0.1, 0.2, baseline=None, preload=True, verbose="ERROR").average()
    assert abs(average.get_peak()[1]) <= 0.01


@pytest.mark.parametrize("date", [None, 0.0])
def test_marks_of_a_cropped_recording_stay_where_they_are(spiky, date):
    raw, _ = spiky
    late = raw.copy().set_meas_date(date).crop(20.0, 60.0)
    late.set_annotations(mne.Annotations(10.0, 1.0, "other"))
    before = late.annotations.onset[0]
    marked, _ = with_spikes(late, Spikes())
    assert marked.annotations.onset[marked.annotations.description == "other"] == before
    events, _ = mne.events_from_annotations(marked, regexp=SPIKE, verbose="ERROR")
    times = (events[:, 0] - marked.first_samp) / SFREQ
    np.testing.assert_allclose(times, find_spikes(late).onsets, atol=1 / SFREQ)


def test_search_is_a_setting_and_off_without_it():
    assert PipelineSettings().trials.spikes is None
    assert PipelineSettings(trials={"spikes": {"channels": 5}}).trials.spikes == Spikes(channels=5)


def test_recordings_that_cannot_be_searched_are_refused(quiet):
    raw, _ = quiet
    with pytest.raises(hw.InputError, match="longer than 6 s"):
        find_spikes(raw.copy().crop(0, 3))
    with pytest.raises(hw.InputError, match="below the band"):
        find_spikes(raw, Spikes(band=(200.0, 300.0)))
