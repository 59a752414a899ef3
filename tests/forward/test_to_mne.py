"""Lead fields given back to MNE-Python."""

import mne
import numpy as np
import pytest

from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.solvers import MinimumNorm


@pytest.mark.parametrize("kind", ["surface", "volume", "mixed", "discrete"])
def test_a_forward_solution_comes_back(forwards, kind):
    leadfield = LeadField.from_forward(forwards[kind])
    again = LeadField.from_forward(leadfield.to_forward())
    assert again.fingerprint == leadfield.fingerprint
    assert again.subject == leadfield.subject


def test_mne_can_write_it(forwards, tmp_path):
    LeadField.from_forward(forwards["mixed"]).to_forward().save(tmp_path / "lead-fwd.fif", verbose="error")
    again = LeadField.from_forward(mne.read_forward_solution(tmp_path / "lead-fwd.fif", verbose="error"))
    np.testing.assert_allclose(again.gain, LeadField.from_forward(forwards["mixed"]).gain, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("kind", "orient"), [("surface", "free"), ("surface", "fixed"), ("volume", "free")])
def test_inverse_operators_of_mne_agree_with_ours(forwards, kind, orient):
    leadfield = LeadField.from_forward(forwards[kind])
    leadfield = leadfield.fixed() if orient == "fixed" else leadfield
    data = 1e-6 * np.random.default_rng(0).standard_normal((leadfield.n_channels, 3))
    data[np.array(leadfield.ch_types) == "mag"] *= 1e-7
    evoked = mne.EvokedArray(data, leadfield.info, verbose="error").set_eeg_reference(projection=True, verbose="error")
    covariance = mne.make_ad_hoc_cov(evoked.info, verbose="error")
    loose = 0.0 if orient == "fixed" else "auto"
    operator = mne.minimum_norm.make_inverse_operator(
        evoked.info, leadfield.to_forward(), covariance, loose=loose, depth=None, fixed=orient == "fixed",
        verbose="error",
    )  # fmt: skip
    expected = mne.minimum_norm.apply_inverse(evoked, operator, 1 / 9, "MNE", verbose="error")
    solver = MinimumNorm(lambda2=1 / 9, depth=None).fit(leadfield, covariance)
    found = solver.apply(evoked)
    assert type(found) is type(expected)
    assert found.subject == expected.subject
    np.testing.assert_allclose(np.abs(found.data), np.abs(expected.data), rtol=1e-5, atol=1e-8 * expected.data.max())


def test_the_template_is_fsaverage():
    """Its vertices are the first of fsaverage's, so that MNE-Python draws and morphs estimates on them."""
    head = template_head()
    leadfield = make_leadfield(head, montage_info(head), "cortex", spacing="ico4", method="sphere")
    assert leadfield.subject == "fsaverage"
    for space, vertices in zip(leadfield.src, mne.grade_to_vertices("fsaverage", 5), strict=True):
        assert space["np"] == len(vertices)
        assert np.isin(space["vertno"], vertices).all()


def test_cortex_vertices_are_those_of_fsaverage():
    """On the registration sphere, vertex by vertex, against the icosahedron whose order fsaverage's vertices have."""
    nilearn = pytest.importorskip("nilearn", reason="nilearn is not installed")
    import nibabel as nib

    folder = nilearn.__path__[0] + "/datasets/data/fsaverage5/"
    sphere = nib.load(folder + "sphere_left.gii.gz").agg_data("pointset")
    icosahedron = mne.read_bem_surfaces(mne.__path__[0] + "/data/icos.fif.gz", s_id=9005, verbose="error")["rr"]
    np.testing.assert_allclose(sphere / np.linalg.norm(sphere, axis=1, keepdims=True), icosahedron, atol=1e-4)


def test_grids_of_a_scaled_template_lie_in_the_brain_of_fsaverage():
    """MNE-Python draws a volume by the transform from voxels to the MRI of its subject."""
    head = template_head()
    large = head.warped(type(head.varied(0).warp).from_affine(np.diag([1.1, 1.2, 1.05, 1.0])))
    leadfield = make_leadfield(large, montage_info(large), spacing=20.0, method="sphere")
    (space,) = leadfield.src
    index = np.stack(np.unravel_index(space["vertno"], space["shape"], order="F"), axis=1)
    in_fsaverage = mne.transforms.apply_trans(space["src_mri_t"], index)
    expected = large.to_reference(large.to_mri(leadfield.pos))
    np.testing.assert_allclose(in_fsaverage, expected, atol=1e-6)
    assert leadfield.grid.spacing == 0.020
