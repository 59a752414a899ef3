import numpy as np
import pytest
import torch
from scipy.sparse import csgraph
from scipy.spatial.distance import cdist

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.simulation.distributions import Constant, Integers, Uniform
from headwater.simulation.spatial import (
    BinaryPatches,
    GaussianBells,
    GrownRegions,
    RadialPatches,
    RingClusters,
    active_share,
)
from headwater.simulation.spatial.geometry import Euclidean, Geodesic, geometry_of
from headwater.simulation.spatial.orientation import AlongNormal, RandomDirection
from headwater.simulation.spatial.placement import Anywhere, CortexAndDeep

CPU = torch.device("cpu")


def _draw(leadfield, pattern, n=200, seed=0):
    return pattern.draw(n, geometry_of(leadfield, CPU), torch.Generator().manual_seed(seed))


def _x(leadfield, pattern, n=200, seed=0):
    drawn = _draw(leadfield, pattern, n, seed)
    return drawn, drawn.currents(torch.ones(n, pattern.n_components, 1)).dense()[..., 0].numpy()


def _geodesic(leadfield: LeadField) -> np.ndarray:
    graph = leadfield.adjacency.tocoo()
    lengths = np.linalg.norm(leadfield.pos[graph.row] - leadfield.pos[graph.col], axis=1)
    return csgraph.dijkstra(type(leadfield.adjacency)((lengths, (graph.row, graph.col)), shape=graph.shape))


@pytest.mark.parametrize("normalized", [True, False])
def test_bells_are_equation_5(volume, normalized):
    drawn, x = _x(volume, GaussianBells(n_sources=Integers(1, 4), sigma_mm=Uniform(10, 80), normalized=normalized), 50)
    for b in range(50):
        expected = np.zeros_like(x[b])
        for s in range(4):
            if drawn.centers[b, s] < 0:
                continue
            d = 1e3 * np.linalg.norm(volume.pos - volume.pos[drawn.centers[b, s]], axis=1)
            sigma = drawn.extent_mm[b, s].item()
            bell = np.exp(-(d**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi * sigma**2) if normalized else 1)
            expected += drawn.amplitude[b, s].item() * bell[:, None] * drawn.orientation[b, s].numpy()
        np.testing.assert_allclose(x[b], expected, atol=2e-4 * np.abs(expected).max())


def test_bells_have_the_drawn_number_amplitude_and_direction(volume):
    drawn = _draw(volume, GaussianBells(), 3000)
    count = (drawn.centers >= 0).sum(1)
    assert (count.min(), count.max()) == (1, 20)
    assert count.float().mean().item() == pytest.approx(10.5, abs=5 * np.sqrt(399 / 12 / 3000))
    amplitude = drawn.amplitude[drawn.centers >= 0]
    assert amplitude.std().item() == pytest.approx(1e-9, rel=0.02)
    assert not drawn.amplitude[drawn.centers < 0].any()
    orientation = drawn.orientation.reshape(-1, 3)
    np.testing.assert_allclose(orientation.norm(dim=1), 1, atol=1e-6)
    np.testing.assert_allclose(orientation.T @ orientation / len(orientation), np.eye(3) / 3, atol=0.01)


@pytest.mark.parametrize("metric", [Euclidean(), Geodesic()])
def test_radial_patches_fall_linearly(cortex, metric):
    drawn = _draw(cortex, RadialPatches(metric=metric))
    distance = cdist(cortex.pos, cortex.pos) if metric == Euclidean() else _geodesic(cortex)
    for component in range(0, drawn.centers.numel(), 37):
        center = drawn.centers.flatten()[component].item()
        entries = drawn.component == component
        if center < 0:
            assert not entries.any()
            continue
        radius = 0.5e-3 * drawn.extent_mm.flatten()[component].item()
        expected = 1 - distance[center] / radius
        got = np.zeros(cortex.n_sources)
        got[drawn.source[entries]] = drawn.coefficient[entries]
        np.testing.assert_allclose(got, expected.clip(min=0), atol=1e-4)
        assert got[center] == 1


def test_radial_patches_extend_uniformly(cortex):
    drawn = _draw(cortex, RadialPatches(diameter_mm=Uniform(20, 60)), 5000)
    extent = drawn.extent_mm[drawn.centers >= 0].numpy()
    assert (extent.min(), extent.max()) == (pytest.approx(20, abs=0.1), pytest.approx(60, abs=0.1))
    assert extent.mean() == pytest.approx(40, abs=0.5)


def test_binary_patches_are_discs_of_ones(cortex):
    drawn, x = _x(cortex, BinaryPatches(n_sources=Integers(2, 5), radius_mm=Uniform(10, 30)), 100)
    assert set(np.unique(x)) == {0.0, np.float32(1e-9)}
    distance = _geodesic(cortex)
    for b in range(100):
        expected = np.zeros(cortex.n_sources, bool)
        for center, radius in zip(drawn.centers[b].tolist(), drawn.extent_mm[b].tolist(), strict=True):
            if center >= 0:
                expected |= distance[center] < 1e-3 * radius
        np.testing.assert_array_equal(x[b, :, 0] > 0, expected)


def test_active_share_is_the_class_balance(cortex):
    pattern = BinaryPatches(n_sources=1, radius_mm=Uniform(10, 35), metric=Euclidean())
    share = active_share(pattern, geometry_of(cortex, CPU), n=5000)
    # A Euclidean ball of radius r around a point of a sphere cuts a cap of area pi r^2, whatever the sphere's radius;
    # the mean of r^2 is (35^3 - 10^3) / (3 * 25).
    assert share == pytest.approx((35**3 - 10**3) / 3 / 25 / (4 * 70**2), rel=0.03)
    with pytest.raises(InputError, match="GaussianBells"):
        active_share(GaussianBells(), geometry_of(cortex, CPU), n=1)


def test_grown_regions_are_first_passage_patches(cortex):
    pattern = GrownRegions(n_sources=1, radius_mm=Uniform(15, 30), elongation=0.6, edge_coefficient=0.3)
    drawn = _draw(cortex, pattern, 300)
    distance = _geodesic(cortex)
    ratios = []
    for b in range(300):
        center, radius = drawn.centers[b, 0].item(), 1e-3 * drawn.extent_mm[b, 0].item()
        members = drawn.source[drawn.component == b].numpy()
        coefficient = drawn.coefficient[drawn.component == b].numpy()
        assert center in members
        n_parts, _ = csgraph.connected_components(cortex.adjacency[members][:, members])
        assert n_parts == 1
        # All that is near enough even against the drift, nothing that is too far even along it.
        assert set(np.flatnonzero(distance[center] < radius / 1.6 - 1e-6)) <= set(members)
        assert distance[center, members].max() <= radius / 0.4 + 1e-6
        expected = 0.3 ** ((distance[center, members] / (radius / 0.4)) ** 2)
        np.testing.assert_allclose(coefficient, expected, rtol=1e-4)
        assert coefficient[members == center] == 1
        offset = cortex.pos[members] - cortex.pos[center]
        spread = np.linalg.svd(offset - offset.mean(0), compute_uv=False)
        ratios.append((np.linalg.norm(offset.mean(0)) / radius, spread[0] / spread[1]))
    shift, elongated = np.median(ratios, axis=0)
    round_patches = _draw(cortex, GrownRegions(n_sources=1, radius_mm=20, elongation=0), 100)
    offsets = [
        np.linalg.norm((cortex.pos[round_patches.source[round_patches.component == b]]).mean(0)
                       - cortex.pos[round_patches.centers[b, 0]]) / 0.020 for b in range(100)
    ]  # fmt: skip
    assert shift > 0.4 > 0.2 > np.median(offsets)
    assert elongated > 1.15


def test_clusters_are_rings_within_a_region(mixed):
    drawn = _draw(mixed, RingClusters(), 600)
    hops = csgraph.dijkstra(mixed.adjacency, unweighted=True)
    for b in range(600):
        entries = drawn.component == b
        members, center = drawn.source[entries].numpy(), drawn.centers[b, 0].item()
        coefficient = drawn.coefficient[entries].numpy()
        assert (mixed.region_ids[members] == mixed.region_ids[center]).all()
        rings = {1.0: 0, 0.95: 1, 0.9: 2, 0.85: 3}
        depth = np.array([rings[round(float(value), 2)] for value in coefficient])
        # Ways within the region may be longer than ways through the neighbouring one.
        assert (depth >= hops[center, members]).all()
        assert depth.max() in (1, 2, 3)
        within = mixed.region_ids == mixed.region_ids[center]
        ball = hops[center] if b % 2 else _hops_within(mixed, within, center)
        if b % 2 == 0:
            np.testing.assert_array_equal(np.sort(members), np.flatnonzero(within & (ball <= depth.max())))


def _hops_within(leadfield, within, center):
    graph = leadfield.adjacency.tocoo()
    keep = within[graph.row] & within[graph.col]
    cut = type(leadfield.adjacency)((graph.data[keep], (graph.row[keep], graph.col[keep])), shape=graph.shape)
    return csgraph.dijkstra(cut, indices=center, unweighted=True)


def test_number_of_rings_is_uniform_and_sizes_are_those_of_the_graph(mixed):
    drawn = _draw(mixed, RingClusters(where=Anywhere(regions=("upper", "lower"))), 6000)
    deepest = torch.ones(6000).scatter_reduce_(0, drawn.component, drawn.coefficient, "amin")
    shares = [(deepest - value).abs().lt(1e-6).float().mean().item() for value in (0.95, 0.9, 0.85)]
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)
    sizes = torch.bincount(drawn.component)
    assert sizes.max() == 37  # 1 + 6 + 12 + 18 on a triangle mesh of degree six


def test_orientation_is_the_normal_on_the_cortex_and_one_direction_in_a_nucleus(mixed):
    drawn = _draw(mixed, RingClusters(where=CortexAndDeep(0.5)), 400)
    cortical = geometry_of(mixed, CPU).cortical
    n_deep = 0
    for b in range(400):
        entries = drawn.component == b
        direction, source = drawn.direction[entries].numpy(), drawn.source[entries]
        if cortical[drawn.centers[b, 0]]:
            np.testing.assert_allclose(direction, mixed.normals[source], atol=1e-6)
        else:
            n_deep += 1
            np.testing.assert_array_equal(direction, np.tile(drawn.orientation[b, 0].numpy(), (len(direction), 1)))
    assert 120 < n_deep < 280


def test_random_direction_is_one_for_all_of_a_patch(mixed):
    drawn = _draw(mixed, RadialPatches(n_sources=1, orientation=RandomDirection(), metric=Euclidean()), 5)
    for b in range(5):
        assert len(drawn.direction[drawn.component == b].unique(dim=0)) == 1


def test_fixed_orientation_is_the_lead_fields(cortex):
    for orientation in (AlongNormal(), RandomDirection()):
        drawn, x = _x(cortex, RadialPatches(orientation=orientation), 20)
        assert x.shape == (20, cortex.n_sources, 1)
        assert (x >= 0).all()
        present = drawn.centers >= 0
        np.testing.assert_allclose(drawn.orientation[present], cortex.normals[drawn.centers[present]], atol=1e-6)


def test_impossible_requests_name_the_field(cortex, volume):
    few = LeadField.from_arrays(
        volume.gain[:, :5], volume.pos[:5], ch_names=volume.ch_names, normals=volume.normals[:5]
    )
    for leadfield, make, named in (
        (few, lambda: GaussianBells(n_sources=Integers(1, 6)), r"GaussianBells\.n_sources reaches 6.*only 5"),
        (few, lambda: RadialPatches(n_sources=1, metric=Geodesic()), "neighbours"),
        (few, lambda: GrownRegions(n_sources=1), "grown|geodesic"),
        (few, lambda: RingClusters(), "neighbours"),
        (cortex, lambda: RadialPatches(diameter_mm=0), r"RadialPatches\.diameter_mm"),
        (cortex, lambda: BinaryPatches(radius_mm=Uniform(-1, 2)), r"BinaryPatches\.radius_mm"),
        (cortex, lambda: GrownRegions(elongation=1), r"GrownRegions\.elongation"),
        (cortex, lambda: RingClusters(n_rings=4), r"RingClusters\.n_rings"),
        (cortex, lambda: RadialPatches(metric="geodesic"), r"RadialPatches\.metric"),
    ):
        with pytest.raises(InputError, match=named):
            _draw(leadfield, make(), 4)


def test_overlapping_patches_sum(cortex):
    pattern = RadialPatches(n_sources=Constant(3), diameter_mm=60)
    drawn, x = _x(cortex, pattern, 50)
    np.testing.assert_allclose(1e9 * x[..., 0], drawn.summed(), rtol=1e-5)
    assert (drawn.summed() > 1).any()
