"""A lead field that is made in a moment, and a network small enough to be trained in a test."""

from collections.abc import Callable

import pytest
import torch

from headwater.forward.leadfield import LeadField
from headwater.networks import PIUNet
from spheres import electrodes, sphere_leadfield

SPACING = 0.025


@pytest.fixture(scope="session")
def leadfield() -> LeadField:
    """Sixteen electrodes on a sphere, sources every 25 mm inside."""
    return sphere_leadfield(electrodes("biosemi16"), 1e3 * SPACING)


@pytest.fixture
def small() -> Callable[..., PIUNet]:
    """Make a tiny 3D-PIUNet, always with the same weights."""

    def make(seed: int = 0, **changes: object) -> PIUNet:
        torch.manual_seed(seed)
        config = {"channels": 4, "depth": 2, "blocks": 1, "heads": 2, "patch": 2, "box": None}
        return PIUNet(**{**config, "lambda2": (0.1,), "context": True, **changes})

    return make
