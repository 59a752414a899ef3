"""Events by the names that people give them."""

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.localization.conditions import matching
from headwater.localization.segment import select_segment

NAMES = mne.channels.make_standard_montage("biosemi32").ch_names


@pytest.mark.parametrize(
    ("condition", "known", "found"),
    [
        ("S 1", ["S  1", "S  2"], ["S  1"]),
        ("S  1", ["Stimulus/S  1", "Stimulus/S 11"], ["Stimulus/S  1"]),
        ("S1", ["Stimulus/S  1", "Response/R  1"], ["Stimulus/S  1"]),
        ("Stimulus/S 1", ["Stimulus/S  1"], ["Stimulus/S  1"]),
        ("left", ["visual/left", "auditory/left", "visual/right"], ["visual/left", "auditory/left"]),
        ("left/visual", ["visual/left", "auditory/left"], ["visual/left"]),
        ("left", ["left", "visual/left"], ["left"]),
        ("rightvisual", ["Right Auditory", "Right visual"], ["Right visual"]),
        ("tone", ["Tone", "tone"], ["tone"]),
        ("1", ["11", "S 1"], []),
        ("", ["S 1"], []),
    ],
)
def test_names_match_by_tag_and_without_blanks(condition: str, known: list[str], found: list[str]) -> None:
    assert matching(condition, known) == found


def raw_with(descriptions: list[str], sfreq: float = 200.0, duration: float = 12.0) -> mne.io.RawArray:
    info = mne.create_info([*NAMES, "STI 014"], sfreq, ["eeg"] * 32 + ["stim"])
    n_times = round(duration * sfreq)
    data = 1e-5 * np.random.default_rng(0).standard_normal((33, n_times))
    data[32] = 0
    raw = mne.io.RawArray(data, info, verbose="ERROR")
    raw.set_annotations(mne.Annotations(np.arange(1, len(descriptions) + 1), 0.0, descriptions))
    return raw


def test_brainvision_names_are_found_by_their_last_part() -> None:
    raw = raw_with(["Stimulus/S  1", "Stimulus/S  2", "Stimulus/S  1"])
    segment = select_segment(raw, "S 1")
    assert segment.evoked.nave == 2
    assert segment.origin == "average of 2 trials, condition 'S 1' (Stimulus/S  1)"


def test_stimulus_channels_give_events() -> None:
    raw = raw_with([])
    for onset, value in [(400, 5), (800, 7), (1200, 5)]:
        raw._data[32, onset : onset + 10] = value
    segment = select_segment(raw, 5)
    assert segment.evoked.nave == 2
    np.testing.assert_allclose(
        segment.trials.get_data("eeg")[1],
        raw.get_data("eeg")[:, 1160:1301] - raw.get_data("eeg")[:, 1160:1200].mean(1)[:, None],
    )
    with pytest.raises(InputError, match="which are '5', '7'"):
        select_segment(raw, "6")


def test_bad_stretches_are_no_condition_and_cost_trials() -> None:
    raw = raw_with(["tone", "BAD_x", "tone", "tone"])
    raw.annotations.duration[1] = 0.5
    with pytest.raises(InputError, match="marks what is to be left out"):
        select_segment(raw, "BAD_x")
    with pytest.raises(InputError, match="which are 'tone';"):
        select_segment(raw, "light")
    raw.annotations.onset[1] = 3.2
    segment = select_segment(raw, "tone")
    assert segment.assumptions["Trials"] == "2 kept, left out: 1 (BAD_x)"


def test_epochs_of_another_window() -> None:
    raw = raw_with(["tone"] * 4)
    segment = select_segment(raw, "tone", epoch=(-0.1, 0.8))
    np.testing.assert_allclose(segment.evoked.times[[0, -1]], [-0.1, 0.8])
    after = select_segment(raw, "tone", epoch=(0.1, 0.3))  # no baseline, nothing to subtract
    np.testing.assert_allclose(after.evoked.times[[0, -1]], [0.1, 0.3])
    for wrong in [(0.5, -0.2), (0.1, 0.1), (float("nan"), 1.0)]:
        with pytest.raises(InputError, match="is not a window"):
            select_segment(raw, "tone", epoch=wrong)


def test_a_recording_of_two_samples_a_second() -> None:
    raw = raw_with(["tone"] * 4, sfreq=2.0, duration=20.0)
    assert select_segment(raw, "tone").evoked.nave == 4


def test_trials_outside_the_recording_are_said() -> None:
    raw = raw_with(["tone"] * 3, duration=3.2)
    assert select_segment(raw, "tone").assumptions["Trials"] == "2 kept, left out: 1 (outside the recording)"
    with pytest.raises(InputError, match=r"no trials left \(0 kept, left out: 3"):
        select_segment(raw, "tone", epoch=(-5.0, 5.0))


def test_two_averages_of_one_name_are_chosen_by_number() -> None:
    evokeds = [raw_average(name) for name in ("tone", "tone", "light")]
    with pytest.raises(InputError, match="ambiguous"):
        select_segment(evokeds, "tone")
    assert select_segment(evokeds, "1").evoked.data.shape == evokeds[1].data.shape
    assert select_segment(evokeds, "light").evoked.comment == "light"
    for absent in (-1, "-1", 3, "1.0"):
        with pytest.raises(InputError, match="is not in the recording"):
            select_segment(evokeds, absent)


def raw_average(name: str) -> mne.EvokedArray:
    info = mne.create_info(NAMES, 100.0, "eeg")
    return mne.EvokedArray(np.zeros((32, 10)), info, comment=name, verbose="ERROR")


def test_complex_epochs_are_refused() -> None:
    info = mne.create_info(NAMES, 100.0, "eeg")
    epochs = mne.EpochsArray(np.ones((3, 32, 50)), info, verbose="ERROR").apply_hilbert(verbose="ERROR")
    with pytest.raises(InputError, match="complex"):
        select_segment(epochs)
