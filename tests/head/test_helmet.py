"""A helmet: coils outside of the scalp, above the ears, looking outwards."""

import mne
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from headwater.head.helmet import GAP, helmet_info


@pytest.fixture(scope="module")
def coils(template) -> np.ndarray:
    return np.array([channel["loc"] for channel in helmet_info(template)["chs"]])


def test_magnetometers_as_mne_knows_them(template):
    info = helmet_info(template, 40, sfreq=250.0)
    assert info.get_channel_types() == ["mag"] * 40
    assert len(set(info.ch_names)) == 40
    assert info["sfreq"] == 250.0
    assert np.array_equal(info["dev_head_t"]["trans"], np.eye(4))
    assert mne.pick_types(info, meg=True).tolist() == list(range(40))


def test_coils_are_outside_of_the_scalp_and_above_the_ears(template, coils):
    scalp = template.to_head(template.scalp.rr)
    nearest = cdist(coils[:, :3], scalp).min(axis=1)
    assert (nearest > 0.6 * GAP).all()  # the gap is along a ray from the centre, which may leave the scalp askew
    assert (nearest < 2 * GAP).all()
    assert coils[:, 2].min() > -0.03  # over a mean head the edge is level; over a real one it is lower in front
    lowest = scalp[scalp[:, 2] > 0]
    assert coils[:, 2].max() > lowest[:, 2].max()


def test_axes_are_right_handed_and_look_outwards(coils):
    axes = coils[:, 3:].reshape(-1, 3, 3)  # ex, ey, ez as rows
    assert np.allclose(axes @ axes.swapaxes(1, 2), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(axes), 1)
    middle = coils[:, :3].mean(axis=0) * [1, 1, 0]
    outwards = coils[:, :3] - middle
    assert (np.einsum("cx,cx->c", axes[:, 2], outwards) > 0).all()


def test_coils_are_spread_evenly(coils):
    distance = cdist(coils[:, :3], coils[:, :3]) + np.diag(np.full(len(coils), np.inf))
    nearest = distance.min(axis=1)
    assert nearest.min() > 0.5 * np.median(nearest)
    assert nearest.max() < 2 * np.median(nearest)
