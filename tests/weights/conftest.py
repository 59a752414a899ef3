"""Two tiny networks with their cards: one for any lead field, one for the one it was trained on."""

from pathlib import Path

import pytest
import torch

from headwater.forward.leadfield import LeadField
from headwater.networks import FCN, PIUNet
from headwater.weights import save_network
from headwater.weights.card import Card, LeadFieldMark
from spheres import electrodes, sphere_leadfield

WORDS = {"preset": "!Preset", "recipe": {"seed": 1}, "device": "cpu", "intended_use": "tests", "limits": "all"}


@pytest.fixture(scope="session")
def leadfield() -> LeadField:
    """Sixteen electrodes on a sphere, sources every 30 mm inside."""
    return sphere_leadfield(electrodes("biosemi16"), 30.0)


def card(network: torch.nn.Module, name: str, leadfield: LeadField | None) -> Card:
    return Card(
        name=name,
        network="piunet" if isinstance(network, PIUNet) else "fcn",
        config=network.config,
        parameters=network.n_parameters,
        leadfield=None if leadfield is None else LeadFieldMark.of(leadfield),
        steps=10,
        batch_size=4,
        hours=0.1,
        validation={"bells nmse": 0.5},
        baseline={"bells nmse": 0.9},
        versions={"torch": torch.__version__},
        **WORDS,
    )


@pytest.fixture
def piunet(tmp_path) -> Path:
    """Weights of a 3D-PIUNet."""
    torch.manual_seed(0)
    network = PIUNet(channels=4, depth=2, blocks=1, heads=2, patch=2, box=None, bells_mm=(20.0,), context=True)
    torch.nn.init.normal_(network.unet.head.weight)
    save_network(network, tmp_path / "piunet.safetensors", card(network, "mine", None))
    return tmp_path / "piunet.safetensors"


@pytest.fixture
def fcn(tmp_path, leadfield) -> Path:
    """Weights of a network that belongs to the lead field."""
    torch.manual_seed(0)
    network = FCN.for_leadfield(leadfield, hidden=(8,))
    save_network(network, tmp_path / "fcn.safetensors", card(network, "bound", leadfield))
    return tmp_path / "fcn.safetensors"
