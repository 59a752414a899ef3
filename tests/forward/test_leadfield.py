"""Lead fields against the MNE forward solutions they come from."""

import mne
import numpy as np
import pytest
from scipy import sparse

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField

PLACES = np.arange(21.0).reshape(7, 3) / 1e3
KINDS = ("surface", "volume", "mixed", "discrete")


@pytest.mark.parametrize("kind", KINDS)
def test_free_gain_is_that_of_mne(forwards, kind):
    fwd = forwards[kind]
    leadfield = LeadField.from_forward(fwd)
    assert leadfield.gain.dtype == float
    assert leadfield.ch_names == fwd["sol"]["row_names"]
    assert leadfield.ch_types == ["mag"] * 20 + ["eeg"] * 32
    np.testing.assert_array_equal(leadfield.matrix, fwd["sol"]["data"])
    np.testing.assert_allclose(leadfield.pos, fwd["source_rr"], atol=1e-9)
    assert np.shares_memory(leadfield.matrix, leadfield.gain)


@pytest.mark.parametrize("kind", KINDS)
def test_surface_oriented_gain_is_turned_back(forwards, kind):
    turned = mne.convert_forward_solution(forwards[kind], surf_ori=True, verbose="error")
    leadfield = LeadField.from_forward(turned)
    assert not np.allclose(turned["sol"]["data"], leadfield.matrix) or kind == "volume"
    np.testing.assert_allclose(leadfield.matrix, forwards[kind]["sol"]["data"], rtol=1e-6, atol=1e-20)
    expected = turned["source_nn"][2::3] * leadfield.cortical[:, np.newaxis]  # zero for those in a volume
    np.testing.assert_allclose(leadfield.normals, expected, atol=1e-9)


@pytest.mark.parametrize("kind", ["surface", "discrete"])
def test_fixed_gain_is_that_of_mne(forwards, kind):
    fixed = mne.convert_forward_solution(forwards[kind], force_fixed=True, verbose="error")
    leadfield = LeadField.from_forward(fixed)
    assert leadfield.n_orient == 1
    np.testing.assert_array_equal(leadfield.matrix, fixed["sol"]["data"])
    np.testing.assert_allclose(leadfield.normals, fixed["source_nn"], atol=1e-7)
    own = LeadField.from_forward(forwards[kind]).fixed()
    np.testing.assert_allclose(own.matrix, fixed["sol"]["data"], rtol=1e-5, atol=1e-7 * np.abs(own.matrix).max())
    assert leadfield.fixed() is leadfield


def test_patch_statistics_differ_from_vertex_normals(forwards):
    """So that the agreement of the normals above means something."""
    src = forwards["surface"]["src"]
    vertex_normals = np.concatenate([space["nn"][space["vertno"]] for space in src])
    assert np.abs(LeadField.from_forward(forwards["surface"]).normals - vertex_normals).max() > 1e-3


def test_forward_in_mri_frame_is_turned_into_head_frame(forwards):
    forward = forwards["surface"].copy()
    head_mri_t = mne.transforms.invert_transform(forward["mri_head_t"])
    turn = head_mri_t["trans"][:3, :3]
    for space in forward["src"]:
        mne.surface.transform_surface_to(space, "mri", head_mri_t)
    gain = forward["sol"]["data"].reshape(52, -1, 3) @ turn.T  # unit currents along the axes of the MRI
    forward["sol"]["data"] = gain.reshape(52, -1)
    forward["coord_frame"] = mne.io.constants.FIFF.FIFFV_COORD_MRI
    leadfield = LeadField.from_forward(forward)
    expected = LeadField.from_forward(forwards["surface"])
    np.testing.assert_allclose(leadfield.gain, expected.gain, atol=1e-12 * np.abs(expected.gain).max())
    np.testing.assert_allclose(leadfield.pos, expected.pos, atol=1e-9)
    np.testing.assert_allclose(leadfield.normals, expected.normals, atol=1e-9)


def test_mixed_sources_stand_in_order(forwards):
    surface, volume, mixed = (LeadField.from_forward(forwards[kind]) for kind in ("surface", "volume", "mixed"))
    np.testing.assert_allclose(mixed.gain, np.concatenate([surface.gain, volume.gain], axis=1), rtol=1e-12)
    np.testing.assert_array_equal(mixed.grid.sources, surface.n_sources + np.arange(volume.n_sources))
    assert np.flatnonzero(~mixed.cortical).tolist() == mixed.grid.sources.tolist()
    assert not mixed.normals[mixed.grid.sources].any()
    expected = sparse.block_diag([surface.adjacency, volume.adjacency]).toarray()
    np.testing.assert_array_equal(mixed.adjacency.toarray(), expected)


def test_grid_indices_are_positions(forwards):
    leadfield = LeadField.from_forward(forwards["volume"])
    grid = leadfield.grid
    assert grid.spacing == pytest.approx(0.015)
    assert grid.shape == tuple(grid.index.max(axis=0) + 1)
    assert (grid.index.min(axis=0) == 0).all()
    turn = forwards["volume"]["mri_head_t"]["trans"][:3, :3]
    steps = (leadfield.pos - leadfield.pos[0]) @ turn / grid.spacing  # back to the axes of the MRI
    np.testing.assert_allclose(steps, grid.index - grid.index[0], atol=1e-5)


@pytest.mark.parametrize("kind", ["surface", "volume", "mixed"])
def test_adjacency_is_that_of_mne(forwards, kind):
    leadfield = LeadField.from_forward(forwards[kind])
    adjacency = leadfield.adjacency
    assert (adjacency != adjacency.T).nnz == 0
    assert adjacency.diagonal().sum() == 0
    if kind == "volume":
        i, j = adjacency.nonzero()
        apart = np.linalg.norm(leadfield.pos[i] - leadfield.pos[j], axis=1)
        np.testing.assert_allclose(apart, leadfield.grid.spacing, rtol=1e-6)
        distance = np.linalg.norm(leadfield.pos[:, None] - leadfield.pos, axis=2)
        assert adjacency.nnz == np.isclose(distance, leadfield.grid.spacing, rtol=1e-4).sum()
    if kind == "surface":
        mnes = mne.spatial_src_adjacency(forwards[kind]["src"], verbose="error").toarray() > 0
        np.testing.assert_array_equal(adjacency.toarray() > 0, mnes & ~np.eye(len(mnes), dtype=bool))


def test_touching_patches_are_neighbours_without_a_coarse_mesh(forwards):
    """Sources picked by distance have no mesh of their own; on a regular ico mesh the patches give its edges back."""
    src = forwards["surface"]["src"].copy()
    expected = LeadField.from_forward(forwards["surface"]).adjacency
    for space in src:
        space["nuse_tri"], space["use_tris"] = 0, None
    forward = forwards["surface"].copy()
    forward["src"] = src
    found = LeadField.from_forward(forward).adjacency
    assert (expected.multiply(found) != expected).nnz == 0  # every edge of the coarse mesh is found


def test_named_volumes_give_regions(forwards):
    forward = forwards["volume"].copy()
    forward["src"][0]["seg_name"] = "Left-Thalamus"
    leadfield = LeadField.from_forward(forward)
    assert leadfield.region_names == ("Left-Thalamus",)
    assert (leadfield.region_ids == 0).all()
    assert (LeadField.from_forward(forwards["volume"]).region_ids == -1).all()


def test_pick_orders_rows_and_info(forwards):
    leadfield = LeadField.from_forward(forwards["surface"])
    names = ["Cz", "MEG 003", "Fp1"]
    picked = leadfield.pick(names)
    assert picked.ch_names == names
    assert picked.ch_types == ["eeg", "mag", "eeg"]
    rows = [leadfield.ch_names.index(name) for name in names]
    np.testing.assert_array_equal(picked.gain, leadfield.gain[rows])
    assert picked.fingerprint != leadfield.fingerprint
    assert leadfield.pick(leadfield.ch_names) is leadfield
    assert leadfield.info["ch_names"] == leadfield.ch_names  # untouched


def test_pick_refuses_unknown_and_repeated_names(forwards):
    leadfield = LeadField.from_forward(forwards["surface"])
    with pytest.raises(InputError, match="no channels named HEOG, E7;"):
        leadfield.pick(["Cz", "HEOG", "E7"])
    with pytest.raises(InputError, match="Cz are asked for more than once"):
        leadfield.pick(["Cz", "Fp1", "Cz"])


def test_fixed_refuses_volumes(forwards):
    for kind in ("volume", "mixed"):
        with pytest.raises(InputError, match="no normal"):
            LeadField.from_forward(forwards[kind]).fixed()


def test_repr_says_what_it_is(forwards):
    assert repr(LeadField.from_forward(forwards["volume"])) == (
        f"<LeadField | 20 MAG, 32 EEG x {forwards['volume']['nsource']} free sources | volume 15 mm | ball>"
    )


def test_from_arrays():
    generator = np.random.default_rng(1)
    pos, normals = generator.normal(size=(2, 7, 3)) * 0.03
    gain = generator.normal(size=(4, 7))
    leadfield = LeadField.from_arrays(
        gain, pos, normals=normals, ch_names=["a", "b", "c", "d"], regions=["x", None, "y", "x", "x", "y", None]
    )
    np.testing.assert_array_equal(leadfield.matrix, gain)
    np.testing.assert_allclose(leadfield.src[0]["rr"][leadfield.src[0]["vertno"]], pos)
    np.testing.assert_allclose(np.linalg.norm(leadfield.normals, axis=1), 1)
    assert leadfield.region_names == ("x", "y")
    assert leadfield.region_ids.tolist() == [0, -1, 1, 0, 0, 1, -1]
    assert leadfield.ch_types == ["eeg"] * 4
    free = LeadField.from_arrays(generator.normal(size=(4, 7, 3)), pos, ch_names=list("abcd"))
    assert (free.n_orient, free.grid, free.adjacency) == (3, None, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gain": np.ones((4, 7))}, "give the normals"),
        ({"gain": np.ones((4, 7, 2))}, "it must be"),
        ({"gain": np.ones((5, 7, 3))}, "5 rows but 4 channels"),
        ({"pos": PLACES[:6]}, "7 sources but positions"),
        ({"normals": np.ones((7, 2))}, r"normals \(7, 2\)"),
        ({"gain": np.full((4, 7, 3), np.nan)}, "not all finite"),
        ({"ch_names": None}, "no names"),
    ],
)
def test_from_arrays_refuses_what_does_not_fit(change, words):
    arguments = {"gain": np.ones((4, 7, 3)), "pos": PLACES, "ch_names": list("abcd")} | change
    with pytest.raises(InputError, match=words):
        LeadField.from_arrays(**arguments)


def test_good_leaves_bad_channels_out(forwards):
    leadfield = LeadField.from_forward(forwards["volume"])
    assert leadfield.good() is leadfield
    leadfield.info["bads"] = ["Cz", "MEG 003"]
    good = leadfield.good()
    assert good.ch_names == [name for name in leadfield.ch_names if name not in ("Cz", "MEG 003")]
    assert good.info["bads"] == []


def test_cortical_sources_are_those_with_a_normal(forwards):
    cortical = {kind: LeadField.from_forward(fwd).cortical for kind, fwd in forwards.items()}
    assert cortical["surface"].all()
    assert cortical["discrete"].all()
    assert not cortical["volume"].any()
    assert cortical["mixed"].sum() == len(cortical["surface"])
    some = LeadField.from_arrays(np.ones((4, 7, 3)), PLACES, ch_names=list("abcd"), normals=np.eye(7, 3))
    assert some.cortical.tolist() == [True] * 3 + [False] * 4


def test_placeholders_of_discrete_sources_are_no_normals(eeg_meg_info, mri_head_t):
    """MNE-Python wants a normal of every discrete source, and turns it with the frame."""
    points = {"rr": np.array([[0.0, 0.0, 0.02], [0.03, 0.01, 0.0]]), "nn": np.tile([0.0, 0.0, 1.0], (2, 1))}
    src = mne.setup_volume_source_space("ball", pos=points, verbose="error")
    sphere = mne.make_sphere_model(r0=(0.0, 0.0, 0.04), head_radius=0.092, verbose="error")
    fwd = mne.make_forward_solution(eeg_meg_info, mri_head_t, src, sphere, verbose="error")
    leadfield = LeadField.from_forward(fwd)
    assert not leadfield.cortical.any()
    with pytest.raises(InputError, match="no normal"):
        leadfield.fixed()


@pytest.mark.parametrize(("rounded", "spacing"), [(12, 0.007), (3, 0.007), (3, 0.010)])
def test_positions_on_a_lattice_are_a_grid(rounded, spacing):
    """As from another program: thousands of positions of a turned grid, in any order, perhaps rounded to mm."""
    generator = np.random.default_rng(0)
    index = np.stack(np.meshgrid(*[np.arange(-11, 12)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    index = generator.permutation(index[np.linalg.norm(index * [1.0, 0.8, 1.2], axis=1) < 11])
    turn = mne.transforms.rotation(0.2, -0.1, 0.3)[:3, :3]
    pos = np.round((spacing * index + 0.002) @ turn.T, rounded)
    gain = np.ones((4, len(pos), 3))
    leadfield = LeadField.from_arrays(gain, pos, ch_names=list("abcd"))
    assert leadfield.is_free_grid
    assert leadfield.grid.spacing == pytest.approx(spacing, rel=1e-3)
    np.testing.assert_array_equal(leadfield.grid.index, index - index.min(axis=0))
    i, j = leadfield.adjacency.nonzero()
    np.testing.assert_array_equal(np.abs(index[i] - index[j]).sum(axis=1), 1)


@pytest.mark.parametrize("kind", ["random", "sheared", "stretched", "plane", "warped"])
def test_positions_off_a_cubic_lattice_are_no_grid(kind):
    index = np.stack(np.meshgrid(*[np.arange(12)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    pos = {
        "random": np.random.default_rng(0).uniform(0, 0.1, size=(1000, 3)),
        "sheared": 0.007 * index @ np.array([[1.0, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        "stretched": 0.007 * index * [1.0, 1.0, 1.2],
        "plane": 0.007 * index[index[:, 2] == 0],
        "warped": 0.007 * (index + 0.5 * np.sin(index[:, [1, 2, 0]] / 2)),
    }[kind]
    assert LeadField.from_arrays(np.ones((4, len(pos), 3)), pos, ch_names=list("abcd")).grid is None


@pytest.mark.parametrize("bad", ["gain", "source", "normal"])
def test_forward_solutions_that_are_not_finite_are_refused(forwards, bad):
    fwd = forwards["surface"].copy()
    if bad == "gain":
        fwd["sol"]["data"][3, 4] = np.nan
    elif bad == "source":
        fwd["src"][0]["rr"][fwd["src"][0]["vertno"][2]] = np.inf
    else:
        fwd["src"][1]["nn"][:] = np.nan
    words = {"gain": "gain", "source": "positions", "normal": "normals"}[bad]
    with pytest.raises(InputError, match=f"The {words} of the lead field are not all finite"):
        LeadField.from_forward(fwd)


def test_sources_at_one_place_are_refused():
    pos = PLACES.copy()
    pos[4] = pos[1]
    with pytest.raises(InputError, match="2 sources lie at the place of another"):
        LeadField.from_arrays(np.ones((4, 7, 3)), pos, ch_names=list("abcd"))
