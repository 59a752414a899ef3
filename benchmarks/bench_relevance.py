"""RelevanceNet compared with other solvers on heads outside the training set, and the coverage of its intervals.

    python benchmarks/bench_relevance.py [--weights FILE] [--n 100] [--spacing 10] [--only METHOD ...]
        [--out FILE]

61 electrodes, sources every 10 mm unless told otherwise; every solver assumes the template, and the data come from
it ("known") or from two varied heads ("other"). The Oracle uses the lead field that generated the data, Bayes that
of the solvers; both know the distribution of the samples and the noise level, and are defined for one source at one
time point. eLORETA chooses its regularisation from the data. An untrained RelevanceNet takes three steps of
Champagne. The slow methods take part in a few cases only. The samples are the same whatever methods are chosen.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from record import recorded

import headwater as hw
from headwater.benchmark.oracle import Oracle
from headwater.metrics.table import METRICS
from headwater.networks import NetworkSolver, RelevanceNet
from headwater.simulation.distributions import LogUniform
from headwater.simulation.noise import White
from headwater.simulation.preset_files import read_preset
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.simulation.spatial import GaussianBells
from headwater.simulation.temporal import Oscillation
from headwater.solvers import RAPMUSIC, Champagne
from headwater.training.bundled import PRESETS
from headwater.training.pairs import TrainingPair
from headwater.training.recipe import Heads

HEADS = (2001, 2002)
LEVELS = (0.5, 0.8, 0.9, 0.95)
SHOWN = {"nemd_fast": ".3f", "nmse": ".3f", "localization_error": ".1f"}
ACTIVE = 0.1  # of the largest true amplitude
SEED = 20_000_000
WINDOW = 64
KNOWN = ("10 dB", "20 dB", "30 dB", "2 sources, 20 dB", "3 sources, 20 dB")
MAIN = tuple(f"other {name}" for name in ("10 dB", "20 dB", "narrow, 20 dB", "3 sources, 20 dB"))
BOUNDED = (*MAIN, *(f"known {name}" for name in KNOWN))
SLOW = ("RAP-MUSIC", "Champagne", "RelevanceNet untrained")
AT_ONCE = 10  # samples

Draws = list[tuple[TrainingPair, Samples]]


@dataclass(frozen=True)
class Case:
    """Samples of one preset on some heads."""

    name: str
    preset: Preset
    drawn: Draws

    @property
    def is_simple(self) -> bool:
        """Whether it has one source at one time point."""
        sources = self.preset.sources
        return isinstance(sources, GaussianBells) and sources.n_sources.high == 1 and self.preset.n_times == 1


def main(weights: Path | None, n: int, spacing: float, only: list[str]) -> None:
    """Print scores of all cases, then coverage."""
    other = Heads(montage="easycap-M10", spacing=spacing, data=HEADS).pairs()
    cases = [
        Case(f"{head} {name}", preset, [(pair, simulate(pair.truth, preset, n // len(pairs), SEED)) for pair in pairs])
        for head, pairs in (("known", [TrainingPair.inverse_crime(other[0].model)]), ("other", other))
        for name, preset in presets().items()
        if head == "other" or name in KNOWN
    ]
    print(f"{n} samples a case; other heads: {len(HEADS)}; sources every {spacing:g} mm\n")
    print(f"{'':24}" + "".join(f"{'NEMD':>8}{'NMSE':>8}{'peak mm':>9}") + f"{'ms a sample':>14}")
    table: dict[str, dict[str, str]] = {case.name: {} for case in cases}
    chosen = {name: make for name, make in solvers(weights).items() if not only or name in only}
    solver: hw.solvers.Solver | None = None
    for name, make in chosen.items():
        solver = make().fit(other[0].model)
        for case in (case for case in cases if name not in SLOW or case.name in MAIN):
            table[case.name][name] = _measured(solver, case)
            print(f"{name}, {case.name}: {table[case.name][name]}", file=sys.stderr, flush=True)
    for name, knows in (("Bayes", False), ("Oracle", True)):
        asked = [case for case in cases if case.is_simple and case.name in BOUNDED and (not only or name in only)]
        for case in asked:
            table[case.name][name] = _oracle(case, knows_head=knows)
    for case, rows in table.items():
        print(f"\n{case}")
        for name, row in rows.items():
            print(f"  {name:22}{row}")
    if isinstance(solver, NetworkSolver) and solver.network.has_posterior:
        _print_coverage(solver, cases)


def presets() -> dict[str, Preset]:
    """Return the samples of each case."""
    one = read_preset(PRESETS / "one-bell-20-db.yaml")
    three = read_preset(PRESETS / "three-bells-20-db.yaml")
    bells = three.sources
    assert isinstance(bells, GaussianBells)  # noqa: S101
    courses = Oscillation(freq_hz=LogUniform(4.0, 25.0))
    return {
        **{f"{snr} dB": replace(one, noise=White(float(snr))) for snr in (0, 10, 20, 30)},
        "narrow, 20 dB": read_preset(PRESETS / "one-narrow-bell-20-db.yaml"),
        "2 sources, 20 dB": replace(three, sources=replace(bells, n_sources=2)),
        "3 sources, 20 dB": three,
        "10 sources, 20 dB": read_preset(PRESETS / "ten-bells-20-db.yaml"),
        f"3 sources, {WINDOW} time points, 20 dB": replace(three, courses=courses, n_times=WINDOW, sfreq=250.0),
    }


def solvers(weights: Path | None) -> dict[str, Callable[[], hw.solvers.Solver]]:
    """Return how to make each solver; the last one is the trained RelevanceNet."""
    return {
        "3D-PIUNet": hw.load_network,
        "eLORETA": hw.solvers.ELORETA,
        "RAP-MUSIC": RAPMUSIC,
        "Champagne": Champagne,
        "RelevanceNet untrained": lambda: NetworkSolver(network=RelevanceNet(), name="untrained"),
        "RelevanceNet": lambda: hw.load_network("relevance" if weights is None else weights),
    }


def _measured(solver: hw.solvers.Solver, case: Case) -> str:
    """Score a solver, and the time it takes."""
    _choose_window(solver, case.preset.n_times, case.drawn[0][0])
    start = time.perf_counter()
    found = [(pair, one, _estimate(solver, one)) for pair, one in case.drawn]
    spent = (time.perf_counter() - start) / sum(len(one.y) for _, one in case.drawn)
    return _score(found) + f"{1e3 * spent:14.0f}"


def _choose_window(solver: hw.solvers.Solver, n_times: int, pair: TrainingPair) -> None:
    """Let a RelevanceNet see all time points of a sample at once."""
    if isinstance(solver, NetworkSolver) and isinstance(solver.network, RelevanceNet) and solver.n_times_ != n_times:
        solver.network.n_times = n_times
        solver.fit(pair.model)


def _estimate(solver: hw.solvers.Solver, samples: Samples) -> np.ndarray:
    y = samples.y.double().numpy()
    parts = [solver.estimate(y[start : start + AT_ONCE]) for start in range(0, len(y), AT_ONCE)]
    return np.concatenate(parts)


def _score(found: list[tuple[TrainingPair, Samples, np.ndarray]]) -> str:
    """Return the mean of each metric."""
    cells = []
    for (name, form), width in zip(SHOWN.items(), (8, 8, 9), strict=True):
        metric = METRICS[name].function
        values = [metric(one.x.double().numpy(), x, pos=pair.model.pos) for pair, one, x in found]
        cells.append(f"{np.nanmean(np.concatenate(values)):{width}{form}}")
    return "".join(cells)


def _oracle(case: Case, *, knows_head: bool) -> str:
    oracle = Oracle(knows_head=knows_head)
    found = []
    for pair, samples in case.drawn:
        leadfield = pair.truth if knows_head else pair.model
        found.append((pair, samples, oracle.posterior_mean(samples, leadfield, case.preset)))
    return _score(found)


def _print_coverage(solver: NetworkSolver, cases: list[Case]) -> None:
    print("\nShare of true components in the intervals of RelevanceNet, not calibrated, all / of active sources;")
    print("correlation of log sd and log |error|")
    print(f"{'nominal':40}" + "".join(f"{level:>16.0%}" for level in LEVELS) + f"{'correlation':>14}")
    for case in cases:
        if case.preset.n_times == 1:
            _choose_window(solver, 1, case.drawn[0][0])
            print(f"{case.name:40}{_coverage(solver, case.drawn)}")


def _coverage(solver: NetworkSolver, drawn: Draws) -> str:
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
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--spacing", type=float, default=10.0, help="Of the sources, in mm.")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, "RelevanceNet compared with other solvers"):
        main(arguments.weights, arguments.n, arguments.spacing, arguments.only)
