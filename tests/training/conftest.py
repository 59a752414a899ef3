"""A lead field that is made in a moment, and a network small enough to be trained in a test."""

from collections.abc import Callable

import mne
import pytest
import torch

from headwater.forward.leadfield import LeadField
from headwater.networks import PIUNet

SPACING = 0.025


@pytest.fixture(scope="session")
def leadfield() -> LeadField:
    """Sixteen electrodes on a sphere, sources every 25 mm inside."""
    names = mne.channels.make_standard_montage("biosemi16").ch_names
    info = mne.create_info(names, 100.0, "eeg").set_montage("biosemi16")
    sphere = mne.make_sphere_model("auto", "auto", info, verbose="error")
    src = mne.setup_volume_source_space(sphere=sphere, pos=1e3 * SPACING, verbose="error")
    return LeadField.from_forward(mne.make_forward_solution(info, trans=None, src=src, bem=sphere, verbose="error"))


@pytest.fixture
def small() -> Callable[..., PIUNet]:
    """Make a tiny 3D-PIUNet, always with the same weights."""

    def make(seed: int = 0, **changes: object) -> PIUNet:
        torch.manual_seed(seed)
        config = {"channels": 4, "depth": 2, "blocks": 1, "heads": 2, "patch": 2, "box": None}
        return PIUNet(**{**config, "lambda2": (0.1,), "context": True, **changes})

    return make
