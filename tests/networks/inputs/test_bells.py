"""Matched bells: what one bell makes is found again, among all candidates."""

import math

import pytest
import torch

from headwater.networks.inputs.bells import TEMPERS, MatchedBells
from headwater.networks.inputs.lattice import Lattice
from headwater.solvers.inputs.whitening import whiten

WIDTHS = (15.0, 40.0)


@pytest.fixture(scope="module")
def gain(free_leadfield) -> torch.Tensor:
    white = whiten(free_leadfield, None).gain
    return torch.from_numpy(white / white.std()).float()


@pytest.fixture(scope="module")
def bells(free_leadfield, gain) -> MatchedBells:
    return MatchedBells(gain, Lattice(free_leadfield), WIDTHS)


def bell(bells: MatchedBells, center: int, width_mm: float, seed: int = 0) -> torch.Tensor:
    """Currents of a bell in a random direction, shape (n_sources, 3)."""
    direction = torch.randn(3, generator=torch.Generator().manual_seed(seed))
    spike = torch.zeros(len(bells.lattice.voxel))
    spike[center] = 1.0
    shape = bells.lattice.values(bells.lattice.blurred(bells.lattice.image(spike), 1e-3 * width_mm))
    return shape[:, None] * direction / direction.norm()


def data(currents: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    """Noiseless data of length 1, shape (1, rank)."""
    y = torch.einsum("msx,sx->m", gain, currents)[None]
    return y / y.norm()


@pytest.mark.parametrize("center", [3, 40, 77, 120])
@pytest.mark.parametrize("width", [0, 1])
def test_a_bell_is_found(bells, gain, free_leadfield, center, width):
    currents = bell(bells, center, WIDTHS[width], seed=center)
    found = bells(data(currents, gain))
    sharp = found.maps.unflatten(1, (len(TEMPERS), len(WIDTHS)))[0, -1]
    best_width, best_center = divmod(int(sharp.argmax()), sharp.shape[1])
    assert best_width == width
    off = math.dist(free_leadfield.pos[best_center], free_leadfield.pos[center])
    assert off == 0 if width == 0 else off < 1.01 * bells.lattice.spacing  # wide bells nearly look alike
    assert found.unexplained < 0.01
    mean = bells.lattice.values(found.mean)[0].T
    assert torch.cosine_similarity(mean.flatten(), currents.flatten(), dim=0) > 0.95


def test_maps_are_relative_probabilities(bells, gain):
    y = torch.randn(5, gain.shape[0])
    found = bells(y / y.norm(dim=1, keepdim=True))
    assert found.maps.shape == (5, len(TEMPERS) * len(WIDTHS), gain.shape[1])
    assert (found.maps >= 0).all()
    for maps in found.maps.unflatten(1, (len(TEMPERS), len(WIDTHS))).unbind(1):
        assert torch.allclose(maps.flatten(1).amax(1), torch.ones(5))  # the best candidate


def test_what_is_left_is_as_small_as_least_squares_make_it(bells, gain):
    y = torch.randn(3, gain.shape[0])
    y /= y.norm(dim=1, keepdim=True)
    found = bells(y)
    assert torch.allclose(found.rest.square().sum(1), found.unexplained, atol=1e-5)
    share = []
    for width in WIDTHS:
        for center in range(gain.shape[1]):
            shape = bell(bells, center, width).norm(dim=1)
            basis, _ = torch.linalg.qr(torch.einsum("msx,s->mx", gain, shape))
            share.append((y @ basis).square().sum(1))
    exact = 1 - torch.stack(share).amax(0)
    assert (found.unexplained > exact - 1e-4).all()
    assert (found.unexplained < exact + 0.05).all()  # the ridge takes a little


def test_the_sign_of_the_data_turns_the_mean_and_nothing_else(bells, gain):
    y = data(bell(bells, 30, 40.0), gain)
    one, other = bells(y), bells(-y)
    assert torch.allclose(other.mean, -one.mean)
    assert torch.allclose(other.maps, one.maps)
