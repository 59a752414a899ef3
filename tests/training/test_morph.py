"""From a weights file alone to a solver for another cap."""

import numpy as np
import pytest
import yaml

import headwater as hw
from headwater._utils.errors import InputError
from headwater.benchmark import PROTOCOLS
from headwater.benchmark.choice import chosen
from headwater.networks import FCN, Morphed
from headwater.simulation.presets import PIUNET
from headwater.training.losses import CurrentL1
from headwater.training.morph import morphed_network
from headwater.training.run import train_recipe

RECIPE = {
    "network": "fcn",
    "config": {"hidden": [8]},
    "preset": "PIUNET",
    "heads": [{"montage": "biosemi16", "spacing": 25.0, "method": "sphere"}],
    "loss": "l1",
    "schedule": {"steps": 1, "warmup": 1},
    "batch_size": 4,
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("morph")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(RECIPE))
    train_recipe(folder / "tiny.yaml", folder / "run")
    return folder / "run" / "tiny.safetensors"


def test_its_lead_field_is_made_again_from_the_card(weights):
    solver = morphed_network(weights)
    template = hw.template_head()
    other = hw.make_leadfield(template, hw.montage_info(template, "biosemi32"), spacing=30.0, method="sphere")
    assert solver.home.n_channels == 16
    currents = solver.fit(other).estimate(np.random.default_rng(0).normal(size=(32, 2)) * 1e-6)
    assert currents.shape == (other.n_sources, 3, 2)
    assert np.abs(currents).max() > 0


def test_networks_without_a_home_are_refused(leadfield, tmp_path):
    with pytest.raises(InputError, match="piunet accepts any head and montage"):
        morphed_network("piunet")
    network = FCN.for_leadfield(leadfield, hidden=(8,))
    hw.train(network, leadfield, PIUNET, CurrentL1(), steps=1, out=tmp_path / "out", batch_size=4)
    with pytest.raises(InputError, match="does not say which head"):
        morphed_network(tmp_path / "out" / "network.safetensors")


def test_the_benchmark_takes_it_under_a_name_of_its_own(weights):
    methods = chosen(PROTOCOLS["piunet"], [f"morphed:{weights}", "mne"])
    assert isinstance(methods["tiny-morphed"].solver, Morphed)
