"""Channels that are called EEG and record something else."""

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.localization.channels import recognised
from headwater.localization.checks import pick_sensors

SCALP = ["Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2", "F7", "F8", "T7", "T8", "Fz", "Cz", "Pz", "Oz"]
MONTAGES = ["biosemi128", "biosemi64", "easycap-M1", "easycap-M10", "GSN-HydroCel-128", "colin27_1020", "mgh70"]


def info_of(names: list[str]) -> mne.Info:
    return mne.create_info(names, 200.0, "eeg")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[
            (name, "eye")
            for name in ("EOG", "VEOG", "HEOG", "EOG1", "HEOG_left", "VEO", "EOG V", "LO1", "EEG VEOG-REF")
        ],
        *[(name, "eye") for name in ("heog-R", "IO2", "LOC", "EOGh")],
        *[(name, "heart") for name in ("ECG", "EKG1", "ecg", "EEG ECG")],
        *[(name, "muscle") for name in ("EMG", "EMG2", "Chin 1", "emg_left")],
        *[(name, "other") for name in ("GSR", "Resp", "SpO2", "Photic")],
        *[(name, "mastoid") for name in ("M1", "A2", "EEG A1", "EEG M2-Ref")],
    ],
)
def test_names_say_what_is_recorded(name: str, kind: str) -> None:
    assert recognised(info_of([*SCALP, name])) == {kind: [name]}


@pytest.mark.parametrize("montage", MONTAGES)
def test_electrodes_of_montages_are_electrodes(montage: str) -> None:
    names = mne.channels.make_standard_montage(montage).ch_names
    assert set(recognised(info_of(names))) <= {"mastoid"}
    if montage.startswith("biosemi128"):  # A1 is the vertex there
        assert recognised(info_of(names)) == {}


def test_bipolar_pairs_are_no_electrodes_but_a_common_reference_is_fine() -> None:
    chain = ["Fp1-F7", "F7-T3", "T3-T5", "T5-O1", "Fp2-F8", "F8-T4", "T4-T6", "T6-O2"]
    assert recognised(info_of(chain)) == {"bipolar": chain}
    assert recognised(info_of([f"{name}-Cz" for name in SCALP if name != "Cz"])) == {}
    assert recognised(info_of([f"EEG {name}-A1" for name in SCALP])) == {}
    with pytest.raises(InputError, match=r"bipolar: Fp1-F7, .*: give EEG with a common reference"):
        pick_sensors(evoked_of(chain), "all")


def evoked_of(names: list[str]) -> mne.EvokedArray:
    data = 1e-6 * np.random.default_rng(0).standard_normal((len(names), 50))
    return mne.EvokedArray(data, info_of(names), verbose="ERROR")


def test_they_are_left_out() -> None:
    evoked = evoked_of([*SCALP, "VEOG", "M1", "ECG"])
    assert pick_sensors(evoked, "eeg").ch_names == SCALP
    assert len(evoked.ch_names) == len(SCALP) + 3
