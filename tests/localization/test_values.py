"""Data in other units, and channels that are broken or the same, are refused in words."""

import re

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.localization.values import bridged, check_data

NAMES = mne.channels.make_standard_montage("biosemi32").ch_names


@pytest.fixture
def evoked() -> mne.EvokedArray:
    """Average of 100 trials, 1 uV."""
    data = 1e-6 * np.random.default_rng(0).standard_normal((32, 100))
    return mne.EvokedArray(data, mne.create_info(NAMES, 200.0, "eeg"), nave=100, verbose="ERROR")


def test_good_data_pass(evoked: mne.EvokedArray) -> None:
    check_data(evoked)
    evoked.data[0] *= 10  # as a blink in a frontal channel
    check_data(evoked)
    assert bridged(evoked) == "none"


@pytest.mark.parametrize(
    ("factor", "said"), [(1e6, "far beyond"), (1e3, "far beyond"), (1e-6, "far below"), (1e-9, "far below")]
)
def test_other_units_are_noticed(evoked: mne.EvokedArray, factor: float, said: str) -> None:
    evoked.data *= factor
    with pytest.raises(InputError, match=f"EEG values are .* {said}"):
        check_data(evoked)
    evoked.crop(0.1, 0.1)
    with pytest.raises(InputError, match=f"EEG values are .* {said}"):
        check_data(evoked)


def test_a_loud_channel_is_named(evoked: mne.EvokedArray) -> None:
    evoked.data[7] *= 300
    with pytest.raises(
        InputError, match=re.escape(f"in {NAMES[7]}; mark what is wrong as bad, for example `bads=('{NAMES[7]}',)`")
    ):
        check_data(evoked)


def test_equal_and_bridged_channels(evoked: mne.EvokedArray) -> None:
    evoked.data[4] = evoked.data[3] + 0.01 * evoked.data[9]
    assert bridged(evoked) == f"{NAMES[3]} and {NAMES[4]}"
    check_data(evoked)
    evoked.data[4] = evoked.data[3] * (1 + 1e-7) + 1e-6
    with pytest.raises(InputError, match=f"{NAMES[3]} and {NAMES[4]}\\); keep one of each.*'{NAMES[4]}'"):
        check_data(evoked)


def test_complex_data_are_refused(evoked: mne.EvokedArray) -> None:
    evoked.data = evoked.data + 1j
    with pytest.raises(InputError, match="complex"):
        check_data(evoked)
