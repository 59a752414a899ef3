"""Lead fields written and read again."""

from dataclasses import fields

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater._utils.npz import read_arrays, write_arrays
from headwater.forward.leadfield import LeadField
from headwater.forward.storage import write_leadfield


@pytest.mark.parametrize("kind", ["surface", "volume", "mixed", "discrete"])
def test_round_trip(forwards, kind, tmp_path):
    before = LeadField.from_forward(forwards[kind])
    before.save(tmp_path / "lead.npz")
    after = LeadField.load(tmp_path / "lead.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["lead.npz"]
    assert after.fingerprint == before.fingerprint
    for name in ("gain", "pos", "normals", "region_ids"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert (after.region_names, after.subject, after.assumptions) == (
        before.region_names,
        before.subject,
        before.assumptions,
    )
    if before.adjacency is None:
        assert after.adjacency is None
    else:
        assert (after.adjacency != before.adjacency).nnz == 0
    if before.grid is None:
        assert after.grid is None
    else:
        assert after.grid.shape == before.grid.shape
        np.testing.assert_array_equal(after.grid.index, before.grid.index)
        np.testing.assert_array_equal(after.grid.sources, before.grid.sources)


def test_round_trip_keeps_sensors(forwards, tmp_path):
    before = LeadField.from_forward(forwards["surface"])
    before.save(tmp_path / "lead.npz")
    after = LeadField.load(tmp_path / "lead.npz")
    np.testing.assert_allclose(after.info["dev_head_t"]["trans"], before.info["dev_head_t"]["trans"], atol=1e-7)
    for a, b in zip(after.info["chs"], before.info["chs"], strict=True):
        assert (a["ch_name"], a["coil_type"], a["coord_frame"]) == (b["ch_name"], b["coil_type"], b["coord_frame"])
        np.testing.assert_allclose(a["loc"], b["loc"], atol=1e-7)


@pytest.mark.parametrize("kind", ["surface", "volume", "mixed"])
def test_round_trip_keeps_source_spaces(forwards, kind, tmp_path):
    before = LeadField.from_forward(forwards[kind])
    before.save(tmp_path / "lead.npz")
    after = LeadField.load(tmp_path / "lead.npz")
    assert after.src.kind == before.src.kind
    for a, b in zip(after.src, before.src, strict=True):
        assert a.keys() == b.keys()
        np.testing.assert_array_equal(a["vertno"], b["vertno"])
        np.testing.assert_array_equal(a["rr"], b["rr"])
    data = np.arange(3.0 * before.n_sources).reshape(-1, 3)
    vertices = [space["vertno"] for space in after.src]
    if kind == "volume":
        volume = mne.VolSourceEstimate(data, vertices, 0, 1).as_volume(after.src)
        assert np.count_nonzero(volume.get_fdata()[..., 0]) == np.count_nonzero(data[:, 0])


@pytest.mark.parametrize("content", [b"", b"not a lead field", b"PK\x03\x04 broken"])
def test_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "lead.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a lead field of headwater, or is damaged"):
        LeadField.load(path)


def test_truncated_and_missing_files_are_refused(forwards, tmp_path):
    path = tmp_path / "lead.npz"
    LeadField.from_forward(forwards["discrete"]).save(path)
    whole = path.read_bytes()
    for length in (len(whole) // 3, len(whole) - 40):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="damaged"):
            LeadField.load(path)
    np.savez(path, other=np.ones(3))
    with pytest.raises(InputError, match="damaged"):
        LeadField.load(path)
    with pytest.raises(InputError, match="There is no lead field"):
        LeadField.load(tmp_path / "absent.npz")


def test_a_failed_write_leaves_the_old_file(forwards, tmp_path, monkeypatch):
    path = tmp_path / "lead.npz"
    leadfield = LeadField.from_forward(forwards["discrete"])
    leadfield.save(path)
    before = path.read_bytes()

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space"):
        leadfield.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_suffix_is_npz(forwards, tmp_path):
    with pytest.raises(InputError, match=r"call it lead.fif.npz"):
        LeadField.from_forward(forwards["discrete"]).save(tmp_path / "lead.fif")


@pytest.mark.parametrize(
    "damage",
    [
        lambda arrays: arrays.pop("tree"),
        lambda arrays: arrays.pop("a0"),
        lambda arrays: arrays.pop("sha256"),
        lambda arrays: arrays.update(a0=arrays["a0"] + 1e-9),
        lambda arrays: arrays.update(a0=arrays["a0"][:, :-1]),
    ],
)
def test_changed_content_is_refused(forwards, tmp_path, damage):
    """Also where the zip file itself is sound."""
    path = tmp_path / "lead.npz"
    LeadField.from_forward(forwards["discrete"]).save(path)
    arrays = read_arrays(path)
    damage(arrays)
    write_arrays(path, arrays)
    with pytest.raises(InputError, match="is not a lead field of headwater, or is damaged"):
        LeadField.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda stored: stored.pop("gain"), "is damaged"),
        (lambda stored: stored.pop("region_names"), "is damaged"),
        (lambda stored: stored.update(gain=stored["gain"][:, :1]), "1 sources but positions"),
        (lambda stored: stored.update(gain=np.full_like(stored["gain"], np.nan)), "not all finite"),
    ],
)
def test_other_fields_are_refused(forwards, tmp_path, change, words):
    """A file with a right checksum that some other program wrote."""
    leadfield = LeadField.from_forward(forwards["discrete"])
    stored = {field.name: getattr(leadfield, field.name) for field in fields(leadfield)}
    change(stored)
    write_leadfield(tmp_path / "lead.npz", stored)
    with pytest.raises(InputError, match=words):
        LeadField.load(tmp_path / "lead.npz")


def test_a_compressed_file_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "lead.npz"
    np.savez_compressed(path, tree=np.zeros(10**7, np.uint8), sha256=np.zeros(32, np.uint8))
    with pytest.raises(InputError, match="is not a lead field of headwater, or is damaged"):
        LeadField.load(path)
