"""MEG arrays of known systems around any head, alone and with EEG."""

import mne
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from headwater._utils.errors import InputError
from headwater.forward.make import make_leadfield
from headwater.head.meg_arrays import MEG_ARRAYS, SYNTHETIC, meg_array_info, sensors_info
from headwater.head.model import Head

CHANNELS = {
    "neuromag306": (102, 204),
    "ctf275": (275, 0),
    "kit160": (160, 0),
    "magnes148": (148, 0),
    "opm128": (128, 0),
}


@pytest.mark.parametrize("array", MEG_ARRAYS)
def test_numbers_and_coils_are_those_of_the_system(template: Head, array: str) -> None:
    info = meg_array_info(template, array)
    kinds = info.get_channel_types()
    assert (kinds.count("mag"), kinds.count("grad")) == CHANNELS[array]
    assert len(set(info.ch_names)) == len(kinds)
    assert info["description"].startswith(SYNTHETIC)
    axes = np.array([channel["loc"][3:] for channel in info["chs"]]).reshape(-1, 3, 3)
    np.testing.assert_allclose(np.linalg.det(axes), 1)
    assert template.scalp is not None
    places = np.array([channel["loc"][:3] for channel in info["chs"]])
    nearest = cdist(places, template.to_head(template.scalp.rr)).min(axis=1)
    gap = MEG_ARRAYS[array].gap
    assert nearest.min() > 0.5 * gap
    assert np.median(nearest) == pytest.approx(gap, abs=0.006)


def test_planar_gradiometers_measure_the_slopes_of_the_field(template: Head) -> None:
    """Two orthogonal gradiometers and the magnetometer of a site, by MNE-Python's coil definitions."""
    info = meg_array_info(template, "neuromag306")
    leadfield = make_leadfield(template, info, spacing=30.0, method="sphere")
    site = info["chs"][0]["loc"]
    x, y = site[3:6], site[6:9]
    moved = meg_array_info(template, "neuromag306")
    for k, step in ((0, 1e-3 * x), (3, -1e-3 * x), (6, 1e-3 * y), (9, -1e-3 * y)):
        moved["chs"][k]["loc"] = site.copy()
        moved["chs"][k]["loc"][:3] += step
    field = make_leadfield(template, moved, spacing=30.0, method="sphere").gain
    slopes = (field[0] - field[3]) / 2e-3, (field[6] - field[9]) / 2e-3
    for row, slope in zip(leadfield.gain[1:3], slopes, strict=True):
        alike = (row * slope).sum() / np.linalg.norm(row) / np.linalg.norm(slope)
        assert alike > 0.99
        assert np.linalg.norm(row) == pytest.approx(np.linalg.norm(slope), rel=0.1)


def test_sensors_on_the_scalp_see_more(template: Head) -> None:
    near, far = (
        make_leadfield(template, meg_array_info(template, array), spacing=30.0, method="sphere").gain
        for array in ("opm128", "magnes148")
    )
    assert np.sqrt((near**2).mean()) > 1.3 * np.sqrt((far**2).mean())


def test_meg_and_eeg_together(template: Head) -> None:
    info = sensors_info(template, "neuromag306+biosemi64")
    kinds = info.get_channel_types()
    assert (kinds.count("mag"), kinds.count("grad"), kinds.count("eeg")) == (102, 204, 64)
    assert sensors_info(template, "biosemi64").get_channel_types() == ["eeg"] * 64
    leadfield = make_leadfield(template, info, spacing=30.0, method="sphere")
    assert leadfield.ch_names == info.ch_names
    alone = make_leadfield(template, sensors_info(template, "biosemi64"), spacing=30.0, method="sphere")
    np.testing.assert_allclose(leadfield.gain[mne.pick_types(info, eeg=True)], alone.gain, rtol=1e-6)


def test_unknown_arrays_are_refused(template: Head) -> None:
    with pytest.raises(InputError, match="There is no MEG array 'helmet'; choose neuromag306, ctf275"):
        meg_array_info(template, "helmet")
