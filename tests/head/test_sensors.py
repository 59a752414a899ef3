from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
import pytest
from scipy.spatial.distance import pdist

from headwater._utils.errors import InputError
from headwater.head.fit import digitised_points
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.sensors import info_with_standard_positions, montage_info, move_electrodes, positions_missing
from headwater.head.template import standard_electrodes

MONTAGES = [
    ("easycap-M10", 61),
    ("easycap-M1", 74),
    ("easycap-M43", 64),
    ("standard_1005", 339),
    ("standard_1020", 90),
    ("biosemi64", 64),
    ("biosemi128", 128),
    ("biosemi256", 256),
    ("GSN-HydroCel-129", 129),
]


def positions(info: mne.Info) -> np.ndarray:
    return np.array([ch["loc"][:3] for ch in info["chs"] if ch["kind"] == mne.io.constants.FIFF.FIFFV_EEG_CH])


@pytest.mark.parametrize(("montage", "n_channels"), MONTAGES)
def test_caps_sit_on_the_scalp(template: Head, montage: str, n_channels: int) -> None:
    info = montage_info(template, montage)
    assert template.scalp is not None
    assert len(info.ch_names) == n_channels
    pos = positions(info)
    _, distance, _ = NearestPoint(template.scalp.rr, template.scalp.tris)(template.to_mri(pos))
    assert np.abs(distance).max() < 1e-5
    assert pdist(pos).min() > 0.004
    assert {point["kind"] for point in info["dig"]} == {1, 3}  # fiducials and electrodes
    assert pos[:, 2].max() > 0.13


def test_no_electrode_of_the_default_cap_is_on_the_face(template: Head) -> None:
    pos = positions(montage_info(template))
    assert pos[:, 2].min() > -0.005  # the plane of the fiducials is z = 0
    left, right = np.sort(pos[pos[:, 0] < -0.01, 2]), np.sort(pos[pos[:, 0] > 0.01, 2])
    np.testing.assert_allclose(left, right, atol=0.01)


def test_labels_of_all_caps_mean_the_same_place(template: Head) -> None:
    standard = standard_electrodes()
    for montage in ("easycap-M1", "biosemi64", "standard_1020"):
        info = montage_info(template, montage)
        for name, pos in zip(info.ch_names, template.to_mri(positions(info)), strict=True):
            if name in standard and not name.startswith(("A1", "A2", "M1", "M2")):
                assert np.linalg.norm(pos - standard[name]) < 0.001, name


def test_sphere_and_colin_place_a_cap_alike(template: Head) -> None:
    """The easycap-M10 has electrode 1 at the vertex, like Cz, and the biosemi128 has A1 there."""
    vertex = standard_electrodes()["Cz"]
    for montage, name in (("easycap-M10", "1"), ("biosemi128", "A1")):
        info = montage_info(template, montage, ch_names=[name])
        assert np.linalg.norm(template.to_mri(positions(info)[0]) - vertex) < 0.005


def test_aliases_are_dropped_and_understood(template: Head) -> None:
    names = montage_info(template, "standard_1005").ch_names
    assert "T7" in names
    assert "T3" not in names
    info = montage_info(template, "standard_1005", ch_names=["T3", "cz", "T7"])
    assert info.ch_names == ["T3", "cz", "T7"]
    pos = positions(info)
    np.testing.assert_allclose(pos[0], pos[2], atol=1e-6)


def test_unknown_names_are_refused(template: Head) -> None:
    with pytest.raises(InputError, match="no montage 'easycup'"):
        montage_info(template, "easycup")
    with pytest.raises(InputError, match="no electrodes Q9"):
        montage_info(template, "easycap-M1", ch_names=["Cz", "Q9"])
    with pytest.raises(InputError, match="no scalp"):
        montage_info(replace(template, scalp=None))


def test_jitter_lies_along_the_scalp_and_belongs_to_the_name(template: Head) -> None:
    shaky = template.varied(5, geometry=0, conductivity=0)
    still, moved = montage_info(template, "standard_1005"), montage_info(shaky, "standard_1005")
    shift = positions(moved) - positions(still)
    assert np.sqrt((shift**2).sum(axis=1).mean() / 2) == pytest.approx(0.003, rel=0.1)
    some = montage_info(shaky, "standard_1005", ch_names=["Oz", "Cz"])
    np.testing.assert_allclose(positions(some)[1], moved["chs"][moved.ch_names.index("Cz")]["loc"][:3])


def test_electrodes_move_with_the_head(template: Head) -> None:
    head = template.varied(4, electrodes=0)
    info = montage_info(template)
    moved = move_electrodes(info, template, head)
    assert head.warp is not None
    assert head.scalp is not None
    expected = head.warp.forward(template.to_mri(positions(info)))
    # Points on flat triangles leave the warped triangles by less than the warp's curvature.
    assert np.linalg.norm(head.to_mri(positions(moved)) - expected, axis=1).max() < 0.001
    np.testing.assert_allclose(positions(moved), positions(montage_info(head)), atol=1e-9)
    back = move_electrodes(moved, head, template)
    assert np.linalg.norm(positions(back) - positions(info), axis=1).max() < 0.001


def test_caps_agree_between_unrelated_heads(template: Head) -> None:
    """Without common reference the scalps are fitted: no farther off than a second cap by another hand."""
    for seed in (1, 4):
        head = template.varied(seed, electrodes=0)
        stranger = replace(head, reference="somebody else")
        apart = np.linalg.norm(positions(montage_info(stranger)) - positions(montage_info(head)), axis=1)
        assert np.median(apart) < 0.009


def test_positions_by_name(template: Head) -> None:
    info = mne.create_info(["EEG Fp1-REF", "t3", "CZ", "Oz", "stim"], 100.0, ["eeg"] * 4 + ["stim"])
    assert positions_missing(info) == ["EEG Fp1-REF", "t3", "CZ", "Oz"]
    placed = info_with_standard_positions(info, template)
    assert positions_missing(placed) == []
    assert positions_missing(info) != []
    standard = standard_electrodes()
    expected = template.to_head(np.array([standard[name] for name in ("Fp1", "T7", "Cz", "Oz")]))
    np.testing.assert_allclose(positions(placed), expected, atol=1e-5)
    assert info_with_standard_positions(placed, template) is placed


def test_present_positions_are_kept(template: Head) -> None:
    info = montage_info(template, "easycap-M1", ch_names=["Cz", "Oz", "Fz"])
    before = positions(info)
    info["chs"][1]["loc"][:3] = np.nan
    placed = info_with_standard_positions(info, template)
    np.testing.assert_allclose(positions(placed)[[0, 2]], before[[0, 2]])
    np.testing.assert_allclose(positions(placed)[1], before[1], atol=1e-4)


def test_the_recordings_own_points_are_kept(shared_data: Path, template: Head) -> None:
    info = mne.io.read_info(shared_data / "layouts" / "level2_raw-ave.fif", verbose="error")
    before = digitised_points(info)
    eeg = mne.pick_types(info, meg=False, eeg=True)[0]
    info.rename_channels({info.ch_names[eeg]: "Cz"}, verbose="error")
    info["chs"][eeg]["loc"][:3] = 0
    placed = info_with_standard_positions(info, template)
    for name, pos in digitised_points(placed)[1].items():
        np.testing.assert_allclose(pos, before[1][name])
    kinds = [[point["kind"] for point in found["dig"]].count(4) for found in (info, placed)]
    assert kinds[0] == kinds[1] > 100


def test_foreign_names_are_refused(template: Head) -> None:
    info = mne.create_info(["Cz", "E17", "EKG"], 100.0, "eeg")
    with pytest.raises(InputError, match="E17, EKG have no positions.*set a montage"):
        info_with_standard_positions(info, template)
