"""The documentation: every block of code runs, every command exists, every public name has its page."""

import inspect
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import create_autospec

import matplotlib.pyplot as plt
import mne
import numpy as np
import pytest
import typer
import yaml
from torch import nn

import headwater as hw
from headwater import benchmark, simulation
from headwater.cli.app import app
from headwater.localization import placing
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.base.sizes import Size, Width, affordable
from headwater.pipeline.settings import PipelineSettings
from headwater.simulation import preset_files
from headwater.training.recipe import Recipe
from headwater.weights import load_network

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SPACINGS = {"volume": 25.0, "cortex": "ico3", "mixed": ("ico3", 10.0)}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.S | re.M)
INDENTED = re.compile(r"^    (headwater .*)$", re.M)
TREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.S | re.M)
INLINE = re.compile(r"`(headwater [^`]+)`")


def blocks(page: Path, *languages: str) -> list[str]:
    return [text for language, text in BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages]


def write_brainvision(raw: mne.io.BaseRaw, folder: Path, name: str) -> None:
    """Write header, markers and samples by hand, as MNE-Python needs another package for it."""
    raw.get_data().T.astype("<f4").tofile(folder / f"{name}.eeg")
    header = [
        *("Brain Vision Data Exchange Header File Version 1.0", "[Common Infos]", "Codepage=UTF-8"),
        *(f"DataFile={name}.eeg", f"MarkerFile={name}.vmrk", "DataFormat=BINARY", "DataOrientation=MULTIPLEXED"),
        *(f"NumberOfChannels={len(raw.ch_names)}", f"SamplingInterval={1e6 / raw.info['sfreq']:.0f}"),
        *("[Binary Infos]", "BinaryFormat=IEEE_FLOAT_32", "[Channel Infos]"),
        *(f"Ch{number}={channel},,1,V" for number, channel in enumerate(raw.ch_names, start=1)),
    ]
    samples = np.round(raw.annotations.onset * raw.info["sfreq"]).astype(int) + 1
    markers = [
        *("Brain Vision Data Exchange Marker File, Version 1.0", "[Common Infos]", f"DataFile={name}.eeg"),
        *("[Marker Infos]", *(f"Mk{number}=Stimulus,S  1,{at},1,0" for number, at in enumerate(samples, start=1))),
    ]
    (folder / f"{name}.vhdr").write_text("\n".join(header) + "\n")
    (folder / f"{name}.vmrk").write_text("\n".join(markers) + "\n")


@pytest.fixture(scope="module")
def given() -> SimpleNamespace:
    """What the pages take as given: a recording, a lead field, a noise covariance, and their files."""
    head = hw.template_head()
    info = hw.montage_info(head, "biosemi16", sfreq=100.0)
    leadfield = hw.make_leadfield(head, info, spacing=25.0, method="sphere")
    rng = np.random.default_rng(0)
    data = 1e-6 * rng.standard_normal((30, 16, 180))
    data[..., 60] += 50e-9 * leadfield.gain[:, leadfield.n_sources // 2, 2]
    epochs = mne.EpochsArray(data, info, tmin=-0.5, verbose="error").set_eeg_reference(projection=True, verbose="error")
    evoked = epochs.average()
    evoked.comment = "visual"
    raw = mne.io.RawArray(np.hstack(data), mne.create_info(info["ch_names"], 100.0, "eeg"), verbose="error")
    raw.set_annotations(mne.Annotations(0.5 + 1.8 * np.arange(30), 0.0, "S 1"))
    noise_cov = mne.compute_covariance(epochs, tmax=0, verbose="error")
    whole = evoked.get_data()
    return SimpleNamespace(evoked=evoked, epochs=epochs, raw=raw, noise_cov=noise_cov, leadfield=leadfield, data=whole)


@pytest.fixture
def names(given: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, object]]:
    """The names that a page may use; lead fields are coarse and training is short, so that blocks run quickly."""
    make, train = placing.make_leadfield, hw.train
    monkeypatch.setattr(hw, "make_leadfield", lambda head, info, space="volume", **_: given.leadfield)
    monkeypatch.setattr(
        placing,
        "make_leadfield",
        lambda head, info, space, **_: make(head, info, space, method="sphere", spacing=SPACINGS[space]),
    )
    monkeypatch.setattr(hw, "train", lambda *arguments, steps, **more: train(*arguments, steps=2, **more))
    monkeypatch.setattr(hw, "morphed_network", lambda name: load_network(name) and hw.solvers.ELORETA())
    monkeypatch.setattr(benchmark, "run_benchmark", create_autospec(benchmark.run_benchmark))
    for name in ("make_spike_library", "Connectome"):
        monkeypatch.setattr(simulation, name, create_autospec(getattr(simulation, name)))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "benchmarks").symlink_to(ROOT / "benchmarks")
    mne.write_evokeds("my-ave.fif", given.evoked, verbose="error")
    write_brainvision(given.raw, tmp_path, "my-recording")
    plt.switch_backend("agg")
    yield {
        "hw": hw,
        "np": np,
        "nn": nn,
        "Network": Network,
        "BoundNetwork": BoundNetwork,
        "affordable": affordable,
        "Size": Size,
        "Width": Width,
        "vertex": 3,
        "vertices": np.array([3, 5]),
        "solver": hw.solvers.ELORETA().fit(given.leadfield),
        **vars(given),
    }
    plt.close("all")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_blocks_of_python_run(page: Path, names: dict[str, object]) -> None:
    """All blocks of a page in one namespace, from top to bottom."""
    for number, block in enumerate(blocks(page, "python"), start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml")], ids=lambda page: page.stem)
def test_blocks_of_yaml_are_valid(page: Path) -> None:
    for block in blocks(page, "yaml"):
        if block.startswith("!Preset"):
            assert preset_files.preset_from_yaml(block).name
        else:
            settings = yaml.safe_load(block)
            assert (Recipe if "network" in settings else PipelineSettings).model_validate(settings)


@pytest.mark.parametrize("page", [*PAGES, *EXAMPLES], ids=lambda page: page.stem)
def test_commands_exist_with_their_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines = [line for block in blocks(page, "sh", "bash", "text") for line in block.splitlines()]
    lines += [*INDENTED.findall(text), *INLINE.findall(text)]
    lines += re.findall(r"^# +(headwater .*)$", text, re.M) if page.suffix == ".py" else []
    group = typer.main.get_command(app)
    for line in lines:
        program, *words = shlex.split(line.removeprefix("$ "), comments=True) or [""]
        if program != "headwater" or not words or "..." in words:
            continue
        if words[0].startswith("-"):
            continue
        assert words[0] in group.commands, line
        command = group.commands[words[0]]
        command.make_context(words[0], [*words[1:]], resilient_parsing=not words[1:])


def test_every_page_is_linked_from_a_table_of_contents() -> None:
    docs = ROOT / "docs"
    pages = {page.stem: page.read_text(encoding="utf-8") for page in docs.glob("*.md")}
    listed = {word for text in pages.values() for tree in TREE.findall(text) for word in tree.split()}
    assert pages.keys() - {"index"} <= listed


def test_every_public_name_has_its_page() -> None:
    listed = {
        (module, name)
        for page in (ROOT / "docs" / "api").glob("*.rst")
        for module, names in re.findall(
            r"currentmodule:: (\S+)\n(.*?)(?=\.\. currentmodule|\Z)", page.read_text(), re.S
        )
        for name in re.findall(r"^   (\w+)$", names, re.M)
    }
    for module in (
        "headwater",
        *(f"headwater.{name}" for name in ("solvers", "metrics", "simulation", "networks", "live", "pipeline")),
    ):
        for name in import_module(module).__all__:
            public = getattr(import_module(module), name)
            if not isinstance(public, (ModuleType, dict)):
                assert (module, name) in listed or ("headwater", name) in listed, name


@pytest.mark.parametrize("name", [one for one in hw.__all__ if callable(getattr(hw, one))])
def test_every_public_name_is_documented(name: str) -> None:
    public = getattr(hw, name)
    said = inspect.getdoc(public) or ""
    if same := re.search(r"Takes the arguments of :func:`(\w+)`", said):
        said = said.replace("Takes", "Parameters\n---\n") + str(inspect.getdoc(getattr(hw, same[1])))
    parameters = [] if name == "InputError" else list(inspect.signature(public).parameters)
    missing = [one for one in parameters if not re.search(rf"^\**(\w+, )*{one}(, \w+)*\b", said, re.M)]
    assert said
    assert not missing
    if inspect.isfunction(public):
        assert "Parameters\n---" in said or not parameters
        returns = inspect.signature(public).return_annotation
        assert returns in ("None", None) or "Returns\n---" in said or "Yields\n---" in said


def test_every_public_function_has_an_example() -> None:
    modules = ("headwater", *(f"headwater.{name}" for name in ("solvers", "metrics", "simulation", "live", "pipeline")))
    public = {getattr(import_module(module), name) for module in modules for name in documented(module)}
    public |= {getattr(hw, name) for name in hw.__all__ if callable(getattr(hw, name))}
    said = {
        one.__name__: inspect.getdoc(one) or "" for one in public if inspect.isfunction(one) or one in vars(hw).values()
    }
    without = {name for name, text in said.items() if ">>>" not in text and "Takes the arguments of" not in text}
    assert without == set()


def documented(module: str) -> set[str]:
    """Names that the pages of the API list for a module, apart from other modules."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.rst"))
    parts = re.findall(r"currentmodule:: (\S+)\n(.*?)(?=\.\. currentmodule|\Z)", text, re.S)
    names = {name for found, listed in parts if found == module for name in re.findall(r"^   (\w+)$", listed, re.M)}
    return {name for name in names if inspect.isfunction(getattr(import_module(module), name, None))}


def test_examples_say_what_they_are_and_check_themselves() -> None:
    assert len(EXAMPLES) >= 12
    for path in EXAMPLES:
        text = path.read_text(encoding="utf-8")
        assert re.match(r'"""\n.+\n=+\n', text), path.name
        assert re.search(r"^ *assert ", text, re.M), path.name
