"""What every network promises, run over the table of all of them: as a solver, in a file, in the training loop."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from headwater.networks import NETWORKS, NetworkSolver
from headwater.simulation.presets import MULTI_SOURCE, PIUNET
from headwater.training.fit import fit
from headwater.training.losses import LOSSES
from headwater.training.module import Trainee
from headwater.training.pairs import TrainingPair
from headwater.training.schedule import Schedule
from headwater.weights import read_network, save_network
from headwater.weights.card import Card, LeadFieldMark

# Lead field, preset, loss, and a configuration small enough for a test.
WINDOWS = replace(MULTI_SOURCE, name="short windows", n_times=16)
CASES = {
    "piunet": ("free", PIUNET, "transport", {"channels": 4, "depth": 2, "blocks": 1, "heads": 2, "patch": 2}),
    "fcn": ("free", PIUNET, "l2", {"hidden": (8,)}),
    "convdip": ("fixed", PIUNET, "l1", {"hidden": (8,)}),
    "multi-source-convnet": ("fixed", WINDOWS, "coefficient-cross-entropy", {"filters": (8,), "hidden": (8,)}),
    "cnn-transformer": (
        "fixed",
        WINDOWS,
        "summed-waveform-error",
        {"by_source": True, "shape": (8, 8), "channels": (4,), "d_model": 8, "n_heads": 2, "n_layers": 1},
    ),
    "deepsif": ("fixed", WINDOWS, "summed-waveform-error", {"by_source": True, "hidden": 8, "n_layers": 1}),
    "gru-dual-path": ("fixed", WINDOWS, "waveform-cosine", {"by_source": True, "hidden": 8, "cells": 4}),
    "direct-unet": ("fixed", PIUNET, "binary-cross-entropy", {"width": 4, "depth": 2, "stages": 2}),
    "4lcnn": ("fixed", PIUNET, "rmse", {"filters": 4, "shape": (8, 8)}),
    "relevance": (
        "free",
        PIUNET,
        "posterior",
        {"channels": 4, "heads": 2, "updates": 2, "voxel_mm": 25.0, "widths_mm": (25.0, 50.0)},
    ),
}


@pytest.fixture(params=NETWORKS)
def case(request, free_leadfield, fixed_leadfield):
    """Lead field, preset, loss and network."""
    kind, preset, loss, config = CASES[request.param]
    leadfield = {"free": free_leadfield, "fixed": fixed_leadfield}[kind]
    torch.manual_seed(0)
    network = NETWORKS[request.param].for_leadfield(leadfield, preset.n_times, **config)
    return leadfield, preset, LOSSES[loss](), network


@pytest.fixture
def data() -> np.ndarray:
    return 1e-6 * np.random.default_rng(0).normal(size=(2, 32, 20))


def test_every_network_has_a_case():
    assert list(CASES) == list(NETWORKS)


def test_the_constructor_is_the_configuration(case):
    *_, network = case
    parameters = inspect.signature(type(network)).parameters.values()
    assert all(each.kind is each.KEYWORD_ONLY for each in parameters)
    assert type(network)(**network.config).config == network.config


def test_it_is_a_solver(case, data):
    leadfield, _, _, network = case
    solver = NetworkSolver(network=network).fit(leadfield)
    found = solver.estimate(data)
    assert found.shape == (2, leadfield.n_sources, leadfield.n_orient, 20)
    assert np.isfinite(found).all()
    assert solver.estimate(data.astype(np.float32)).dtype == np.float32
    for factor in (1e-3, 250.0):
        assert np.linalg.norm(solver.estimate(factor * data) / factor - found) <= 1e-3 * np.linalg.norm(found)


def test_it_trains_and_comes_back_from_its_file(case, data, tmp_path):
    leadfield, preset, loss, network = case
    plan = Schedule(steps=2, warmup=0)
    pairs = [TrainingPair.inverse_crime(leadfield)]
    trainee = Trainee(network, pairs, preset, loss, plan, batch_size=4, seed=0)
    fit(trainee, out=tmp_path / "run")
    trained = trainee.average.module
    assert all(value.isfinite().all() for value in trained.state_dict().values())
    name = next(name for name, kind in NETWORKS.items() if kind is type(network))
    card = Card(
        name=name,
        network=name,
        config=trained.config,
        parameters=network.n_parameters,
        leadfield=LeadFieldMark.of(leadfield),
        preset=preset.name,
        recipe={},
        steps=2,
        batch_size=4,
        device="cpu",
        hours=0.0,
        validation={},
        baseline={},
        versions={},
        intended_use="tests",
        limits="all",
    )
    save_network(trained, tmp_path / "trained.safetensors", card)
    again, _ = read_network(tmp_path / "trained.safetensors")
    assert again.config == trained.config
    expected = NetworkSolver(network=trained).fit(leadfield).estimate(data)
    found = NetworkSolver(network=again).fit(leadfield).estimate(data)
    assert expected.any()
    assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)
