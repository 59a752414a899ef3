from pathlib import Path

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.localization.checks import check_channels_known, pick_sensors
from headwater.localization.filtering import Band
from headwater.localization.reading import read_recording
from headwater.localization.segment import check_window, select_segment
from headwater.localization.values import check_data

NAMES = mne.channels.make_standard_montage("easycap-M10").ch_names


@pytest.fixture
def raw() -> mne.io.RawArray:
    """Ten seconds of 10 uV noise with two kinds of annotations."""
    info = mne.create_info([*NAMES[:20], "STI"], 200.0, ["eeg"] * 20 + ["stim"])
    data = 1e-5 * np.random.default_rng(0).standard_normal((21, 2400))
    raw = mne.io.RawArray(data, info, verbose="ERROR")
    raw.set_annotations(mne.Annotations([1, 2, 3, 4, 5], 0.0, ["left", "right", "left", "right", "left"]))
    return raw


@pytest.fixture
def epochs(raw: mne.io.RawArray) -> mne.Epochs:
    events, event_id = mne.events_from_annotations(raw, {"left": 1, "right": 2}, verbose="ERROR")
    before = (None, -1 / raw.info["sfreq"])  # a response may begin at time zero
    return mne.Epochs(raw, events, event_id, -0.2, 0.5, baseline=before, preload=True, verbose="ERROR")


def evoked_of(raw: mne.io.RawArray) -> mne.Evoked:
    return select_segment(raw, None, 1.0, 2.0).evoked


def test_files_of_every_kind_come_back(raw: mne.io.RawArray, epochs: mne.Epochs, tmp_path: Path) -> None:
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    epochs.save(tmp_path / "a-epo.fif", verbose="ERROR")
    averages = [epochs["left"].average(), epochs["right"].average()]
    mne.write_evokeds(tmp_path / "a-ave.fif", averages, verbose="ERROR")
    for name in ("a.edf", "a.set"):
        mne.export.export_raw(tmp_path / name, raw.copy().pick("eeg"), verbose="ERROR")
        assert isinstance(read_recording(tmp_path / name), mne.io.BaseRaw)
    assert isinstance(read_recording(tmp_path / "a_raw.fif"), mne.io.BaseRaw)
    assert isinstance(read_recording(tmp_path / "a-epo.fif"), mne.BaseEpochs)
    assert [evoked.comment for evoked in read_recording(tmp_path / "a-ave.fif")] == ["left", "right"]


def test_condition_chooses_the_trials(raw: mne.io.RawArray, epochs: mne.Epochs) -> None:
    segment = select_segment(epochs, "left")
    evoked, trials, origin = segment.evoked, segment.trials, segment.origin
    assert evoked.nave == len(trials) == 3
    np.testing.assert_allclose(evoked.get_data("eeg"), trials.get_data("eeg").mean(axis=0))
    assert "'left'" in origin
    from_raw = select_segment(raw, "left")
    assert len(from_raw.trials) == 3
    np.testing.assert_allclose(from_raw.evoked.get_data("eeg"), evoked.get_data("eeg"), atol=1e-12)
    averages = [epochs["left"].average(), epochs["right"].average()]
    averages[0].comment, averages[1].comment = "left", "right"
    for condition in ("right", 1, "1"):
        assert select_segment(averages, condition).evoked.comment == "right"


def test_raw_window_keeps_its_times(raw: mne.io.RawArray) -> None:
    evoked = select_segment(raw, None, 1.5, 2.5).evoked
    np.testing.assert_allclose([evoked.times[0], evoked.times[-1]], [1.5, 2.5])
    np.testing.assert_array_equal(evoked.data, raw.get_data()[:, 300:501])


@pytest.mark.parametrize(
    ("condition", "window", "message"),
    [
        (None, (None, None), "at most 10 s"),
        (None, (3.0, 2.0), "is empty"),
        (None, (2.0, 99.0), "is not within the recording"),
        (None, (float("nan"), 1.0), "`tmin=nan` s is not within"),
        (None, (99.0, None), "`tmin=99` s is not within"),
        ("up", (None, None), "'left', 'right'"),
    ],
)
def test_impossible_choices_are_refused(raw: mne.io.RawArray, condition: str, window: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        select_segment(raw, condition, *window)


def test_unknown_conditions_name_the_known_ones(epochs: mne.Epochs) -> None:
    with pytest.raises(InputError, match="'left', 'right'"):
        select_segment(epochs, "up")
    averages = [epochs["left"].average(), epochs["right"].average()]
    for condition in (None, "up", 7):
        with pytest.raises(InputError, match="left.*right"):
            select_segment(averages, condition)


def test_other_objects_are_refused() -> None:
    with pytest.raises(InputError, match="Cannot localise a dict"):
        select_segment({}, None)  # type: ignore[arg-type]


def test_window_is_checked_to_the_millisecond() -> None:
    check_window(0.0, 1.0005, 0.0, 1.0)
    with pytest.raises(InputError):
        check_window(0.0, 1.01, 0.0, 1.0)


@pytest.mark.parametrize(
    ("row", "message"),
    [(np.full(201, np.nan), "NaN"), (np.zeros(201), "flat"), (np.full(201, 3e-6), "flat")],
)
def test_broken_channels_are_named(raw: mne.io.RawArray, row: np.ndarray, message: str) -> None:
    evoked = pick_sensors(evoked_of(raw), "all")
    evoked.data[4] = row
    with pytest.raises(InputError, match=f"{message}.*{evoked.ch_names[4]}"):
        check_data(evoked)
    check_data(pick_sensors(evoked, "all", (evoked.ch_names[4],)))


def test_microvolts_are_noticed(raw: mne.io.RawArray) -> None:
    evoked = pick_sensors(evoked_of(raw), "eeg")
    check_data(evoked)
    evoked.data *= 1e6
    with pytest.raises(InputError, match="scale them to V"):
        check_data(evoked)


def test_only_good_sensors_are_picked(raw: mne.io.RawArray) -> None:
    evoked = evoked_of(raw)
    evoked.info["bads"] = [NAMES[0]]
    assert pick_sensors(evoked.copy(), "all", (NAMES[1],)).ch_names == NAMES[2:20]
    with pytest.raises(InputError, match="no good MEG channels"):
        pick_sensors(evoked.copy(), "meg")
    with pytest.raises(InputError, match="nonsense are not in the recording"):
        pick_sensors(evoked.copy(), "all", ("nonsense",))
    with pytest.raises(InputError, match="at least 8"):
        pick_sensors(evoked.copy(), "all", tuple(NAMES[1:15]))


def test_channels_without_forward_are_named(raw: mne.io.RawArray) -> None:
    evoked = pick_sensors(evoked_of(raw), "all")
    check_channels_known(evoked.ch_names, NAMES)
    with pytest.raises(InputError, match=f"lacks 1 of the 20 good channels \\({NAMES[3]}\\)"):
        check_channels_known(evoked.ch_names, [name for name in NAMES if name != NAMES[3]])


def test_band_is_applied_to_trials_and_average_alike(raw: mne.io.RawArray, epochs: mne.Epochs) -> None:
    band = Band(5.0, 40.0)
    segment = select_segment(epochs, "left", band=band)
    evoked, trials = segment.evoked, segment.trials
    np.testing.assert_allclose(evoked.get_data("eeg"), trials.get_data("eeg").mean(axis=0), atol=1e-15)
    for inst in (raw, epochs, epochs.average()):
        filtered = band.apply(inst)
        assert filtered is not inst
        assert (filtered.info["highpass"], filtered.info["lowpass"]) == (5.0, 40.0)
    assert Band().apply(raw) is raw
    window = select_segment(raw, None, 1.0, 2.0, band).evoked
    np.testing.assert_allclose(window.data, band.apply(raw).get_data()[:, 200:401])


def test_impossible_bands_are_refused(raw: mne.io.RawArray) -> None:
    for edges in ((40.0, 5.0), (None, 100.0), (-1.0, None), (float("nan"), None)):
        with pytest.raises(InputError, match="`highpass` below `lowpass`, both between 0 and 100 Hz"):
            Band(*edges).apply(raw)


def test_window_may_exceed_the_recording_by_less_than_a_millisecond(raw: mne.io.RawArray) -> None:
    evoked = select_segment(raw.copy().crop(0, 2), None, -0.0005, 2.0005).evoked
    np.testing.assert_allclose([evoked.times[0], evoked.times[-1]], [0, 2], atol=1e-9)


def test_a_marker_written_twice_counts_once(raw: mne.io.RawArray) -> None:
    raw.set_annotations(raw.annotations + raw.annotations)
    assert select_segment(raw, "left").evoked.nave == 3


def test_averages_of_long_names_are_chosen_by_number(epochs: mne.Epochs) -> None:
    averages = [epochs.average(), epochs.average()]
    for number, evoked in enumerate(averages):
        evoked.comment = f"{number} trials of " + "one kind and " * 20
    with pytest.raises(InputError, match=r"0: '0 trials.*\.\.\.', 1: '1 trials") as refusal:
        select_segment(averages)
    assert len(str(refusal.value)) < 300


def test_edf_cut_short_is_refused(raw: mne.io.RawArray, tmp_path: Path) -> None:
    path = tmp_path / "cut.edf"
    mne.export.export_raw(path, raw.copy().pick("eeg"), verbose="ERROR")
    path.write_bytes(path.read_bytes()[:-10000])
    with pytest.raises(InputError, match=r"is truncated: it holds \d+ of 2400 samples"):
        read_recording(path)


def test_averages_of_nothing_and_channels_that_are_all_bad_are_refused(raw: mne.io.RawArray) -> None:
    evoked = pick_sensors(evoked_of(raw), "all")
    evoked.nave = 0
    with pytest.raises(InputError, match="average of 0 trials"):
        check_data(evoked)
    evoked.info["bads"] = list(evoked.ch_names)
    with pytest.raises(InputError, match="All 20 channels"):
        pick_sensors(evoked, "all")
