"""Sources as an image: there and back, and Gaussian sums done the long way."""

import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.networks.inputs.lattice import Lattice


@pytest.fixture(scope="module")
def lattice(free_leadfield) -> Lattice:
    return Lattice(free_leadfield, 4)


def test_the_box_is_padded_to_multiples(lattice, free_leadfield):
    assert all(
        side % 4 == 0 and 0 <= side - need < 4
        for side, need in zip(lattice.shape, free_leadfield.grid.shape, strict=True)
    )
    assert Lattice(free_leadfield, 1).shape == free_leadfield.grid.shape
    assert Lattice(free_leadfield, 4, (16, 16, 16)).shape == (16, 16, 16)


def test_values_come_back_and_nothing_else_is_in_the_image(lattice, free_leadfield):
    values = 1 + torch.rand(2, 3, free_leadfield.n_sources)
    image = lattice.image(values)
    assert image.shape == (2, 3, *lattice.shape)
    assert torch.equal(lattice.values(image), values)
    assert (image != 0).sum() == values.numel()


def test_an_image_of_features_is_the_same_image_in_another_order_of_memory(lattice, free_leadfield):
    values = torch.rand(2, 5, free_leadfield.n_sources)
    image = lattice.features(values)
    assert torch.equal(image, lattice.image(values))
    assert image.is_contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(lattice.values(image), values)


def test_neighbours_in_the_image_are_neighbours_in_the_head(lattice, free_leadfield):
    pos = torch.from_numpy(free_leadfield.pos).float()
    image, there = lattice.image(pos.T), lattice.image(torch.ones(len(pos))) > 0
    for axis in range(3):
        both = there.narrow(axis, 0, lattice.shape[axis] - 1) & there.narrow(axis, 1, lattice.shape[axis] - 1)
        step = image.diff(dim=axis + 1)[:, both]
        assert torch.allclose(step.norm(dim=0), torch.tensor(lattice.spacing), atol=1e-6)
        assert torch.allclose(step, step[:, :1].expand_as(step), atol=1e-6)


def test_blurring_is_the_sum_over_all_pairs(lattice, free_leadfield):
    sigma = 0.03
    values = torch.randn(2, free_leadfield.n_sources)
    distance = np.linalg.norm(free_leadfield.pos[:, np.newaxis] - free_leadfield.pos, axis=2)
    weights = torch.from_numpy(np.exp(-0.5 * (distance / sigma) ** 2)).float()
    blurred = lattice.values(lattice.blurred(lattice.image(values), sigma))
    assert torch.allclose(blurred, values @ weights, atol=1e-4)


def test_what_is_no_image_is_refused(free_leadfield, fixed_leadfield):
    with pytest.raises(InputError, match="use .space='volume'"):
        Lattice(fixed_leadfield)
    with pytest.raises(InputError, match="the network has .4, 4, 4.; use a coarser spacing"):
        Lattice(free_leadfield, 1, (4, 4, 4))
