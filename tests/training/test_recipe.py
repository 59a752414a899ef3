"""Recipes: what the bundled ones say, and every mistake in one sentence."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from headwater._utils.errors import InputError
from headwater.training.bundled import bundled_recipes, recipe_file
from headwater.training.recipe import Heads, Recipe, find_preset

GOOD = {
    "network": "piunet",
    "preset": "PIUNET",
    "heads": [{"montage": "biosemi16"}],
    "loss": "transport",
    "schedule": {"steps": 10},
}
CHECKS = {"heads": {"montage": "biosemi16"}, "presets": {"bells": "PIUNET"}, "metrics": ["nmse"]}


def test_a_recipe_is_given_by_its_name_or_by_its_file(tmp_path: Path) -> None:
    assert recipe_file("piunet") == bundled_recipes()["piunet"]
    assert recipe_file(Path("piunet")) == bundled_recipes()["piunet"]
    assert recipe_file(tmp_path / "own.yaml") == tmp_path / "own.yaml"
    with pytest.raises(InputError, match=r"no recipe 'piunets'; choose one of .*piunet, .*or give the path of a YAML"):
        recipe_file("piunets")


@pytest.mark.parametrize("path", bundled_recipes().values(), ids=lambda path: path.stem)
def test_bundled_recipes_can_be_read_with_their_presets(path):
    recipe = Recipe.read(path)
    checked = () if recipe.validation is None else recipe.validation.presets.values()
    for name in (recipe.preset, *checked):
        assert find_preset(name, path.parent).n_times >= 1


def write(folder: Path, **changes: object) -> Path:
    path = folder / "my.yaml"
    path.write_text(yaml.safe_dump({name: value for name, value in {**GOOD, **changes}.items() if value is not None}))
    return path


def test_numbers_are_understood_however_they_are_written(tmp_path):
    recipe = Recipe.read(write(tmp_path, schedule={"steps": 10, "learning_rate": "1e-3", "betas": [0.5, 0.999]}))
    assert recipe.schedule.learning_rate == 1e-3  # YAML takes 1e-3 for a text
    assert recipe.schedule.betas == (0.5, 0.999)
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"netwerk": "piunet"}, r"invalid at netwerk: there is no such setting\.$"),
        ({"loss": None}, r"invalid at loss: it is missing\.$"),
        ({"network": "unet"}, "no network 'unet'; choose piunet, fcn"),
        ({"loss": "l3"}, "no loss 'l3'; choose l1, l2"),
        ({"config": {"channles": 8}}, "PIUNet has no channles; it has channels, depth"),
        ({"loss_config": {"sharpness": 8}}, "Transport has no sharpness; it has weight, levels"),
        ({"loss": "l1", "loss_config": {"weight": 8}}, "CurrentL1 has no weight; it has no settings"),
        ({"schedule": {"steps": 10, "pace": 3}}, "invalid at schedule.pace: there is no such setting"),
        ({"schedule": {"ema": 0.5}}, r"invalid at schedule.steps: it is missing\.$"),
        ({"schedule": {"steps": 0}}, "invalid at schedule.steps: it should be greater than or equal to 1, and is 0"),
        ({"schedule": {"steps": 10**12}}, "invalid at schedule.steps: it should be less than"),
        (
            {"schedule": {"steps": 10, "betas": [2, 2]}},
            r"invalid at schedule.betas.0: it should be less than 1, and is 2\.$",
        ),
        ({"schedule": {"steps": 10, "betas": [0.9]}}, r"invalid at schedule.betas.1: it is missing\.$"),
        ({"schedule": {"steps": 10, "warmup": -1}}, "invalid at schedule.warmup: "),
        ({"schedule": {"steps": 10, "learning_rate": ".nan"}}, "invalid at schedule.learning_rate: "),
        ({"schedule": {"steps": 10, "ema": 1.0}}, "invalid at schedule.ema: "),
        ({"schedule": {"steps": 10, "clip": 0}}, "invalid at schedule.clip: "),
        ({"batch_size": -4}, "invalid at batch_size: "),
        ({"batch_size": 10**12}, "invalid at batch_size: it should be less than or equal to 100000"),
        ({"seed": -1}, "invalid at seed: "),
        ({"config": {"channels": -8}}, "PIUNet.channels: it should be greater than or equal to 1, and is -8"),
        ({"config": {"depth": 10**9}}, "PIUNet.depth: it should be less than or equal to 12, and is 1000000000"),
        ({"config": {"box": [32, 32]}}, "PIUNet.box.2: it is missing"),
        ({"loss_config": {"levels": 0}}, "Transport.levels: "),
        ({"heads": [{"montage": "biosemi16", "data": [-1]}]}, "invalid at heads.0.data.0: "),
        ({"heads": [{"montage": "biosemi16", "ico": 99}]}, "invalid at heads.0.ico: "),
        ({"validation": {**CHECKS, "n": 10**12}}, "invalid at validation.n: it should be less than or equal to 100000"),
        ({"schedule": {"steps": 10, "kind": "linear"}}, "invalid at schedule.kind: .*'cosine' or 'plateau'"),
        ({"schedule": {"steps": 10, "kind": "plateau"}}, "plateaus need a validation"),
        ({"patience": 3}, "patience and plateaus need a validation"),
        ({"heads": []}, "invalid at heads: "),
        ({"heads": [{"montage": "biosemi16", "weight": -1}]}, "invalid at heads.0.weight: "),
        ({"precision": "8"}, "invalid at precision: .*'32-true', 'bf16-mixed'"),
        ({"validation": {**CHECKS, "metrics": ["beauty"]}}, "no metrics beauty; choose from"),
        ({"validation": {**CHECKS, "heads": {"montage": "biosemi16", "data": [1, 2]}}}, "takes one head"),
    ],
)
def test_mistakes_are_said_in_one_sentence(tmp_path, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        Recipe.read(write(tmp_path, **changes))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("The recipe my.yaml is invalid")


def test_files_that_are_no_recipes(tmp_path):
    with pytest.raises(InputError, match="Cannot read the recipe .*nowhere.yaml"):
        Recipe.read(tmp_path / "nowhere.yaml")
    path = tmp_path / "broken.yaml"
    for text in ("network: [", "- a\n- b", ""):
        path.write_text(text)
        with pytest.raises(InputError, match="recipe .*broken.yaml"):
            Recipe.read(path)


def test_presets_are_names_or_files(tmp_path):
    assert find_preset("PIUNET", tmp_path).name == "PIUNET"
    with pytest.raises(InputError, match="no preset 'piu': give a file next to the recipe or one"):
        find_preset("piu", tmp_path)


def test_heads_become_pairs_of_lead_fields():
    (pair,) = Heads(montage="biosemi16", spacing=25.0, method="sphere", data=(1,), weight=0.5).pairs()
    assert pair.truth.gain.shape == pair.model.gain.shape
    assert not np.allclose(pair.truth.gain, pair.model.gain, rtol=0.01)
    assert np.corrcoef(pair.truth.gain.ravel(), pair.model.gain.ravel())[0, 1] > 0.9  # the same sources
    assert pair.weight == 0.5
    (alone,) = Heads(montage="biosemi16", spacing=25.0, method="sphere").pairs()
    assert alone.truth is alone.model
