from dataclasses import replace

import matplotlib.image
import mne
import numpy as np
import pytest

from headwater.simulation import presets
from headwater.simulation.preview import plot_preview


@pytest.mark.parametrize(
    ("name", "space"), [("PIUNET", "volume"), ("MULTI_SOURCE", "cortex"), ("SUBCORTICAL", "mixed")]
)
def test_preview_is_a_picture(request, name, space, tmp_path):
    leadfield = request.getfixturevalue(space)
    if space == "cortex":  # with electrodes whose places are known, so that there is a topography
        info = mne.create_info(mne.channels.make_standard_montage("easycap-M10").ch_names[:20], 100.0, "eeg")
        info.set_montage("easycap-M10")
        leadfield = replace(leadfield, info=info)
    plot_preview(leadfield, getattr(presets, name), tmp_path / "a.png", seed=1)
    picture = matplotlib.image.imread(tmp_path / "a.png")
    assert picture.shape[0] == 1100
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 100
    width = picture.shape[1]
    plot_preview(leadfield, getattr(presets, name), tmp_path / "b.png", seed=1)
    np.testing.assert_array_equal(picture, matplotlib.image.imread(tmp_path / "b.png"))
    assert width == round(110 * 2.6 * (6 if space == "cortex" else 5))
