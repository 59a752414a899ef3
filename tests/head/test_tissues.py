from dataclasses import replace

import numpy as np
import pytest

from headwater.head.model import Head
from headwater.head.tissues import label_positions

# MNI coordinates (mm) of places every atlas agrees on.
PLACES = [
    ((-8, -80, 5), ("pericalcarine-lh", "lingual-lh", "cuneus-lh")),
    ((10, -80, 5), ("pericalcarine-rh", "lingual-rh", "cuneus-rh")),
    ((-12, -18, 8), ("Left-Thalamus",)),
    ((12, -18, 8), ("Right-Thalamus",)),
    ((28, -20, -14), ("Right-Hippocampus",)),
    ((-22, -4, -18), ("Left-Amygdala",)),
    ((-26, 2, 2), ("Left-Putamen",)),
    ((12, 12, 8), ("Right-Caudate",)),
    ((0, -30, -35), ("Brain-Stem",)),
    ((46, -20, 8), ("transversetemporal-rh", "superiortemporal-rh")),
    ((-42, -24, 58), ("precentral-lh", "postcentral-lh")),
    ((-48, 20, 14), ("parstriangularis-lh", "parsopercularis-lh")),
    ((0, 0, 200), (None,)),
]


@pytest.mark.parametrize(("place", "expected"), PLACES)
def test_known_places(template: Head, place: tuple[int, int, int], expected: tuple[str, ...]) -> None:
    ids, names = label_positions(template, np.array([place]) / 1000)
    assert (names[ids[0]] if ids[0] >= 0 else None) in expected


def test_names_do_not_depend_on_the_head_shape(template: Head, other: Head) -> None:
    places = np.array([place for place, _ in PLACES]) / 1000
    there = other.to_mri(other.from_mni(places))
    moved, names = label_positions(other, there)
    ids, _ = label_positions(template, places)
    deep = ids >= 68
    np.testing.assert_array_equal(moved[deep], ids[deep])
    assert (moved == ids).mean() > 0.8
    assert len(names) == 89


def test_a_cortical_vertex_has_its_own_region(other: Head) -> None:
    assert other.cortex is not None
    middle = (other.cortex.white[1].rr + other.cortex.pial[1].rr) / 2
    ids, _ = label_positions(replace(other, structures=None), middle)
    np.testing.assert_array_equal(ids, other.cortex.region_ids[1])


def test_a_head_without_anatomy_names_nothing(template: Head) -> None:
    ids, names = label_positions(replace(template, cortex=None, structures=None), np.zeros((3, 3)))
    assert names == ()
    assert (ids == -1).all()
