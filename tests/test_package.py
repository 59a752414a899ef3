"""What describes the package says the same everywhere."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import headwater
from headwater._utils.extras import NEEDED

ROOT = Path(__file__).resolve().parents[1]
# How conda-forge names these packages.
CONDA = {"matplotlib": "matplotlib-base", "mne": "mne-base", "typing-extensions": "typing_extensions"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def name_of(requirement: str) -> str:
    return re.split(r"[ <>=\[]", requirement)[0]


def test_the_recipe_of_conda_needs_what_the_wheel_needs(project: dict[str, Any]) -> None:
    recipe = yaml.safe_load((ROOT / "packaging" / "conda-forge" / "recipe.yaml").read_text())
    base, whole = (set(map(name_of, output["requirements"]["run"])) for output in recipe["outputs"])
    wheel = {CONDA.get(name, name) for name in map(name_of, project["dependencies"])}
    assert base - {"python"} == wheel - {"torch"}
    assert whole >= {"headwater-base", "pytorch"}


def test_extras_that_errors_name_exist(project: dict[str, Any]) -> None:
    offered = project["optional-dependencies"]
    for package, (_, _, command) in NEEDED.items():
        if extra := re.search(r"headwater\[(\w+)\]", command):
            names = {name_of(one).lower() for one in offered[extra[1]]}
            distributed = {"ot": "pot", "picard": "python-picard"}.get(package, package.replace("_", "-"))
            assert distributed in names
        else:
            assert package in map(name_of, project["dependencies"])


def test_the_tests_have_everything_that_extras_bring(project: dict[str, Any]) -> None:
    offered = project["optional-dependencies"]
    untested = {"openmeeg", "formats", "dev", "docs"}  # wheels that not every system has, and what no test needs
    assert set().union(*(offered[extra] for extra in offered.keys() - untested)) <= set(offered["dev"])


def test_one_version_everywhere() -> None:
    version = headwater.__version__
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert f"\n  version: {version}\n" in (ROOT / "packaging" / "conda-forge" / "recipe.yaml").read_text()
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text()
