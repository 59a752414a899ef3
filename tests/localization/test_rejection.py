"""Trials with artefacts are left out, and only those."""

import sys

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.localization.rejection import find_thresholds, without_artefacts

NAMES = mne.channels.make_standard_montage("biosemi32").ch_names


def epochs_of(n: int, seed: int = 0) -> mne.EpochsArray:
    data = 1e-5 * np.random.default_rng(seed).standard_normal((n, 32, 100))
    return mne.EpochsArray(data, mne.create_info(NAMES, 200.0, "eeg"), tmin=-0.1, verbose="ERROR")


def test_blinks_are_left_out_and_nothing_else() -> None:
    epochs = epochs_of(60)
    blinks = [3, 17, 40]
    epochs._data[blinks, :4] += 150e-6 * np.hanning(100)
    kept, words = without_artefacts(epochs, "auto")
    assert sorted(set(range(60)) - set(kept.selection)) == blinks
    assert words.endswith("from the data: 57 of 60 trials kept")
    assert len(epochs) == 60


def test_clean_noise_is_kept() -> None:
    kept = [len(without_artefacts(epochs_of(100, seed), "auto")[0]) for seed in range(10)]
    assert np.mean(kept) > 98


def test_a_bad_channel_does_not_hide_the_artefacts() -> None:
    epochs = epochs_of(60)
    epochs._data[:, 5] *= 1000
    epochs.info["bads"] = [NAMES[5]]
    assert find_thresholds(epochs)["eeg"] < 1e-4


def test_thresholds_as_given() -> None:
    epochs = epochs_of(20)
    epochs._data[4, 2, 50] = 1e-3
    kept, words = without_artefacts(epochs, {"eeg": 5e-4})
    assert len(kept) == 19
    assert "500 uV (eeg), as given: 19 of 20" in words
    for wrong in ({"eeg": -1.0}, {"ecog": 1.0}, 3.0):
        with pytest.raises(InputError, match="cannot be used"):
            without_artefacts(epochs, wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="do not fit the recording"):
        without_artefacts(epochs, {"mag": 1e-12})
    for found in ("auto", "autoreject"):
        with pytest.raises(InputError, match="There are 5 trials"):
            without_artefacts(epochs[:5], found)


def test_autoreject_leaves_out_blinks() -> None:
    pytest.importorskip("autoreject")
    epochs = epochs_of(30)
    blinks = [3, 17, 25]
    epochs._data[blinks, :4] += 150e-6 * np.hanning(100)
    kept, words = without_artefacts(epochs, "autoreject")
    assert not set(blinks) & set(kept.selection)
    assert len(kept) > 20
    assert "from the data by autoreject" in words


def test_without_autoreject_its_installation_is_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "autoreject", None)
    with pytest.raises(InputError, match=r"pip install headwater\[autoreject\]"):
        without_artefacts(epochs_of(20), "autoreject")
