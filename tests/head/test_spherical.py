"""Positions that lie on a sphere are told from measured ones."""

from importlib import import_module

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF

from headwater.head.sensors import montage_info
from headwater.head.spherical import has_default_sphere, with_named_positions
from headwater.head.template import standard_electrodes, template_head


def info_with(montage: str) -> mne.Info:
    placed = mne.channels.make_standard_montage(montage)
    return mne.create_info(placed.ch_names, 100.0, "eeg").set_montage(placed, match_alias=False, verbose="error")


@pytest.mark.parametrize("montage", ["easycap-M1", "biosemi64", "biosemi32"])
def test_default_positions_on_a_sphere_are_recognised(montage):
    info = info_with(montage)
    assert has_default_sphere(info)
    for channel in info["chs"]:  # rounded, and of another size: EEGLAB's have a radius of 85 mm, or of 1
        channel["loc"][:3] = np.round(0.085 / 0.095 * channel["loc"][:3], 4) + [0.0, 0.01, 0.03]
    assert has_default_sphere(info)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_measured_positions_are_not_mistaken(seed):
    """On real heads, with the errors of digitising or without."""
    head = template_head() if seed is None else template_head().varied(seed)
    assert not has_default_sphere(montage_info(head, "easycap-M1"))
    assert not has_default_sphere(montage_info(head, "biosemi32"))


def test_positions_of_a_recording_are_not_mistaken(shared_data):
    info = mne.io.read_info(shared_data / "mne-sample" / "sample_right-auditory_right-visual-ave.fif", verbose="error")
    assert not has_default_sphere(mne.pick_info(info, mne.pick_types(info, eeg=True)))


@pytest.mark.parametrize("case", ["few", "names", "directions", "shape", "meg"])
def test_other_spheres_are_left_alone(case):
    info = info_with("easycap-M1")
    if case == "few":
        info = mne.pick_info(info, range(8))
    elif case == "names":  # those of BioSemi, whose A1 is not an ear lobe
        info = info_with("biosemi128")
    elif case == "directions":
        places = [channel["loc"][:3].copy() for channel in info["chs"]]
        for channel, place in zip(info["chs"], places[::-1], strict=True):
            channel["loc"][:3] = place
    elif case == "shape":
        with info._unlock():
            info["dig"] = [*info["dig"], {**info["dig"][-1], "kind": FIFF.FIFFV_POINT_EXTRA}]
    else:
        info = mne._fiff.meas_info._merge_info([info, mne.create_info(["MEG 1"], 100.0, "mag")])
    assert not has_default_sphere(info)


def test_such_electrodes_are_placed_by_name_and_that_is_said():
    place = import_module("headwater.localization.placing").place
    info = info_with("easycap-M1")
    info["chs"][info["ch_names"].index("Oz")]["loc"][:3] = np.nan  # as that of a channel which was added later
    evoked = mne.EvokedArray(np.zeros((len(info["ch_names"]), 2)), info, verbose="error")
    head, placed, words = place(evoked, None)
    assert head is template_head()
    assert "placed by name (10-05 system), because the given positions lie on a sphere" in words
    standard = {name.lower(): pos for name, pos in standard_electrodes().items()}
    for channel in placed.info["chs"]:
        pos = head.to_mri(channel["loc"][:3])
        if channel["ch_name"].lower() in standard:
            np.testing.assert_allclose(pos, standard[channel["ch_name"].lower()], atol=1e-5)
        else:  # O9 follows its neighbour PO9
            assert channel["ch_name"] in ("O9", "O10")
            assert 0.005 < np.linalg.norm(pos - standard[f"p{channel['ch_name'].lower()}"]) < 0.035
    assert has_default_sphere(info)  # untouched


def test_measured_electrodes_stay_where_they_are():
    place = import_module("headwater.localization.placing").place
    info = montage_info(template_head().varied(2), "easycap-M10")
    evoked = mne.EvokedArray(np.zeros((len(info["ch_names"]), 2)), info, verbose="error")
    head, placed, words = place(evoked, None)
    assert "scaled to the digitised positions" in words
    assert placed is evoked


def test_electrodes_given_one_place_are_placed_by_name_too():
    info = info_with("biosemi64")
    for channel in info["chs"][:5]:
        channel["loc"][:3] = info["chs"][0]["loc"][:3]
    placed = with_named_positions(info, template_head())
    pos = np.array([channel["loc"][:3] for channel in placed["chs"]])
    assert len(np.unique(pos.round(4), axis=0)) == len(pos)
