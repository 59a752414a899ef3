"""What a network knows its lead field by."""

from dataclasses import replace

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.weights.card import LeadFieldMark


@pytest.fixture(scope="module")
def mark(leadfield) -> LeadFieldMark:
    return LeadFieldMark.of(leadfield)


def test_the_lead_field_itself_is_taken(mark, leadfield):
    assert mark.matching(leadfield) is leadfield
    assert LeadFieldMark.model_validate_json(mark.model_dump_json()) == mark


def test_rounding_does_not_matter(mark, leadfield):
    rng = np.random.default_rng(0)
    nearly = replace(leadfield, gain=leadfield.gain * (1 + 1e-5 * rng.normal(size=leadfield.gain.shape)))
    assert mark.matching(nearly) is nearly


def test_channels_are_picked_and_ordered(leadfield):
    few = leadfield.pick(leadfield.ch_names[2:12])
    mark = LeadFieldMark.of(few)
    found = mark.matching(leadfield.pick(leadfield.ch_names[::-1]))
    assert found.ch_names == few.ch_names
    assert np.array_equal(found.gain, few.gain)


def test_other_lead_fields_are_refused(mark, leadfield):
    with pytest.raises(InputError, match="channels that the recording lacks .*use the 3D-PIUNet"):
        mark.matching(leadfield.pick(leadfield.ch_names[:10]))
    order = np.random.default_rng(0).permutation(leadfield.n_sources)
    for gain in (1.01 * leadfield.gain, leadfield.gain[:, order], leadfield.gain[:, :, ::-1]):
        with pytest.raises(InputError, match="belongs to the lead field it was trained on .*morphed_network"):
            mark.matching(replace(leadfield, gain=np.ascontiguousarray(gain)))
