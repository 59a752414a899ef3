"""RelevanceNet compared with other solvers on heads outside the training set, and the coverage of its intervals.

    python benchmarks/bench_relevance.py [--weights runs/relevance/relevance.safetensors] [--n 48] [--out FILE]

61 electrodes, sources every 10 mm; data of varied heads, every solver assumes the template. The Oracle uses the lead
field that generated the data, Bayes that of the solvers; both know the distribution of the samples and the noise level,
and are defined for one source. eLORETA is tuned on samples of the template. An untrained RelevanceNet takes three steps
of Champagne.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from record import recorded

import headwater as hw
from headwater.benchmark.oracle import Oracle
from headwater.metrics.table import METRICS
from headwater.networks import NetworkSolver, RelevanceNet
from headwater.simulation.preset_files import read_preset
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.solvers.tuning import tuned
from headwater.training.pairs import TrainingPair
from headwater.training.recipe import Heads

PRESETS = Path(__file__).parent.parent / "configs" / "presets"
CASES = {
    "20 dB": "one-bell-20-db",
    "10 dB": "one-bell-10-db",
    "narrow": "one-narrow-bell-20-db",
    "3 sources": "three-bells-20-db",
}
HEADS = (2001, 2002)
LEVELS = (0.5, 0.8, 0.9, 0.95)
SHOWN = ("nemd_fast", "nmse")
ACTIVE = 0.1  # of the largest true amplitude
SEED = 20_000_000


def main(weights: Path | None, n: int) -> None:
    """Print scores of all cases, then coverage."""
    pairs = Heads(montage="easycap-M10", spacing=10.0, data=HEADS).pairs()
    bundled, untrained = hw.load_network(), NetworkSolver(network=RelevanceNet(), name="untrained")
    learned = hw.load_network("relevance" if weights is None else weights)
    fixed = {"RelevanceNet": learned, "RelevanceNet untrained": untrained, "3D-PIUNet": bundled}
    for solver in fixed.values():
        solver.fit(pairs[0].model)
    print(f"{n} samples a case, half of them of each of {len(HEADS)} heads; {learned.name}\n")
    print(f"{'NEMD / NMSE':24}" + "".join(f"{case:>16}" for case in CASES) + f"{'ms a sample':>14}")
    rows: dict[str, list[str]] = {}
    coverage: list[tuple[str, list[tuple[TrainingPair, Samples]]]] = []
    spent: dict[str, float] = {}
    for case, file in CASES.items():
        preset = read_preset(PRESETS / f"{file}.yaml")
        drawn = [(pair, simulate(pair.truth, preset, n // len(HEADS), SEED)) for pair in pairs]
        eloreta = _tuned_eloreta(pairs[0], preset)
        for name, solver in {**fixed, "eLORETA": eloreta}.items():
            start = time.perf_counter()
            found = [(pair, one, solver.estimate(one.y.double().numpy())) for pair, one in drawn]
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - start
            rows.setdefault(name, []).append(_score(found))
        for name, knows in (("Bayes", False), ("Oracle", True)):
            rows.setdefault(name, []).append(_oracle(drawn, preset, knows_head=knows))
        coverage.append((case, drawn))
        print(f"({case} done)", file=sys.stderr, flush=True)
    for name, cells in rows.items():
        took = f"{1e3 * spent[name] / (n * len(CASES)):14.0f}" if name in spent else ""
        print(f"{name:24}" + "".join(f"{cell:>16}" for cell in cells) + took)
    print("\nShare of true components in the intervals of RelevanceNet, all / of active sources; correlation of log sd")
    print("and log |error|")
    print(f"{'nominal':24}" + "".join(f"{level:>16.0%}" for level in LEVELS) + f"{'correlation':>14}")
    for case, drawn in coverage:
        print(f"{case:24}{_coverage(learned, drawn)}")


def _tuned_eloreta(pair: TrainingPair, preset: Preset) -> hw.solvers.Solver:
    known = simulate(pair.model, preset, 32, SEED + 1)
    return tuned(hw.solvers.ELORETA(), pair.model, known, METRICS["nemd_fast"]).solver


def _score(found: list[tuple[TrainingPair, Samples, np.ndarray]]) -> str:
    """Return the mean of each metric."""
    cells = []
    for name in SHOWN:
        metric = METRICS[name].function
        values = [metric(one.x.double().numpy(), x, pos=pair.model.pos) for pair, one, x in found]
        cells.append(f"{np.nanmean(np.concatenate(values)):.3f}")
    return " / ".join(cells)


def _oracle(drawn: list[tuple[TrainingPair, Samples]], preset: Preset, *, knows_head: bool) -> str:
    """Score the Bayes oracle where it is defined."""
    if preset.sources.n_sources.high != 1:
        return ""
    oracle = Oracle(knows_head=knows_head)
    found = []
    for pair, samples in drawn:
        leadfield = pair.truth if knows_head else pair.model
        found.append((pair, samples, oracle.posterior_mean(samples, leadfield, preset)))
    return _score(found)


def _coverage(solver: NetworkSolver, drawn: list[tuple[TrainingPair, Samples]]) -> str:
    """Return the share of true components in intervals, of all sources and of active ones."""
    inside, active, pairs = [], [], []
    for _, samples in drawn:
        with torch.inference_mode():
            posterior = solver.bound_.posterior(samples.y)
            error, sd = samples.x - posterior.mean, posterior.sd()[..., None]
            inside.append(torch.special.erf((error / sd).abs() / 2**0.5))  # level of the smallest such interval
        size = samples.x.norm(dim=2, keepdim=True)
        active.append((size > ACTIVE * size.amax(1, keepdim=True)).expand_as(error))
        pairs.append(torch.stack([sd.expand_as(error).log(), error.abs().log()]).flatten(1))
    levels, chosen, logs = torch.cat(inside), torch.cat(active), torch.cat(pairs, 1)
    cells = [
        f"{(levels <= level).float().mean():.2f} / {(levels[chosen] <= level).float().mean():.2f}" for level in LEVELS
    ]
    return "".join(f"{cell:>16}" for cell in cells) + f"{torch.corrcoef(logs)[0, 1]:14.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--n", type=int, default=48)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, "RelevanceNet compared with other solvers"):
        main(arguments.weights, arguments.n)
