from dataclasses import replace

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.bem import make_bem
from headwater.forward.layers import check_closed, head_layers
from headwater.head import model
from headwater.head.anatomy import LabelVolume
from headwater.head.geometry import NearestPoint, inside
from headwater.head.model import Head
from headwater.head.sensors import montage_info
from headwater.head.warp import Warp


@pytest.fixture(scope="module")
def points(template: Head) -> np.ndarray:
    assert template.scalp is not None
    return np.vstack([template.scalp.rr, template.inner_skull.rr])


def test_warp_is_undone_to_less_than_a_tenth_of_a_millimetre(other: Head, points: np.ndarray) -> None:
    assert other.warp is not None
    assert np.abs(other.warp.inverse(other.warp.forward(points)) - points).max() < 1e-6
    assert np.abs(other.warp.forward(other.warp.inverse(points)) - points).max() < 1e-6


def test_warp_has_the_promised_size(template: Head) -> None:
    for seed in range(3):
        warp = template.varied(seed).warp
        assert warp is not None
        length = np.linalg.norm(warp.displacement(template.inner_skull.rr), axis=1)
        assert np.median(length) == pytest.approx(0.005)
        assert length.max() < 0.02
        assert np.abs(np.diag(warp.affine)[:3] - 1).max() <= 0.05


def test_warp_is_smooth_and_never_folds(other: Head, points: np.ndarray) -> None:
    assert other.warp is not None
    step, jacobian = 1e-5, np.empty((len(points), 3, 3))
    for axis in range(3):
        shift = step * np.eye(3)[axis]
        jacobian[:, :, axis] = (other.warp.forward(points + shift) - other.warp.forward(points - shift)) / (2 * step)
    determinant = np.linalg.det(jacobian)
    assert determinant.min() > 0.3
    assert determinant.max() < 2


def test_variations_chain(other: Head, points: np.ndarray) -> None:
    third = other.varied(2)
    assert third.scalp is not None
    np.testing.assert_allclose(third.to_reference(third.scalp.rr), points[: len(third.scalp.rr)], atol=1e-6)
    assert third.reference == "template"


def test_affine_without_waves_is_exact() -> None:
    affine = np.array([[1.1, 0, 0, 0.01], [0, 0.9, 0.1, 0], [0, 0, 1, -0.02], [0, 0, 0, 1]])
    points = np.random.default_rng(0).normal(size=(20, 3))
    warp = Warp.from_affine(affine)
    np.testing.assert_allclose(warp.inverse(warp.forward(points)), points, atol=1e-12)


def test_same_seed_same_head_other_seed_other_head(template: Head, other: Head) -> None:
    again, different = template.varied(1), template.varied(2)
    assert other.scalp is not None
    assert again.scalp is not None
    assert different.scalp is not None
    np.testing.assert_array_equal(again.scalp.rr, other.scalp.rr)
    assert again.conductivities == other.conductivities
    assert again.electrode_seed == other.electrode_seed
    assert np.abs(different.scalp.rr - other.scalp.rr).max() > 0.003
    assert different.conductivities != other.conductivities


@pytest.mark.parametrize("seed", range(3))
def test_surfaces_stay_nested(template: Head, seed: int) -> None:
    head = template.varied(seed)
    assert head.is_nested()
    assert head.outer_skull is not None
    assert head.scalp is not None
    assert inside(head.outer_skull.rr, head.outer_skull.tris, head.inner_skull.rr[::9]).all()
    assert inside(head.scalp.rr, head.scalp.tris, head.outer_skull.rr[::9]).all()


def test_each_strength_has_its_own_effect(template: Head) -> None:
    still = template.varied(3, geometry=0, electrodes=0, conductivity=0)
    assert still.scalp is template.scalp
    assert still.conductivities == template.conductivities
    assert still.electrode_jitter == 0
    shape = template.varied(3, electrodes=0, conductivity=0)
    full = template.varied(3)
    assert shape.scalp is not None
    assert full.scalp is not None
    np.testing.assert_array_equal(shape.scalp.rr, full.scalp.rr)


SWITCHES = ({"thickness": 1.0}, {"thin_places": 1.0}, {"segmentation": 1.0})


@pytest.mark.parametrize("switch", SWITCHES)
def test_another_skull_around_the_same_brain(template: Head, switch: dict[str, float]) -> None:
    """Surfaces differ and stay nested; sources and MNI coordinates do not change."""
    head = template if "segmentation" in switch else replace(template, cortex=None)  # quicker
    other = head.varied(1, geometry=0, electrodes=0, conductivity=0, **switch)
    check_closed(head_layers(other))
    before, after = (thickness(one) for one in (head, other))
    assert after.min() > 0.0024
    assert 0.1 < np.log(after / before).std() < 0.35
    assert other.cortex is head.cortex
    assert other.warp is None
    assert other.conductivities == head.conductivities


def thickness(head: Head) -> np.ndarray:
    """From the vertices of the outer skull to the inner skull, in metres."""
    return NearestPoint(head.inner_skull.rr, head.inner_skull.tris)(head.outer_skull.rr)[1]


def test_impossible_skulls_are_refused(template: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    tissues = LabelVolume(np.ones((2, 2, 2), np.uint8), np.eye(4), ("scalp",))
    with pytest.raises(InputError, match="are a segmentation, which `thickness`"):
        replace(template, tissues=tissues).varied(1, geometry=0, thickness=1)
    with pytest.raises(InputError, match="has no skull and scalp surfaces to vary"):
        replace(template, outer_skull=None).varied(1, geometry=0, thickness=1)
    monkeypatch.setattr(model, "ATTEMPTS", 1)
    with pytest.raises(InputError, match="thickness=0, thin_places=0 and segmentation=9 keeps its surfaces"):
        replace(template, cortex=None).varied(1, geometry=0, segmentation=9)


def test_conductivities_span_their_range(template: Head) -> None:
    drawn = [template.varied(seed, geometry=0).conductivities for seed in range(200)]
    skull = np.array([c.skull for c in drawn])
    assert 0.0113 / 2 <= skull.min() < 0.0062
    assert 0.0206 < skull.max() <= 0.0113 * 2
    assert np.median(np.log(skull)) == pytest.approx(np.log(0.0113), abs=0.2)
    brain = np.array([c.brain for c in drawn])
    assert 0.332 / 1.5 <= brain.min()
    assert brain.max() <= 0.332 * 1.5


def test_an_impossible_shape_is_refused(template: Head) -> None:
    with pytest.raises(InputError, match="geometry=20"):
        template.varied(0, geometry=20)


def test_lead_field_differs_as_between_people(template: Head) -> None:
    """Relative difference measure (J. W. H. Meijs et al. 1989) between the topographies of corresponding sources."""
    reference = _topographies(template)
    for seed in (0, 1):
        topographies = _topographies(template.varied(seed))
        rdm = np.linalg.norm(topographies - reference, axis=0)
        assert 0.05 < np.median(rdm) < 0.25


def _topographies(head: Head) -> np.ndarray:
    """Average-referenced potentials of unit length, of 200 vertical dipoles under the cortex, for 61 electrodes."""
    assert head.cortex is not None
    pos = np.vstack([surface.rr[::103] for surface in head.cortex.white])
    src = mne.setup_volume_source_space(
        None, pos={"rr": pos, "nn": np.tile([0.0, 0, 1], (len(pos), 1))}, mindist=0, verbose="error"
    )
    bem = make_bem(head, n_layers=3, ico=3)
    forward = mne.make_forward_solution(
        montage_info(head), head.mri_head_t, src, bem, meg=False, eeg=True, mindist=0, verbose="error"
    )
    gain = forward["sol"]["data"].reshape(61, -1, 3)[:, :, 2]
    assert gain.shape[1] == len(pos)
    gain = gain - gain.mean(axis=0)
    return gain / np.linalg.norm(gain, axis=0)
