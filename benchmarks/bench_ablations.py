"""What each part of RelevanceNet's training contributes: the same short training without it.

    python benchmarks/bench_ablations.py --runs FOLDER [--recipe relevance-recordings] [--steps 150] [--n 60]
        [--only ROW ...] [--out benchmarks/results/ablations.md]

Each row trains from random weights for as many steps on the EEG volumes with sources every 10 mm of a bundled recipe,
which is changed as the row says; everything else is the recipe's own. "Without learning" is the untrained network,
three updates of Champagne. Scores are the normalised earth mover's distance for two varied heads that no recipe trains
on, at 61 electrodes. In "correlated", the noise comes from the brain as well, and its covariance is estimated from 200
samples. Trainings that are complete are read from the folder of the runs.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from record import recorded

import headwater as hw
from headwater.metrics.table import METRICS
from headwater.networks import NetworkSolver, RelevanceNet
from headwater.simulation.distributions import LogUniform
from headwater.simulation.presets import Preset
from headwater.simulation.simulator import simulate
from headwater.simulation.temporal import Oscillation
from headwater.training.bundled import recipe_file
from headwater.training.noise import OngoingNoise
from headwater.training.pairs import TrainingPair
from headwater.training.recipe import Heads, Recipe, find_preset
from headwater.training.run import train_recipe
from headwater.weights.card import WEIGHTS

HEADS, SEED, AT_ONCE, WINDOW = (2001, 2002), 60_000_000, 10, 16
SPACING, MOST_CHANNELS_EEG = 10.0, ("easycap-M10", "biosemi64", "biosemi32")
WARMUP = 20  # steps
ONE_WIDTH_MM = 25.0
Content = dict[str, Any]


def without_head_error(content: Content) -> Content:
    """Make the data with the lead field that the network is given."""
    return {**content, "heads": [{**one, "data": []} for one in content["heads"]]}


def one_width(content: Content) -> Content:
    """Use bells of one width beside single sources."""
    return {**content, "config": {**content["config"], "widths_mm": [ONE_WIDTH_MM]}}


def single_time_points(content: Content, folder: Path) -> Content:
    """Leave out samples of more than one time point."""
    kept = [one for one in content["heads"] if find_preset(one["preset"] or content["preset"], folder).n_times == 1]
    return {**content, "heads": kept}


def white_noise(content: Content) -> Content:
    """Add white noise everywhere."""
    return {**content, "heads": [{**one, "noise": None} for one in content["heads"]]}


def main(runs: Path, recipe: str, steps: int, n: int, only: list[str]) -> None:
    """Train, and print the scores of each row."""
    path = recipe_file(recipe)
    content = shortened(Recipe.read(path).model_dump(mode="json"), steps, path.parent)
    changes: dict[str, Callable[[Content], Content]] = {
        "full recipe": lambda same: same,
        "without errors of the lead field": without_head_error,
        f"one width, {ONE_WIDTH_MM:g} mm": one_width,
        "single time points only": lambda same: single_time_points(same, path.parent),
        "white noise only": white_noise,
    }
    drawn = cases(path.parent, n)
    print(f"{steps} steps of {content['batch_size']} samples, {len(content['heads'])} groups of heads of {recipe!r};")
    print(f"normalised earth mover's distance, {n} samples a case, {len(HEADS)} other heads\n")
    print(f"{'':34}" + "".join(f"{case.name:>20}" for case in drawn))
    rows = ["without learning", *changes]
    for name in [name for name in rows if not only or name in only]:
        if name in changes:
            solver = trained(changes[name](content), runs / "-".join(name.replace(",", "").split()))
        else:
            solver = NetworkSolver(network=RelevanceNet(**content["config"]), name=name)
        scores = [case.score(solver) for case in drawn]
        print(f"{name:34}" + "".join(f"{score:20.3f}" for score in scores), flush=True)


def shortened(content: Content, steps: int, folder: Path) -> Content:
    """Return the content of a recipe with EEG volumes of one spacing only, and as many steps; files by full path."""
    heads = [
        {**one, "preset": _absolute(one["preset"], folder)}
        for one in content["heads"]
        if one["montage"] in MOST_CHANNELS_EEG and one["space"] == "volume" and one["spacing"] == SPACING
    ]
    schedule = {**content["schedule"], "steps": steps, "warmup": min(WARMUP, content["schedule"]["warmup"])}
    return {
        **content,
        "preset": _absolute(content["preset"], folder),
        "heads": heads,
        "schedule": {**schedule, "ema": min(schedule["ema"], 1 - 1 / max(2, steps // 5))},
        "validation": None,
    }


def _absolute(preset: str | None, folder: Path) -> str | None:
    return str(folder / preset) if preset and (folder / preset).exists() else preset


def trained(content: Content, folder: Path) -> NetworkSolver:
    """Train by a recipe, or continue, or read what was trained."""
    recipe = folder.with_suffix(".yaml")
    weights = folder / f"{recipe.stem}{WEIGHTS}"
    if not weights.exists():
        recipe.parent.mkdir(parents=True, exist_ok=True)
        recipe.write_text(yaml.safe_dump(content))
        print(f"training {recipe.stem}", file=sys.stderr, flush=True)
        train_recipe(recipe, folder, resume=folder.exists())
    return hw.load_network(weights)


@dataclass(frozen=True)
class Case:
    """Samples of one kind, by pair of lead fields."""

    name: str
    pairs: list[TrainingPair]
    presets: list[Preset]
    n: int

    def score(self, solver: NetworkSolver) -> float:
        """Return the mean of the metric."""
        nemd, found = METRICS["nemd_fast"].function, []
        for pair, preset in zip(self.pairs, self.presets, strict=True):
            samples = simulate(pair.truth, preset, self.n // len(self.pairs), SEED)
            solver.network.n_times = preset.n_times  # type: ignore[attr-defined]
            solver.fit(pair.model, pair.noise_cov)
            y, x = samples.y.double().numpy(), samples.x.double().numpy()
            for start in range(0, len(y), AT_ONCE):
                part = slice(start, start + AT_ONCE)
                found.append(nemd(x[part], solver.estimate(y[part]), pos=pair.model.pos))
        return float(np.mean(np.concatenate(found)))


def cases(folder: Path, n: int) -> Iterable[Case]:
    """Return all cases."""
    pairs = Heads(montage="easycap-M10", spacing=SPACING, data=HEADS).pairs()
    one, narrow, three = (
        find_preset(f"presets/{name}-20-db.yaml", folder) for name in ("one-bell", "one-narrow-bell", "three-bells")
    )
    window = Preset(**{**vars(three), "courses": Oscillation(freq_hz=LogUniform(4.0, 25.0)), "n_times": WINDOW})
    noisy = [OngoingNoise(samples=(200, 200)).added(pair, one, number) for number, pair in enumerate(pairs)]
    named = {"20 dB": one, "narrow": narrow, "3 sources": three, f"3, {WINDOW} time points": window}
    simple = [Case(name, pairs, [preset] * len(pairs), n) for name, preset in named.items()]
    return [*simple, Case("20 dB, correlated", noisy, [pair.preset or one for pair in noisy], n)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--recipe", default="relevance-recordings")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--n", type=int, default=60)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, f"What each part of RelevanceNet's training contributes, {arguments.steps} steps"):
        main(arguments.runs, arguments.recipe, arguments.steps, arguments.n, arguments.only)
