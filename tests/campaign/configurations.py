"""Options, recipes, presets, lead fields, covariances, weights and stores that make no sense."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import mne
import numpy as np
import yaml

import headwater as hw
from campaign.damage import damage_file
from campaign.outcomes import Outcome, check_results, run
from campaign.recordings import MONTAGE, SPACING, ground
from headwater import weights

# What people, scripts and other programs write where a number, a name or a list belongs.
ODD: tuple[Any, ...] = (
    *(None, "", " ", "x", "é" * 300, "../..", "/", "nan", "1e400", "[red]", "-", "--out", "\x00x"),
    *(0, -1, 1, 3, -0.5, 1e-300, 1e300, 10**12, 10**30, float("nan"), float("inf"), -float("inf"), True),
    *([], [[]], [None], [2, 2], [-1.0, 1e9], {}, {"a": {"b": []}}, {"low": 3.0, "high": 1.0}),
)
# Large numbers here are long work that was asked for, not a mistake.
LONG_WORK = ("steps", "n", "every", "warmup")

PRESET: dict[str, Any] = {
    "name": "campaign",
    "sources": {"n_sources": {"low": 1, "high": 3}, "sigma_mm": {"low": 4.0, "high": 40.0}, "normalized": True},
    "noise": {"snr_db": {"low": 0.0, "high": 20.0}},
    "n_times": 1,
    "sfreq": 1000.0,
    "average_reference": True,
}
PRESET_TAGS = {(): "!Preset", ("sources",): "!GaussianBells", ("noise",): "!White"}
PRESET_TAGS |= {("sources", "n_sources"): "!Integers", ("sources", "sigma_mm"): "!LogUniform"}
PRESET_TAGS |= {("noise", "snr_db"): "!Uniform"}

RECIPE: dict[str, Any] = {
    "network": "fcn",
    "config": {"hidden": [16]},
    "preset": "preset.yaml",
    "heads": [{"montage": "biosemi16", "spacing": 30.0, "method": "sphere"}],
    "loss": "l1",
    "loss_config": {},
    "schedule": {"steps": 2, "learning_rate": 1e-3, "warmup": 1, "weight_decay": 0.01, "ema": 0.9},
    "batch_size": 4,
    "precision": "32-true",
    "seed": 1,
}

LOCALIZE = {
    "--condition": "tone",
    "--tmin": "0.05",
    "--tmax": "0.15",
    "--solver": "mne",
    "--snr": "3",
    "--sensors": "eeg",
    "--bads": "Cz",
    "--highpass": "1",
    "--lowpass": "40",
    "--forward": "lead.npz",
    "--noise-cov": "noise-cov.fif",
    "--space": "volume",
    "--spacing": str(SPACING),
    "--out": "out",
    "--subject": "x",
    "--subjects-dir": ".",
}
SIMULATE = {
    "--out": "samples.zarr",
    "--n": "5",
    "--seed": "1",
    "--preview": "p.png",
    "--space": "volume",
    "--spacing": "30",
    "--montage": "biosemi16",
    "--forward": "lead.npz",
    "--workers": "1",
}
BENCHMARK = {"--solvers": "mne", "--cases": "x", "--samples": "1", "--out": "bench", "--data": ".", "--size": "quick"}


def attack(number: int, folder: Path) -> Outcome:
    """Run configuration ``number`` of the campaign."""
    rng = np.random.default_rng([2, number])
    return ATTACKS[number % len(ATTACKS)](number, folder, rng)


def _odd(rng: np.random.Generator) -> Any:
    return ODD[rng.integers(len(ODD))]


def _leaves(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything in a nested configuration."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(leaf for key, value in items for leaf in _leaves(value, (*path, key)))]


def _mutated(tree: Any, rng: np.random.Generator) -> tuple[Any, str]:
    """Replace, remove or add one entry of a nested configuration; say which."""
    tree = yaml.safe_load(yaml.safe_dump(tree))
    paths = [path for path in _leaves(tree) if path]
    *way, last = paths[rng.integers(len(paths))]
    parent = tree
    for key in way:
        parent = parent[key]
    value = _odd(rng)
    if last in LONG_WORK and isinstance(value, int | float) and value and value > 10:
        value = -value
    kind = rng.integers(4)
    if kind == 0:
        del parent[last]
        return tree, f"without {last}"
    if kind == 1 and isinstance(parent, dict):
        parent[f"{last}s"] = value
        return tree, f"with {last}s"
    parent[last] = value
    return tree, f"{last} = {value!r:.40}"


def _tagged(tree: Any, tags: dict[tuple[Any, ...], str], path: tuple[Any, ...] = ()) -> str:
    """Write a mapping as YAML (flow style) with tags."""
    if isinstance(tree, dict):
        body = "{" + ", ".join(f"{key}: {_tagged(value, tags, (*path, key))}" for key, value in tree.items()) + "}"
        return f"{tags.get(path, '')} {body}".strip()
    if isinstance(tree, list):
        return "[" + ", ".join(_tagged(value, tags) for value in tree) + "]"
    return yaml.safe_dump(tree, allow_unicode=True, default_flow_style=True).removesuffix("...\n").strip()


def _damaged_text(path: Path, rng: np.random.Generator) -> str:
    return damage_file(path, rng) if rng.random() < 0.25 else ""


def _write_preset(path: Path, tree: Any) -> None:
    path.write_text(_tagged(tree, PRESET_TAGS))


def recipe(number: int, folder: Path, rng: np.random.Generator) -> Outcome:
    """Train by an impossible recipe; a refused one leaves no folder behind."""
    tree, words = _mutated(RECIPE, rng)
    _write_preset(folder / "preset.yaml", PRESET)
    path, out = folder / "recipe.yaml", folder / "run"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True))
    words += _damaged_text(path, rng)
    outcome = run(f"{number} recipe {words}", ["train", path, "--out", out])
    if outcome.kind == "refused" and out.exists():
        return Outcome(outcome.case, "nonsense", "a refused recipe blocks its folder")
    return outcome


def preset(number: int, folder: Path, rng: np.random.Generator) -> Outcome:
    """Simulate by an impossible preset."""
    tree, words = _mutated(PRESET, rng)
    path = folder / "preset.yaml"
    _write_preset(path, tree)
    words += _damaged_text(path, rng)
    out = folder / "samples.zarr"
    arguments = ["simulate", path, "--out", out, "--n", 3, "--forward", _lead_field(folder)]
    return run(f"{number} preset {words}", arguments, lambda: _check_samples(out))


def _check_samples(out: Path) -> str:
    for samples in hw.read_samples(out):
        if not (bool(samples.y.isfinite().all()) and bool(samples.x.isfinite().all())):
            return "samples that are not finite"
    return ""


def options(number: int, folder: Path, rng: np.random.Generator) -> Outcome:
    """Call a sub-command with odd values of one to three options."""
    command, known, first = (
        ("localize", LOCALIZE, _recording(folder)),
        ("simulate", SIMULATE, "PIUNET"),
        ("benchmark", BENCHMARK, "speed"),
    )[rng.choice(3, p=[0.6, 0.3, 0.1])]
    fixed = {"localize": {"--forward": _lead_field(folder), "--out": folder / "out", "--solver": "mne"}}
    fixed |= {"simulate": {"--forward": _lead_field(folder), "--n": 3, "--out": folder / "samples.zarr"}}
    fixed |= {"benchmark": {"--samples": -1, "--out": folder / "bench"}}
    given: dict[str, Any] = dict(fixed[command])
    for name in rng.choice(list(known), size=int(rng.integers(1, 4)), replace=False):
        value = _odd(rng)
        if name == "--out" or name == "--preview":  # stay within the folder
            value = folder / str(value).strip("/.\x00 ")[:20]
        if name in ("--n", "--workers", "--samples") and str(value).isdigit():
            value = -1
        given[name] = str(value).replace("\x00", "")
    arguments = [part for name, value in given.items() for part in (name, value)]
    words = shown if len(shown := f"{command} {given}".replace(str(folder), ".")) < 150 else f"{shown[:150]}..."
    return run(f"{number} options {words}", [command, first, *arguments])


def damaged_file(number: int, folder: Path, rng: np.random.Generator) -> Outcome:
    """Damage a lead field or a covariance on disk."""
    lead_field, covariance = _lead_field(folder), folder / "noise-cov.fif"
    info = mne.read_evokeds(_recording(folder), verbose="ERROR")[0].info
    mne.make_ad_hoc_cov(info, verbose="ERROR").save(covariance, verbose="ERROR")
    words = damage_file((lead_field, covariance)[rng.integers(2)], rng)
    out = folder / "out"
    arguments = ["localize", _recording(folder), "--forward", lead_field, "--noise-cov", covariance, "--out", out]
    return run(f"{number} file {words}", [*arguments, "--solver", "mne"], lambda: check_results(out))


def damaged_weights(number: int, folder: Path, rng: np.random.Generator) -> Outcome:
    """Damage weights or their card."""
    for path in _weights().parent.glob(f"{_weights().stem}.*"):
        shutil.copy(path, folder)
    files = sorted(folder.glob(f"{_weights().stem}.*"))
    words = damage_file(files[rng.integers(len(files))], rng)
    out = folder / "out"
    arguments = ["localize", _recording(folder), "--forward", _lead_field(folder), "--out", out]
    copied = folder / _weights().name
    return run(f"{number} weights {words}", [*arguments, "--solver", copied], lambda: check_results(out))


def damaged_store(number: int, folder: Path, rng: np.random.Generator) -> Outcome:
    """Damage or remove a file of simulated samples: other samples must never be read in silence."""
    store = folder / "samples.zarr"
    hw.write_samples(store, _small_lead_field(), hw.presets.PIUNET, 4, seed=0)
    whole = [(samples.y.numpy(), samples.x.numpy()) for samples in hw.read_samples(store)]
    files = sorted(path for path in store.rglob("*") if path.is_file())
    chosen = files[rng.integers(len(files))]
    if rng.random() < 0.3:
        chosen.unlink()
        words = f"without {chosen.relative_to(store)}"
    else:
        words = damage_file(chosen, rng)
    try:
        read = [(samples.y.numpy(), samples.x.numpy()) for samples in hw.read_samples(store)]
    except hw.InputError as error:
        return Outcome(f"{number} store {words}", "refused", str(error))
    except Exception as error:
        return Outcome(f"{number} store {words}", "traceback", f"{type(error).__name__}: {error}"[:300])
    same = len(read) == len(whole) and all(
        np.array_equal(one, other)
        for pair, kept in zip(read, whole, strict=True)
        for one, other in zip(pair, kept, strict=True)
    )
    return Outcome(f"{number} store {words}", "completed" if same else "nonsense", "" if same else "other samples")


ATTACKS: tuple[Callable[[int, Path, np.random.Generator], Outcome], ...] = (
    *(recipe, preset, options, recipe, preset, options, damaged_file, damaged_weights, damaged_store),
)


@cache
def _small_lead_field() -> hw.LeadField:
    head = hw.template_head()
    return hw.make_leadfield(head, hw.montage_info(head, MONTAGE), spacing=30.0, method="sphere")


def _lead_field(folder: Path) -> Path:
    path = folder / "lead.npz"
    if not path.exists():
        _small_lead_field().save(path)
    return path


def _recording(folder: Path) -> Path:
    path = folder / "tone-ave.fif"
    if not path.exists():
        raw = ground().raw
        events, event_id = mne.events_from_annotations(raw, verbose="ERROR")
        epochs = mne.Epochs(raw, events, event_id, -0.2, 0.3, preload=True, verbose="ERROR")
        evoked = epochs.average()
        evoked.comment = "tone"
        evoked.save(path, verbose="ERROR")
    return path


@cache
def _weights() -> Path:
    """Return the smallest bundled network."""
    bundled = Path(weights.__file__).parent.rglob("*.safetensors")
    return min(bundled, key=lambda path: path.stat().st_size)
