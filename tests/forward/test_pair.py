"""A pair of lead fields has the same sources, one by one, or is refused."""

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.pair import LeadFieldPair, counterpart
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
