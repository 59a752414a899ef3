"""Whole runs: from a recipe on the command line, and from Python, to weights and card."""

import json
import signal
from pathlib import Path

import pytest
import torch
import yaml

import headwater as hw
from headwater._utils.errors import InputError
from headwater.networks import FCN, PIUNet
from headwater.simulation.presets import PIUNET
from headwater.training import run as run_module
from headwater.training.checkpoints import last_checkpoint
from headwater.training.losses import LOSSES, CurrentL1, CurrentL2
from headwater.training.run import train_recipe
from headwater.weights import read_network

HEADS = {"montage": "biosemi16", "spacing": 25.0, "method": "sphere"}
RECIPE = {
    "network": "piunet",
    "config": {"channels": 4, "depth": 2, "blocks": 1, "heads": 2, "patch": 2, "box": None, "context": True},
    "preset": "PIUNET",
    "heads": [HEADS],
    "loss": "l1",
    "schedule": {"steps": 4, "warmup": 1, "ema": 0.5},
    "batch_size": 4,
    "validation": {"heads": HEADS, "presets": {"bells": "PIUNET"}, "metrics": ["nmse"], "n": 4, "every": 2},
}


class Interrupted(CurrentL1):
    """Somebody presses Ctrl-C during the second step."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, prediction, samples, bound):
        self.calls += 1
        if self.calls == 2:
            signal.raise_signal(signal.SIGINT)
        return super().__call__(prediction, samples, bound)


@pytest.fixture
def recipe(tmp_path) -> Path:
    return write(tmp_path)


def write(folder: Path, **changes: object) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, **changes}))
    return path


def weights(folder: Path) -> dict:
    return read_network(folder / "tiny.safetensors")[0].state_dict()


def test_the_command_line_trains_is_stopped_and_goes_on(run_cli, monkeypatch, tmp_path, recipe):
    whole = tmp_path / "whole"
    said = run_cli("train", recipe, "--out", whole)
    assert "step 4: bells nmse" in said
    assert "NetworkSolver(tiny " in said
    parts = tmp_path / "parts"
    with monkeypatch.context() as patch:
        patch.setitem(LOSSES, "l1", Interrupted)
        said = run_cli("train", recipe, "--out", parts, code=130)
    assert f"Continue with: headwater train {recipe} --out {parts} --resume" in said
    assert "not finished" in (parts / "report.html").read_text()
    assert not (parts / "tiny.json").exists() or json.loads((parts / "tiny.json").read_text())["steps"] == 2
    run_cli("train", recipe, "--out", parts, "--resume")
    one, other = weights(whole), weights(parts)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert "4 of 4 steps" in (parts / "report.html").read_text()


def test_the_card_says_how_the_weights_came_about(recipe, tmp_path):
    solver = train_recipe(recipe, tmp_path / "out")
    network, card = read_network(tmp_path / "out" / "tiny.safetensors")
    assert isinstance(network, PIUNet)
    assert card.leadfield is None
    assert (card.steps, card.batch_size, card.device) == (4, 4, "cpu")
    assert card.parameters == solver.network.n_parameters
    assert set(card.validation) == set(card.baseline) == {"bells nmse"}
    assert card.recipe["schedule"]["steps"] == 4
    assert "GaussianBells" in card.preset
    assert card.hours >= 0


def test_validation_belongs_to_the_weights_that_are_kept(tmp_path):
    recipe = write(tmp_path, schedule={"steps": 3, "ema": 0.5})  # not a multiple of the steps between validations
    train_recipe(recipe, tmp_path / "out")
    network, card = read_network(tmp_path / "out" / "tiny.safetensors")
    assert card.steps == 3
    checks = run_module.Recipe.read(recipe).validation
    (pair,) = checks.heads.pairs()
    validation = run_module.Validation(pair.lead_fields, {"bells": PIUNET}, n=4, metrics=("nmse",), seed=checks.seed)
    assert card.validation == pytest.approx(validation.scores(network, torch.device("cpu")), rel=1e-3)


def test_with_patience_the_best_weights_are_kept(tmp_path, monkeypatch):
    scores = iter([0.5, 0.3, 0.4, 0.45, 0.46])
    monkeypatch.setattr(run_module.Validation, "scores", lambda *args: {"bells nmse": next(scores)})
    train_recipe(write(tmp_path, schedule={"steps": 20}, patience=2), tmp_path / "out")
    card = read_network(tmp_path / "out" / "tiny.safetensors")[1]
    assert (card.steps, card.validation) == (4, {"bells nmse": 0.3})


def test_a_longer_recipe_goes_on_and_another_one_does_not(run_cli, tmp_path):
    out = tmp_path / "out"
    run_cli("train", write(tmp_path, schedule={"steps": 2}), "--out", out)
    said = run_cli("train", write(tmp_path, schedule={"steps": 3}), "--out", out, "--resume")
    assert "resumed at step 2" in said
    assert read_network(out / "tiny.safetensors")[1].steps == 3
    other = write(tmp_path, schedule={"steps": 3}, batch_size=5)
    assert "a run with other settings (batch_size)" in run_cli("train", other, "--out", out, "--resume", code=2)
    assert "a run has begun there; set --resume to continue it" in run_cli("train", other, "--out", out, code=2)
    assert "holds no run to resume" in run_cli("train", other, "--out", tmp_path / "new", "--resume", code=2)
    assert "give a number from 1 to" in run_cli("train", other, "--devices", 0, code=2)


def stopped(*args, **more):
    raise KeyboardInterrupt


def test_a_run_stopped_before_its_first_step_can_be_resumed(recipe, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "fit", stopped)
        with pytest.raises(KeyboardInterrupt):
            train_recipe(recipe, tmp_path / "out")
    train_recipe(recipe, tmp_path / "out", resume=True)
    assert weights(tmp_path / "out")


def test_mistakes_cost_no_time_and_leave_nothing(run_cli, tmp_path):
    out = tmp_path / "out"
    for changes, message in (
        ({"preset": "nowhere.yaml"}, "no preset 'nowhere.yaml'"),
        ({"network": "unet"}, "no network 'unet'"),
        ({"validation": {**RECIPE["validation"], "presets": {"a": "b"}}}, "no preset 'b'"),
    ):
        assert message in run_cli("train", write(tmp_path, **changes), "--out", out, code=2)
        assert not out.exists()
    assert "Cannot read the recipe" in run_cli("train", tmp_path / "nowhere.yaml", "--out", out, code=2)


def test_networks_of_one_lead_field_get_one(tmp_path):
    several = write(tmp_path, network="fcn", config={"hidden": [8]}, heads=[HEADS, {**HEADS, "spacing": 30.0}])
    with pytest.raises(InputError, match="FCN belongs to one lead field, and the recipe has several"):
        train_recipe(several, tmp_path / "a")
    with pytest.raises(InputError, match="FCN.hidden.0: it should be a valid integer"):
        train_recipe(write(tmp_path, network="fcn", config={"hidden": [None]}), tmp_path / "b")
    train_recipe(write(tmp_path, network="fcn", config={"hidden": [8]}, heads=[HEADS, HEADS]), tmp_path / "c")


def test_training_begins_with_given_weights(tmp_path):
    train_recipe(write(tmp_path), tmp_path / "first")
    start = tmp_path / "first" / "tiny.safetensors"
    still = write(tmp_path, schedule={"steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0})
    train_recipe(still, tmp_path / "second", start=start)
    one, other = weights(tmp_path / "first"), weights(tmp_path / "second")
    assert all(torch.allclose(one[name], other[name]) for name in one)
    with pytest.raises(InputError, match="belong to a network other than that of the recipe"):
        train_recipe(write(tmp_path, config={**RECIPE["config"], "channels": 8}), tmp_path / "third", start=start)


def test_from_python_any_network_on_any_lead_field(leadfield, tmp_path):
    torch.manual_seed(0)
    network = FCN.for_leadfield(leadfield, hidden=(8,))
    solver = hw.train(network, leadfield, PIUNET, CurrentL2(), steps=3, out=tmp_path / "out", batch_size=4, ema=0.5)
    kept, card = read_network(tmp_path / "out" / "network.safetensors")
    assert card.leadfield is not None
    assert all(torch.equal(kept.state_dict()[name], value) for name, value in network.state_dict().items())
    assert solver.fit(leadfield).leadfield_.ch_names == leadfield.ch_names
    more = FCN.for_leadfield(leadfield, hidden=(8,))
    hw.train(more, leadfield, PIUNET, CurrentL2(), steps=5, out=tmp_path / "out", batch_size=4, ema=0.5, resume=True)
    assert read_network(tmp_path / "out" / "network.safetensors")[1].steps == 5


def test_a_network_outside_of_the_table_is_refused_before_training(leadfield, tmp_path):
    class Mine(FCN):
        """Of somebody else."""

    network = Mine.for_leadfield(leadfield, hidden=(8,))
    with pytest.raises(InputError, match=r"NETWORKS\['my-network'\] = Mine"):
        hw.train(network, leadfield, PIUNET, CurrentL2(), steps=3, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


CORTEX = {"montage": "biosemi16", "space": "cortex", "spacing": "ico3", "orient": "fixed", "method": "sphere"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": [{**HEADS, "montage": "biosemi17"}]}, "biosemi17"),
        ({"heads": [{**HEADS, "spacing": -7.0}]}, "spacing"),
        ({"heads": [{**HEADS, "preset": "windows.yaml"}]}, "no preset 'windows.yaml'"),
        ({"heads": [CORTEX]}, "requires sources with free orientations on one regular grid"),
        ({"config": {**RECIPE["config"], "heads": 3}}, "heads is 3"),
        ({"loss": "waveform-cosine"}, "This loss compares waveforms of regions"),
        ({"schedule": {"steps": 4, "betas": [2, 2]}}, "betas.0"),
        ({"batch_size": 10**12}, "batch_size"),
    ],
)
def test_a_refused_recipe_does_not_block_its_folder(run_cli, tmp_path, changes, message):
    out = tmp_path / "out"
    assert message in run_cli("train", write(tmp_path, **changes), "--out", out, code=2)
    assert not out.exists()


def test_weights_to_begin_with_are_checked_before_the_folder_is_made(run_cli, recipe, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "cut.safetensors").write_bytes(b"cut")
    assert "have no card" in run_cli("train", recipe, "--out", out, "--start", tmp_path / "cut.safetensors", code=2)
    assert not out.exists()


def test_a_damaged_run_is_named_before_anything_is_computed(run_cli, recipe, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run_cli("train", recipe, "--out", out)
    monkeypatch.setattr(run_module, "fit", None)
    monkeypatch.setattr(run_module, "_network", None)
    last = last_checkpoint(out)
    last.write_bytes(last.read_bytes()[:1000])
    assert "last.ckpt is damaged" in run_cli("train", recipe, "--out", out, "--resume", code=2)
    (out / "recipe.yaml").write_text("network: [")
    assert "recipe.yaml is damaged" in run_cli("train", recipe, "--out", out, "--resume", code=2)
