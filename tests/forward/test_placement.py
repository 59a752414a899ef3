"""Sensors and sources that cannot be where they are said to be."""

from dataclasses import replace

import mne
import numpy as np
import pytest
from mne.transforms import Transform

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield


def refused(head, info, words):
    with pytest.raises(InputError, match=words):
        make_leadfield(head, info, spacing=30.0, method="sphere")


def test_electrodes_off_the_scalp_are_refused(ball_head, eeg_meg_info):
    for place, words in (
        ([0.0, 0.0, 0.06], "inside"),
        ([0.0, 0.0, 10.0], "9.87 m outside"),
        ([0.0, 0.0, 132.0], "132 m outside"),
    ):
        info = eeg_meg_info.copy()
        pick = info["ch_names"].index("Cz")
        info["chs"][pick]["loc"][:3] = place
        refused(ball_head, info, f"1 of 32 electrodes are more than 40 mm off the scalp of 'ball' .Cz: .*{words}")


@pytest.mark.parametrize(
    ("inwards", "words"), [(0.010, ""), (0.025, "The electrodes Cz lie inside the skull of 'ball'")]
)
def test_electrodes_inside_the_skull_are_refused(ball_head, eeg_meg_info, inwards, words):
    """Not those a little inside: measured positions do not fit another head to the millimetre."""
    info = eeg_meg_info.copy()
    info["chs"][info["ch_names"].index("Cz")]["loc"][:3] = [0.0, 0.0, 0.132 - inwards]
    if words:
        refused(ball_head, info, words)
    else:
        assert make_leadfield(ball_head, info, spacing=30.0, method="sphere").n_channels == len(info["ch_names"])


def test_a_device_far_from_the_head_is_refused(ball_head, eeg_meg_info):
    info = eeg_meg_info.copy()
    info["dev_head_t"] = Transform("meg", "head", mne.transforms.translation(0.0, 0.0, 10.0))
    refused(ball_head, info, "Half of the MEG sensors are more than .* m away from the head")


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.full((4, 4), np.nan), "not finite"),
        (2 * np.eye(4), "not a rotation"),
        (np.diag([-1, 1, 1, 1.0]), "not a rot"),
    ],
)
def test_unusable_transforms_are_refused(ball_head, eeg_meg_info, forwards, matrix, words):
    info = eeg_meg_info.copy()
    info["dev_head_t"] = Transform("meg", "head", matrix)
    refused(ball_head, info, f"device-to-head transform .*{words}")
    fwd = forwards["surface"].copy()
    fwd["mri_head_t"] = Transform("mri", "head", matrix)
    with pytest.raises(InputError, match=f"MRI-to-head transform .*{words}"):
        LeadField.from_forward(fwd)


def test_two_electrodes_at_one_place_are_refused_unless_one_is_bad(ball_head, eeg_meg_info):
    info = eeg_meg_info.copy()
    first, second = (info["ch_names"].index(name) for name in ("Cz", "Pz"))
    info["chs"][second]["loc"][:3] = info["chs"][first]["loc"][:3]
    refused(ball_head, info, "electrodes Pz and Cz are at the same place|electrodes Cz and Pz are at the same place")
    info["bads"] = ["Pz"]
    assert make_leadfield(ball_head, info, spacing=30.0, method="sphere").n_channels == 52


def test_meg_sensors_of_unknown_position_are_refused(ball_head, eeg_meg_info):
    info = eeg_meg_info.copy()
    info["chs"][info["ch_names"].index("MEG 003")]["loc"][4] = np.nan
    refused(ball_head, info, "MEG channels MEG 003 have no finite position")


def test_sources_far_from_the_sensors_are_refused(forwards):
    leadfield = LeadField.from_forward(forwards["volume"])
    with pytest.raises(InputError, match="Half of the sources are more than .* m away .* in metres"):
        LeadField.from_arrays(leadfield.gain, 1e3 * leadfield.pos, info=leadfield.info)
    again = LeadField.from_arrays(leadfield.gain, leadfield.pos, info=leadfield.info)
    assert replace(again).n_sources == leadfield.n_sources
