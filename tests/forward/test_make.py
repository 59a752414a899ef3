"""Lead fields of a head, from sensors to gain."""

from dataclasses import replace

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward import bem, make
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.spaces import make_sources
from headwater.forward.sphere import sphere_eeg
from headwater.forward.subdivision import spread_vertices
from headwater.head.anatomy import Surface


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def eeg_of(info: mne.Info) -> mne.Info:
    return mne.pick_info(info, mne.pick_types(info, eeg=True))


@pytest.fixture
def on_scalp(eeg_meg_info, ball_head) -> mne.Info:
    """Electrodes on the triangles of the scalp: off them, MNE extrapolates and we take the nearest point."""
    info = eeg_meg_info.copy()
    scalp = Surface(rr=ball_head.to_head(ball_head.scalp.rr), tris=ball_head.scalp.tris)
    for channel in info["chs"]:
        if channel["kind"] == mne.io.constants.FIFF.FIFFV_EEG_CH:
            triangle, weights = bem.on_surface(channel["loc"][np.newaxis, :3], scalp)
            channel["loc"][:3] = weights[0] @ scalp.rr[scalp.tris[triangle[0]]]
    return info


@pytest.mark.parametrize(("space", "spacing"), [("volume", 20.0), ("cortex", "all")])
def test_gain_is_that_of_mne(ball_head, on_scalp, space, spacing):
    """MEG and EEG together, and EEG by itself, which takes another way."""
    src = make_sources(ball_head, space, spacing=spacing)
    model = mne.make_bem_solution(bem.head_layers(ball_head, ico=2).mne_surfaces(), verbose="error")
    fwd = mne.make_forward_solution(on_scalp, ball_head.mri_head_t, src, model, verbose="error")
    expected = LeadField.from_forward(fwd).pick(on_scalp["ch_names"])
    both = make_leadfield(ball_head, on_scalp, space, spacing=spacing, ico=2)
    assert both.ch_names == on_scalp["ch_names"]
    for kind in ("eeg", "mag"):
        rows = [row for row, found in enumerate(both.ch_types) if found == kind]
        assert relative(both.gain[rows], expected.gain[rows]) < 1e-6
    alone = make_leadfield(ball_head, eeg_of(on_scalp), space, spacing=spacing, ico=2)
    assert relative(alone.gain, expected.pick(alone.ch_names).gain) < 1e-6
    np.testing.assert_allclose(both.pos, expected.pos, atol=1e-9)
    np.testing.assert_allclose(both.normals, expected.normals, atol=1e-9)


def test_reference_electrodes_are_subtracted(ball_head, on_scalp):
    """Where the recording tells the place of the reference, as FIF files do, the gain is against it, as in MNE."""
    info = eeg_of(on_scalp)
    plain = make_leadfield(ball_head, info, spacing=20.0, ico=2)
    place = plain.ch_names.index("Cz")
    for channel in info["chs"]:
        channel["loc"][3:6] = info["chs"][place]["loc"][:3]
    referenced = make_leadfield(ball_head, info, spacing=20.0, ico=2)
    np.testing.assert_allclose(referenced.gain, plain.gain - plain.gain[place], atol=1e-9 * np.abs(plain.gain).max())


def test_a_solution_that_came_with_the_subject_is_used(ball_head, on_scalp):
    own = make_leadfield(ball_head, on_scalp, spacing=20.0, ico=2)
    ready = bem.make_bem(ball_head, ico=2)
    again = make_leadfield(replace(ball_head, conductor=ready, scalp=None), on_scalp, spacing=20.0)
    assert relative(again.gain, own.gain) < 1e-6
    single = bem.make_bem(ball_head, n_layers=1, ico=2)
    with pytest.raises(InputError, match="one layer"):
        make_leadfield(replace(ball_head, conductor=single), on_scalp, spacing=20.0)


def test_openmeeg_is_nearer_to_the_exact_series(ball_head, on_scalp):
    pytest.importorskip("openmeeg", reason="the extra 'openmeeg' is not installed")
    info = eeg_of(on_scalp)
    sphere = make_leadfield(ball_head, info, spacing=20.0, method="sphere")
    errors = {
        method: relative(make_leadfield(ball_head, info, spacing=20.0, ico=2, method=method).gain, sphere.gain)
        for method in ("bem", "openmeeg")
    }
    assert errors["openmeeg"] < 0.5 * errors["bem"]


def test_spheres_give_the_exact_series(ball_head, on_scalp):
    leadfield = make_leadfield(ball_head, on_scalp, spacing=20.0, method="sphere")
    centre = np.array([0.0, 0.0, 0.04])
    electrodes = np.array([channel["loc"][:3] for channel in eeg_of(on_scalp)["chs"]])
    radii = np.array([0.080, 0.086, 0.092])
    exact = sphere_eeg(electrodes - centre, leadfield.pos - centre, radii, np.array([0.3, 0.006, 0.3]))
    assert relative(leadfield.pick(eeg_of(on_scalp)["ch_names"]).gain, exact) < 1e-4
    assert "not for results" in leadfield.assumptions["forward method"]


def test_the_second_lead_field_comes_from_disk(ball_head, on_scalp, monkeypatch):
    info = eeg_of(on_scalp)
    first = make_leadfield(ball_head, info, spacing=20.0, ico=2)

    def forbidden(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(make, "eeg_gain", forbidden)
    assert make_leadfield(ball_head, info, spacing=20.0, ico=2).fingerprint == first.fingerprint
    for changed in (replace(ball_head, conductivities=replace(ball_head.conductivities, skull=0.02)), ball_head):
        if changed is ball_head:
            info["chs"][0]["loc"][0] += 0.01
        with pytest.raises(AssertionError, match="computed again"):
            make_leadfield(changed, info, spacing=20.0, ico=2)


def test_grids_are_where_they_say(ball_head):
    (space,) = make_sources(ball_head, "volume", spacing=9.0, mindist=6.0)
    pos = space["rr"][space["vertno"]]
    np.testing.assert_allclose(pos / 0.009, np.rint(pos / 0.009), atol=1e-9)
    centre = ball_head.inner_skull.rr.mean(axis=0)
    assert 0.060 < np.linalg.norm(pos - centre, axis=1).max() <= 0.074
    index = np.stack(np.unravel_index(space["vertno"], space["shape"], order="F"), axis=1)
    np.testing.assert_allclose(mne.transforms.apply_trans(space["src_mri_t"], index), pos, atol=1e-9)


def test_a_grid_can_be_written_by_mne(ball_head, tmp_path):
    make_sources(ball_head, "volume", spacing=20.0).save(tmp_path / "ball-src.fif", verbose="error")
    (space,) = mne.read_source_spaces(tmp_path / "ball-src.fif", verbose="error")
    assert space["type"] == "vol"


def test_mixed_sources_have_regions(ball_head, eeg_meg_info):
    head = ball_head
    leadfield = make_leadfield(head, eeg_of(eeg_meg_info), "mixed", spacing="ico3", method="sphere")
    deep = leadfield.grid.sources
    assert {leadfield.region_names[k] for k in leadfield.region_ids[deep]} == {"Nucleus"}
    cortical = np.setdiff1d(np.arange(leadfield.n_sources), deep)
    expected = np.concatenate(head.cortex.region_ids)
    names = [leadfield.region_names[k] for k in leadfield.region_ids[cortical]]
    assert names == [head.cortex.region_names[k] for k in expected]
    assert leadfield.src.kind == "mixed"


def test_places_in_mni_space_are_kept_where_they_are_known(ball_head, eeg_meg_info, tmp_path):
    info = eeg_of(eeg_meg_info)
    known = replace(ball_head, mri_mni_t=mne.transforms.translation(0.0, 0.01, -0.02))
    leadfield = make_leadfield(known, info, spacing=30.0, method="sphere")
    np.testing.assert_allclose(leadfield.pos_mni, known.to_mni(leadfield.pos), atol=1e-12)
    leadfield.save(tmp_path / "lead.npz")
    np.testing.assert_array_equal(LeadField.load(tmp_path / "lead.npz").pos_mni, leadfield.pos_mni)
    nowhere = make_leadfield(replace(ball_head, mri_mni_t=None), info, spacing=30.0, method="sphere")
    assert nowhere.pos_mni is None
    nowhere.save(tmp_path / "nowhere.npz")
    assert LeadField.load(tmp_path / "nowhere.npz").pos_mni is None


def test_fixed_sources_follow_the_normals(ball_head, eeg_meg_info):
    info = eeg_of(eeg_meg_info)
    free = make_leadfield(ball_head, info, "cortex", spacing="ico3", method="sphere")
    fixed = make_leadfield(ball_head, info, "cortex", spacing="ico3", method="sphere", orient="fixed")
    np.testing.assert_allclose(fixed.gain[..., 0], (free.gain * free.normals).sum(axis=-1), rtol=1e-9, atol=1e-9)


def test_reciprocity_of_the_matrix(ball_head, eeg_meg_info):
    """<y, L x> = <L' y, x> between the gain and its matrix view."""
    leadfield = make_leadfield(ball_head, eeg_of(eeg_meg_info), spacing=20.0, method="sphere")
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=leadfield.gain.shape[1:]), generator.normal(size=leadfield.n_channels)
    forward = y @ np.einsum("csk,sk->c", leadfield.gain, x)
    assert forward == pytest.approx((leadfield.matrix.T @ y) @ x.ravel(), rel=1e-10)


def icosahedron(grade: int) -> dict:
    path = mne.__path__[0] + "/data/icos.fif.gz"
    return mne.read_bem_surfaces(path, s_id=9000 + grade, verbose="error")


def test_a_cortex_that_is_no_icosahedron_is_thinned_out_evenly(ball_head, eeg_meg_info):
    """As those of subjects are: here an icosahedron whose vertices were shuffled."""
    sphere = icosahedron(4)
    order = np.random.default_rng(0).permutation(sphere["np"])
    white = []
    for surface in ball_head.cortex.white:
        centre = surface.rr.mean(axis=0)
        white.append(Surface(rr=(centre + 0.025 * sphere["rr"])[np.argsort(order)], tris=order[sphere["tris"]]))
    regions = tuple(np.arange(sphere["np"]) % 2 for _ in white)
    head = replace(
        ball_head, cortex=replace(ball_head.cortex, white=tuple(white), pial=tuple(white), region_ids=regions)
    )
    leadfield = make_leadfield(head, eeg_of(eeg_meg_info), "cortex", spacing="ico3", method="sphere")
    assert leadfield.n_sources == 2 * 642
    neighbours = leadfield.adjacency.sum(axis=1)
    assert neighbours.min() >= 3
    assert 5 < neighbours.mean() < 7
    outwards = leadfield.pos[:642] - leadfield.pos[:642].mean(axis=0)
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    assert (leadfield.normals[:642] * outwards).sum(axis=1).min() > 0.99


def test_spread_vertices_are_spread():
    sphere = icosahedron(4)
    chosen = spread_vertices(Surface(rr=0.08 * sphere["rr"], tris=sphere["tris"]), 162)
    assert len(np.unique(chosen)) == 162
    points = 0.08 * sphere["rr"][chosen]
    distance = np.linalg.norm(points[:, None] - points, axis=2) + np.eye(162)
    assert distance.min() > 0.5 * np.sqrt(4 * np.pi * 0.08**2 / 162)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"space": "brain"}, "choose 'volume', 'cortex' or 'mixed'"),
        ({"method": "magic"}, "There is no forward method 'magic'"),
        ({"orient": "loose"}, "choose 'free' or 'fixed'"),
        ({"orient": "fixed", "spacing": 20.0, "method": "sphere"}, "have no normal"),
        ({"spacing": "ico4"}, "give a number of mm"),
        ({"spacing": 0.2}, "between 1 and 30"),
        ({"space": "cortex", "spacing": 7.0}, "choose 'ico3', 'ico4', 'ico5' or 'all'"),
        ({"space": "cortex", "spacing": "ico4"}, "use 'all'"),
        ({"spacing": 30.0, "mindist": 90.0}, "lower spacing or mindist"),
    ],
)
def test_refusals_of_arguments(ball_head, eeg_meg_info, arguments, words):
    with pytest.raises(InputError, match=words):
        make_leadfield(ball_head, eeg_meg_info, **{"ico": 2} | arguments)


def test_refusals_of_sensors(ball_head, eeg_meg_info):
    info = eeg_meg_info.copy()
    info["chs"][2]["loc"][:3] = np.nan
    with pytest.raises(InputError, match=f"{info['ch_names'][2]} have no position; set a montage"):
        make_leadfield(ball_head, info)
    info = eeg_meg_info.copy()
    info["dev_head_t"] = None
    with pytest.raises(InputError, match="where the head was in the MEG device"):
        make_leadfield(ball_head, info)
    with pytest.raises(InputError, match="no EEG or MEG channels"):
        make_leadfield(ball_head, mne.create_info(["x"], 1.0, "misc"))
    info = eeg_meg_info.copy()
    info["chs"][mne.pick_types(info, meg=True)[0]]["loc"][:3] = [0.0, 0.0, 0.04]  # in the middle of the head
    with pytest.raises(InputError, match="MNE-Python cannot compute the forward solution: Found"):
        make_leadfield(ball_head, info, spacing=20.0, ico=2)


def test_refusals_of_heads(ball_head, eeg_meg_info):
    for change, space, words in (
        ({"cortex": None}, "cortex", "no cortical surfaces"),
        ({"structures": None}, "mixed", "no deep structures"),
        ({"scalp": None}, "volume", "no skull and scalp surfaces"),
    ):
        spacing = "ico3" if space != "volume" else 20.0
        with pytest.raises(InputError, match=words):
            make_leadfield(replace(ball_head, **change), eeg_meg_info, space, spacing=spacing, ico=2)


def test_sources_outside_the_model_are_refused(ball_head):
    pos = make_sources(ball_head, spacing=20.0)[0]["rr"]
    with pytest.raises(InputError, match="outside the inner skull of the boundary-element model"):
        make._check_inside(pos, bem.head_layers(ball_head, ico=2))
