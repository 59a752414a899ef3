from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from headwater._utils.errors import InputError
from headwater.simulation.spatial.geometry import geometry_of
from headwater.simulation.spatial.placement import (
    AlongPath,
    Anywhere,
    AtDistance,
    CortexAndDeep,
    EachRegion,
    FarApart,
    Independent,
    draw_centers,
)

CPU = torch.device("cpu")


def _centers(leadfield, where, further, n=4000, count=1):
    generator = torch.Generator().manual_seed(0)
    return draw_centers(where, further, torch.full((n,), count), count, geometry_of(leadfield, CPU), generator).numpy()


def test_anywhere_is_uniform(cortex):
    n = 100_000
    counts = np.bincount(_centers(cortex, Anywhere(), Independent(), n)[:, 0], minlength=cortex.n_sources)
    expected = n / cortex.n_sources
    chi2 = np.sum((counts - expected) ** 2 / expected)
    assert abs(chi2 - cortex.n_sources) < 5 * np.sqrt(2 * cortex.n_sources)


def test_the_medial_wall_is_no_place_for_sources(mixed):
    ids = np.asarray(mixed.region_ids).copy()
    wall = np.flatnonzero(geometry_of(mixed, CPU).cortical)[:50]
    deep = np.flatnonzero(~geometry_of(mixed, CPU).cortical.numpy())[:5]
    ids[wall], ids[deep] = -1, -1
    density = Anywhere().density(geometry_of(replace(mixed, region_ids=ids), CPU))
    assert not density[wall].any()
    assert density[deep].all()
    assert density.sum() == mixed.n_sources - 50
    cortex_unnamed = np.where(geometry_of(mixed, CPU).cortical, -1, mixed.region_ids)
    assert Anywhere().density(geometry_of(replace(mixed, region_ids=cortex_unnamed), CPU)).all()


def test_regions_hold_the_centres_and_unknown_ones_are_refused(mixed):
    centers = _centers(mixed, Anywhere(regions=("Left-Thalamus",)), Independent())[:, 0]
    assert {mixed.region_names[i] for i in mixed.region_ids[centers]} == {"Left-Thalamus"}
    with pytest.raises(InputError, match=r"Anywhere\.regions names Cuneus.*upper"):
        _centers(mixed, Anywhere(regions=("Cuneus",)), Independent())


def test_each_region_is_equally_probable(mixed):
    n = 40_000
    names = mixed.region_ids[_centers(mixed, EachRegion(), Independent(), n)[:, 0]]
    shares = np.bincount(names, minlength=4) / n
    np.testing.assert_allclose(shares, 0.25, atol=5 * np.sqrt(0.25 * 0.75 / n))


def test_cortical_share(mixed, volume, cortex):
    n = 40_000
    cortical = geometry_of(mixed, CPU).cortical.numpy()
    assert cortical.sum() == 642
    drawn = cortical[_centers(mixed, CortexAndDeep(2 / 9), Independent(), n)[:, 0]]
    assert drawn.mean() == pytest.approx(2 / 9, abs=5 * np.sqrt(2 / 9 * 7 / 9 / n))
    for leadfield in (volume, cortex):
        assert len(np.unique(_centers(leadfield, CortexAndDeep(2 / 9), Independent())[:, 0])) > 500
    with pytest.raises(InputError, match=r"CortexAndDeep\.cortical_share"):
        CortexAndDeep(1.5)


def test_far_apart_follows_the_distance_to_the_nearest_earlier_centre(cortex):
    centers = _centers(cortex, Anywhere(), FarApart(), 20_000, 2)
    distance = np.linalg.norm(cortex.pos[centers[:, 0]] - cortex.pos[centers[:, 1]], axis=1)
    # On the (near-uniform) sphere E[d] under p(d) ~ d is E[d^2] / E[d] of all pairs.
    pairs = cdist(cortex.pos, cortex.pos)
    assert distance.mean() == pytest.approx(np.mean((pairs**2).sum(1) / pairs.sum(1)), rel=0.01)
    third = _centers(cortex, Anywhere(), FarApart(), 10_000, 3)
    to = np.linalg.norm(cortex.pos[third[:, 2:]] - cortex.pos[third[:, :2]], axis=2).min(1)
    near = np.minimum(pairs[third[:, 0]], pairs[third[:, 1]])
    assert to.mean() == pytest.approx(np.mean((near**2).sum(1) / near.sum(1)), rel=0.015)
    assert to.min() > 0


def test_at_distance_keeps_its_bounds_and_refuses_the_impossible(cortex):
    centers = _centers(cortex, Anywhere(), AtDistance(20, 30), 2000, 3)
    for k in (1, 2):
        nearest = np.linalg.norm(cortex.pos[centers[:, k : k + 1]] - cortex.pos[centers[:, :k]], axis=2).min(1)
        assert nearest.min() >= 0.020
        assert nearest.max() <= 0.030
    with pytest.raises(InputError, match="low_mm"):
        _centers(cortex, Anywhere(), AtDistance(500), 10, 2)
    with pytest.raises(InputError, match=r"AtDistance\.high_mm"):
        AtDistance(20, 10)


def test_a_path_goes_on_in_steps(cortex):
    centers = _centers(cortex, Anywhere(), AlongPath(15), 500, 4)
    steps = np.linalg.norm(np.diff(cortex.pos[centers], axis=1), axis=2)
    assert np.median(steps[:, 1:]) == pytest.approx(0.015, abs=0.004)
    assert all(len(set(row)) == 4 for row in centers.tolist())
    ahead = cortex.pos[centers[:, 2]] - cortex.pos[centers[:, 1]], cortex.pos[centers[:, 3]] - cortex.pos[centers[:, 2]]
    turn = np.einsum("nx,nx->n", *ahead) / np.linalg.norm(ahead[0], axis=1) / np.linalg.norm(ahead[1], axis=1)
    assert np.median(turn) > 0.8
