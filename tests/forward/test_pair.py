"""A pair of lead fields has the same sources, one by one, or is refused."""

from dataclasses import replace

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.pair import LeadFieldPair, counterpart
from headwater.head.anatomy import Surface, icosahedron
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.sensors import montage_info
from headwater.head.structures import NUCLEI
from headwater.head.template import template_head

MONTAGE = "biosemi16"


def leadfield_of(head: Head, space: str, spacing: float | str) -> LeadField:
    orient = "fixed" if space == "cortex" else "free"
    structures = [*NUCLEI.values()] if space == "mixed" else None
    return make_leadfield(
        head, montage_info(head, MONTAGE), space, spacing=spacing, ico=3, orient=orient, structures=structures
    )


@pytest.fixture(scope="module")
def other() -> Head:
    return template_head().varied(seed=1)


def test_deep_sources_in_other_voxels_are_refused() -> None:
    # By chance this head has as many deep sources on a grid of 8 mm as the template, but at other places.
    heads = template_head(), template_head().varied(seed=2)
    model, truth = (leadfield_of(head, "mixed", 8.0) for head in heads)
    assert model.gain.shape == truth.gain.shape
    with pytest.raises(InputError, match="different vertices"):
        LeadFieldPair(model=model, truth=truth)


@pytest.mark.parametrize(("space", "spacing"), [("mixed", 8.0), ("volume", 30.0), ("cortex", "ico3")])
def test_a_counterpart_has_the_same_sources(other: Head, space: str, spacing: float | str) -> None:
    model = leadfield_of(template_head(), space, spacing)
    info = montage_info(other, MONTAGE)
    pair = LeadFieldPair(model, counterpart(model, template_head(), other, info, ico=3, spacing=spacing))
    moved_mm = 1e3 * np.linalg.norm(pair.model.pos - pair.truth.pos, axis=1)
    assert 1 < np.median(moved_mm) < 20
    few = pair.pick(pair.model.ch_names[2:5])
    assert few.truth.ch_names == few.model.ch_names == pair.model.ch_names[2:5]


def test_what_differs_is_named() -> None:
    model = leadfield_of(template_head(), "cortex", "ico3")
    with pytest.raises(InputError, match="different channels"):
        LeadFieldPair(model, model.pick(model.ch_names[:5]))
    with pytest.raises(InputError, match="shapes"):
        LeadFieldPair(model, leadfield_of(template_head(), "volume", 30.0))


def test_an_inverse_crime_is_one_lead_field_twice() -> None:
    model = leadfield_of(template_head(), "volume", 30.0)
    pair = LeadFieldPair.inverse_crime(model)
    assert pair.model is pair.truth is model


def stranger(head: Head, *, spheres: bool) -> Head:
    """Let a varied head be a person of their own: other numbers of vertices, and no known way to the template."""
    assert head.cortex is not None
    rng = np.random.default_rng(0)
    whites, spots = [], []
    for white in head.cortex.white:
        order = rng.permutation(len(white.rr))
        whites.append(Surface(white.rr[order], np.argsort(order)[white.tris]))
        spots.append(icosahedron(5).rr[order])
    pair, registered = (whites[0], whites[1]), (spots[0], spots[1])
    cortex = replace(head.cortex, white=pair, pial=pair, registered=registered if spheres else None)
    return replace(head, cortex=cortex, reference="a person", subject="a person")


@pytest.mark.parametrize("spheres", [True, False])
def test_cortical_sources_are_registered_between_people(other: Head, spheres: bool) -> None:
    """Through the registered spheres, or by MNI305, each source finds its vertex; its field is the one it has there."""
    template = template_head()
    model = leadfield_of(template, "cortex", "ico3")
    info = montage_info(other, MONTAGE)
    expected = counterpart(model, template, other, info, ico=3, spacing="ico3")
    found = counterpart(model, template, stranger(other, spheres=spheres), info, ico=3)
    np.testing.assert_allclose(found.pos, expected.pos, atol=1e-9)
    assert np.median((found.normals * expected.normals).sum(axis=1)) > 0.98
    alike = (found.matrix * expected.matrix).sum(axis=0)
    alike /= np.linalg.norm(found.matrix, axis=0) * np.linalg.norm(expected.matrix, axis=0)
    assert np.median(alike) > 0.98
    assert LeadFieldPair(model, found).truth.n_orient == 1
    assert ("registration" in found.assumptions["sources"]) == spheres


def test_a_head_without_cortex_gets_the_sources_through_mni(other: Head) -> None:
    """Places in MNI305 and carried normals; what would lie outside its inner skull is moved inside."""
    template = template_head()
    model = leadfield_of(template, "mixed", 8.0)
    bare = replace(other, cortex=None, reference="a person", warp=None)  # MNI305 as if the head were the template
    info = montage_info(bare, MONTAGE)
    with pytest.raises(InputError, match="lie outside the inner skull"):
        counterpart(model, template, bare, info, ico=3)
    found = counterpart(model, template, bare, info, ico=3, least_depth=0.003)
    depth = -NearestPoint(bare.inner_skull.rr, bare.inner_skull.tris)(bare.to_mri(found.pos))[1]
    assert depth.min() >= 0.003
    moved = np.linalg.norm(bare.to_mni(found.pos) - template.to_mni(model.pos), axis=1) > 1e-6
    assert 0 < moved.mean() < 0.5
    assert np.median((found.normals * model.normals)[model.cortical].sum(axis=1)) > 0.95
    assert (found.cortical == model.cortical).all()
