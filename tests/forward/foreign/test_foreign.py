"""One lead field of the template, written as other programs write theirs, comes back; wrong units and frames do not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import mne
import numpy as np
import pytest
import scipy.io
from mne.transforms import apply_trans

import headwater as hw
from headwater._utils.errors import InputError
from headwater.forward.foreign.arrays import npz
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.head.meg_arrays import sensors_info
from headwater.head.sensors import montage_info
from headwater.head.template import template_head

# From head coordinates to axes with x to the front and y to the left, as Brainstorm and CTF have them.
FRONT_LEFT_UP = np.array([[0.0, 1, 0, 0.004], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


@pytest.fixture(scope="module")
def own() -> LeadField:
    head = template_head()
    return make_leadfield(head, montage_info(head, "biosemi64"), spacing=18.0, ico=3)


def fieldtrip(own: LeadField, path: Path, **other: Any) -> None:
    """As ft_prepare_leadfield saves it: a point outside the head, with an empty cell, comes first."""
    cells = np.empty(own.n_sources + 1, object)
    cells[0] = np.zeros((0, 0))
    for k in range(own.n_sources):
        cells[k + 1] = own.gain[:, k]
    inside = np.arange(own.n_sources + 1) > 0
    source = {
        "pos": 1e3 * np.vstack([[0.3, 0.3, 0.3], own.pos]),
        "inside": inside[:, np.newaxis],
        "leadfield": cells,
        "label": np.array(own.ch_names, object),
        "unit": "mm",
        **other,
    }
    scipy.io.savemat(path, {"sourcemodel": source})


def eeglab(own: LeadField, path: Path) -> None:
    fieldtrip(own, path)
    content = scipy.io.loadmat(path)
    scipy.io.savemat(path, {"EEG": {"dipfit": {"sourcemodel": content["sourcemodel"]}, "nbchan": own.n_channels}})


def brainstorm(own: LeadField, path: Path) -> None:
    """In Brainstorm's axes, with a channel that has no gain, and the channel file beside."""
    rotation = FRONT_LEFT_UP[:3, :3]
    gain = (own.gain @ rotation.T).reshape(own.n_channels, -1)
    gain = np.vstack([gain, np.full_like(gain[:1], np.nan)])
    scipy.io.savemat(path, {"Gain": gain, "GridLoc": apply_trans(FRONT_LEFT_UP, own.pos), "HeadModelType": "volume"})
    head = template_head()
    points = {name: head.to_head(pos) for name, pos in head.fiducials.items()}
    scs = {
        name: apply_trans(FRONT_LEFT_UP, points[key])
        for key, name in (("nasion", "NAS"), ("lpa", "LPA"), ("rpa", "RPA"))
    }
    channels = np.zeros(own.n_channels + 1, [("Name", object), ("Type", object), ("Loc", object)])
    for k, channel in enumerate(own.info["chs"]):
        channels[k] = (channel["ch_name"], "EEG", apply_trans(FRONT_LEFT_UP, channel["loc"][:3])[:, np.newaxis])
    channels[-1] = ("EOG", "EOG", np.zeros((3, 0)))
    scipy.io.savemat(path.parent / "channel.mat", {"Channel": channels, "SCS": scs})


def simnibs(own: LeadField, path: Path) -> None:
    """Fields of electrode pairs: the last channel is the reference."""
    field = -(own.gain[:-1] - own.gain[-1])
    with h5py.File(path, "w") as file:
        data = file.create_dataset("mesh_leadfield/leadfields/tdcs_leadfield", data=field)
        data.attrs["electrode_names"] = [name.encode() for name in own.ch_names]
        data.attrs["reference_electrode"] = own.ch_names[-1]
        data.attrs["field"] = "E"
        file.create_dataset("mesh_leadfield/nodes/node_coord", data=1e3 * own.pos)


def duneuro(own: LeadField, path: Path) -> None:
    """One dipole a row, in another order, along axes that are not x, y, z."""
    axes = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    rows = np.einsum("cso,mo->smc", own.gain, axes).reshape(-1, own.n_channels)
    order = np.random.default_rng(1).permutation(len(rows))
    np.savez(
        path,
        leadfield=rows[order],
        dipole_pos_mm=1e3 * np.repeat(own.pos, 3, axis=0)[order],
        dipole_moment=np.tile(axes, (own.n_sources, 1))[order],
        labels=own.ch_names,
    )


def plain(own: LeadField, path: Path) -> None:
    np.savez(path, gain=own.matrix, pos=own.pos, ch_names=own.ch_names)


@pytest.mark.parametrize(
    ("write", "suffix", "program"),
    [
        (fieldtrip, ".mat", "FieldTrip"),
        (eeglab, ".set", "FieldTrip"),
        (brainstorm, ".mat", "Brainstorm"),
        (simnibs, ".hdf5", "SimNIBS"),
        (duneuro, ".npz", "DUNEuro"),
        (plain, ".npz", "NumPy"),
    ],
)
def test_lead_fields_come_back(
    own: LeadField, tmp_path: Path, write: Callable[..., None], suffix: str, program: str
) -> None:
    write(own, path := tmp_path / f"leadfield{suffix}")
    channels = tmp_path / "channel.mat" if program == "Brainstorm" else None
    found = hw.leadfield_from_file(path, own.info, channels=channels)
    assert found.assumptions["lead field"].startswith(program)
    assert "mm from their positions" in found.assumptions["check of the lead field"]
    assert found.ch_names == own.ch_names
    order = [np.linalg.norm(found.pos - place, axis=1).argmin() for place in own.pos]
    np.testing.assert_allclose(found.pos[order], own.pos, atol=1e-5)
    gain, expected = (one - one.mean(axis=0) for one in (found.gain[:, order], own.gain))
    np.testing.assert_allclose(gain, expected, atol=2e-5 * np.abs(expected).max())


def test_brainstorm_brings_its_own_electrodes(own: LeadField, tmp_path: Path) -> None:
    brainstorm(own, path := tmp_path / "headmodel.mat")
    found = hw.leadfield_from_file(path, channels=tmp_path / "channel.mat")
    places = [np.array([channel["loc"][:3] for channel in one.info["chs"]]) for one in (found, own)]
    np.testing.assert_allclose(*places, atol=1e-6)
    with pytest.raises(InputError, match="give its channel file"):
        hw.leadfield_from_file(path)


def test_deepsif_needs_positions_and_normals(own: LeadField, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    normals = rng.standard_normal(own.pos.shape)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    scipy.io.savemat(path := tmp_path / "fwd.mat", {"fwd": np.einsum("cso,so->cs", own.gain, normals)})
    with pytest.raises(InputError, match="DeepSIF lead field has no positions; give `pos`"):
        hw.leadfield_from_file(path, own.info)
    with pytest.raises(InputError, match="one orientation a source; give `normals`"):
        hw.leadfield_from_file(path, own.info, pos=own.pos)
    found = hw.leadfield_from_file(path, own.info, pos=own.pos, normals=normals)
    assert found.n_orient == 1
    with pytest.raises(InputError, match=r"the polarity is reversed; give `scale=-1`"):
        hw.leadfield_from_file(path, own.info, pos=own.pos, normals=-normals)


TURN = np.eye(4)[[1, 0, 2, 3]] * np.array([1, -1, 1, 1])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"position_scale": 1e-3}, "the positions are not in metres; give `position_scale=1`"),
        ({"scale": 1e6}, "the gain is 1e[+]06 times that of a head in SI units; give `scale=1`"),
        ({"scale": -1.0}, "the polarity is reversed; give `scale=1`"),
        ({"trans": TURN}, "turned by .* degrees about the axis .*; give `trans`"),
    ],
)
def test_wrong_units_and_frames_are_refused(
    own: LeadField, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    plain(own, path := tmp_path / "own.npz")
    with pytest.raises(InputError, match=words):
        hw.leadfield_from_file(path, own.info, **changed)
    assert (
        "unchecked"
        in hw.leadfield_from_file(
            path, own.info, **{k: v for k, v in changed.items() if k == "scale"}, check=False
        ).assumptions["check of the lead field"]
    )


@pytest.fixture(scope="module")
def magnetic() -> LeadField:
    head = template_head()
    return make_leadfield(head, sensors_info(head, "neuromag306"), spacing=20.0, ico=3)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"position_scale": 1e-3}, "the positions are not in metres; give `position_scale=1`"),
        ({"scale": 1e15}, "times that of a head in SI units; give `scale=1`"),
        ({"scale": -1.0}, "the polarity is reversed; give `scale=1`"),
        ({"trans": TURN}, "turned by .* degrees about the axis .*against the sensors; give `trans`"),
    ],
)
def test_meg_lead_fields_are_checked(magnetic: LeadField, tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    plain(magnetic, path := tmp_path / "own.npz")
    if words:
        with pytest.raises(InputError, match=words):
            hw.leadfield_from_file(path, magnetic.info, **changed)
        return
    found = hw.leadfield_from_file(path, magnetic.info)
    assert "mm from their positions" in found.assumptions["check of the lead field"]


def test_swapped_channels_and_axes_are_refused(own: LeadField, tmp_path: Path) -> None:
    np.savez(path := tmp_path / "own.npz", gain=own.gain[::-1], pos=own.pos)
    with pytest.raises(InputError, match="does not belong to these sensors"):
        hw.leadfield_from_file(path, own.info)
    np.savez(path, gain=own.gain[:, :, [1, 2, 0]], pos=own.pos)
    with pytest.raises(InputError, match="the orientations are .* degrees away"):
        hw.leadfield_from_file(path, own.info)


def test_files_that_are_none_are_refused(own: LeadField, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        hw.leadfield_from_file(tmp_path / "no.mat")
    for name, words in (
        ("a.mat", "not a MATLAB file"),
        ("a.hdf5", "not an HDF5 file"),
        ("a.npz", "not an archive of plain NumPy arrays"),
        ("a.txt", "is none of .mat"),
    ):
        (tmp_path / name).write_bytes(b"nothing of the kind")
        with pytest.raises(InputError, match=words):
            hw.leadfield_from_file(tmp_path / name)
    scipy.io.savemat(tmp_path / "b.mat", {"data": np.eye(3)})
    with pytest.raises(InputError, match="no lead field of FieldTrip, Brainstorm or DeepSIF"):
        hw.leadfield_from_file(tmp_path / "b.mat")
    plain(own, path := tmp_path / "own.npz")
    other = mne.create_info(["a", "b"], 1.0, "eeg")
    with pytest.raises(InputError, match="No channel of the recording is in the lead field"):
        hw.leadfield_from_file(path, other)


def test_a_lead_field_of_duneuro_is_consistent_in_itself(shared_data: Path) -> None:
    """73 electrodes against their average; neighbours of one orientation resemble each other more than any pair."""
    raw = npz(shared_data / "fecnn-sep" / "duneuro_leadfield_5k.npz")
    assert raw.gain.shape == (73, 5046, 1)
    assert raw.pos is not None
    assert raw.normals is not None
    fields = raw.gain[:, raw.normals[:, 2] == 1, 0]
    pos = raw.pos[raw.normals[:, 2] == 1]
    assert np.abs(fields.mean(axis=0)).max() < 1e-6 * np.abs(fields).max()
    distance = np.linalg.norm(pos[:, np.newaxis] - pos, axis=2)
    np.fill_diagonal(distance, np.inf)
    fields = fields / np.linalg.norm(fields, axis=0)
    others = distance.argmin(axis=1), np.random.default_rng(0).permutation(len(pos))
    alike = [np.median((fields * fields[:, other]).sum(axis=0)) for other in others]
    assert 1 - alike[0] < 0.1 * (1 - alike[1]), alike
