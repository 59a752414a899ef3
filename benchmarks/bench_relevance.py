"""RelevanceNet compared with other solvers on heads outside the training set, and the coverage of its intervals.

    python benchmarks/bench_relevance.py [--weights FILE] [--n 100] [--n-sampled 30] [--spacing 10]
        [--only METHOD ...] [--cases CASE ...] [--out FILE]

61 electrodes, sources every 10 mm unless told otherwise; every solver assumes the template, and the data come from it
("known") or from two varied heads ("other"). The Oracle uses the lead field that generated the data, Bayes that of
the solvers; both know the distribution of the samples and the noise level. For two and three sources they are
computed with Markov chains, which takes seconds for each sample, so that only the first samples of each head take
part; their Monte-Carlo error is the variance between chains of the mean, relative to its power. The last column is
the earth mover's distance divided by that of the Oracle on the same samples. eLORETA chooses its regularisation from
the data. An untrained RelevanceNet takes three steps of Champagne. The slow methods take part in a few cases only.
The samples are the same whatever methods are chosen.
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
from headwater.benchmark.sampled_oracle import SampledOracle, monte_carlo_error
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
BOUNDED = (*MAIN, "other 2 sources, 20 dB", *(f"known {name}" for name in KNOWN))
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
    def n_sources(self) -> int:
        """Sources of each sample at one time point; 0 if there are more time points."""
        sources = self.preset.sources
        assert isinstance(sources, GaussianBells)  # noqa: S101
        return int(sources.n_sources.high) if self.preset.n_times == 1 else 0

    def first(self, n: int) -> "Case":
        """Return as many samples, the first ones of each head."""
        return replace(self, drawn=[(pair, samples[: n // len(self.drawn)]) for pair, samples in self.drawn])


@dataclass(frozen=True)
class Row:
    """Scores of a method: for each metric and head, an array over samples; and what else is said of it."""

    values: dict[str, list[np.ndarray]]
    remark: str = ""

    def mean(self, metric: str, like: "Row | None" = None) -> float:
        """Average over samples, those that another row has if it is given."""
        parts = self.values[metric]
        shorter = parts if like is None else [a[: len(b)] for a, b in zip(parts, like.values[metric], strict=True)]
        return float(np.nanmean(np.concatenate(shorter)))


def main(weights: Path | None, n: int, n_sampled: int, spacing: float, only: list[str], names: list[str]) -> None:
    """Print scores of all cases, then coverage."""
    other = Heads(montage="easycap-M10", spacing=spacing, data=HEADS).pairs()
    cases = [
        Case(f"{head} {name}", preset, [(pair, simulate(pair.truth, preset, n // len(pairs), SEED)) for pair in pairs])
        for head, pairs in (("known", [TrainingPair.inverse_crime(other[0].model)]), ("other", other))
        for name, preset in presets().items()
        if (head == "other" or name in KNOWN) and (not names or f"{head} {name}" in names)
    ]
    print(f"{n} samples a case; other heads: {len(HEADS)}; sources every {spacing:g} mm\n")
    print(f"{'':24}" + "".join(f"{'NEMD':>8}{'NMSE':>8}{'peak mm':>9}") + f"{'x Oracle':>10}")
    table: dict[str, dict[str, Row]] = {case.name: {} for case in cases}
    chosen = {name: make for name, make in solvers(weights).items() if not only or name in only}
    solver: hw.solvers.Solver | None = None
    for name, make in chosen.items():
        solver = make().fit(other[0].model)
        for case in (case for case in cases if name not in SLOW or case.name in MAIN):
            table[case.name][name] = _measured(solver, case)
    most = 3 if n_sampled else 1
    for case in (case for case in cases if 1 <= case.n_sources <= most and case.name in BOUNDED):
        bounds = _bounds(case.first(n_sampled) if case.n_sources > 1 else case, case.drawn[0][0])
        table[case.name] |= {name: row for name, row in bounds.items() if not only or name in only}
    for name, rows in table.items():
        print(f"\n{name}")
        for method, row in rows.items():
            print(f"  {method:22}{_shown(row, rows.get('Oracle'))}")
    if isinstance(solver, NetworkSolver) and solver.network.has_posterior:
        _print_coverage(solver, cases)


def _shown(row: Row, oracle: Row | None) -> str:
    """Return the scores of a row."""
    cells = [f"{row.mean(name):{width}{form}}" for (name, form), width in zip(SHOWN.items(), (8, 8, 9), strict=True)]
    name = next(iter(SHOWN))
    ratio = "" if oracle is None else f"{row.mean(name, oracle) / oracle.mean(name):.2f}"
    return f"{''.join(cells)}{ratio:>10}  {row.remark}".rstrip()


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


def _measured(solver: hw.solvers.Solver, case: Case) -> Row:
    """Score a solver, and the time it takes."""
    _choose_window(solver, case.preset.n_times, case.drawn[0][0])
    start = time.perf_counter()
    found = [(pair, one, _estimate(solver, one)) for pair, one in case.drawn]
    spent = (time.perf_counter() - start) / sum(len(one.y) for _, one in case.drawn)
    row = Row(_score(found), f"{1e3 * spent:.0f} ms a sample")
    print(f"{solver.title}, {case.name}: {_shown(row, None)}", file=sys.stderr, flush=True)
    return row


def _choose_window(solver: hw.solvers.Solver, n_times: int, pair: TrainingPair) -> None:
    """Let a RelevanceNet see all time points of a sample at once."""
    if isinstance(solver, NetworkSolver) and isinstance(solver.network, RelevanceNet) and solver.n_times_ != n_times:
        solver.network.n_times = n_times
        solver.fit(pair.model)


def _estimate(solver: hw.solvers.Solver, samples: Samples) -> np.ndarray:
    y = samples.y.double().numpy()
    parts = [solver.estimate(y[start : start + AT_ONCE]) for start in range(0, len(y), AT_ONCE)]
    return np.concatenate(parts)


def _score(found: list[tuple[TrainingPair, Samples, np.ndarray]]) -> dict[str, list[np.ndarray]]:
    """Return the values of each metric, by head."""
    return {
        name: [METRICS[name].function(one.x.double().numpy(), x, pos=pair.model.pos) for pair, one, x in found]
        for name in SHOWN
    }


def _bounds(case: Case, pair: TrainingPair) -> dict[str, Row]:
    """Return what Bayes and the Oracle reach, which are the same where the head is known."""
    if pair.model is pair.truth:
        row = _oracle(case, knows_head=True)
        return {"Bayes": row, "Oracle": row}
    return {"Bayes": _oracle(case, knows_head=False), "Oracle": _oracle(case, knows_head=True)}


def _oracle(case: Case, *, knows_head: bool) -> Row:
    found, remarks = [], []
    for pair, samples in case.drawn:
        leadfield = pair.truth if knows_head else pair.model
        if case.n_sources == 1:
            estimate = Oracle(knows_head=knows_head).posterior_mean(samples, leadfield, case.preset)
        else:
            chains = SampledOracle(knows_head=knows_head).chains(samples, leadfield, case.preset)
            remarks.append(monte_carlo_error(chains))
            estimate = chains.mean(axis=0)
        found.append((pair, samples, estimate))
    n = sum(len(samples.y) for _, samples in case.drawn)
    row = Row(_score(found), f"{n} samples, Monte-Carlo error {np.mean(remarks):.4f}" if remarks else "")
    print(f"Oracle ({knows_head}), {case.name}: {_shown(row, None)}", file=sys.stderr, flush=True)
    return row


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
    parser.add_argument(
        "--n-sampled", type=int, default=30, help="Samples of the Oracle of two and three sources; 0: none."
    )
    parser.add_argument("--spacing", type=float, default=10.0, help="Of the sources, in mm.")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--cases", nargs="+", default=[])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, "RelevanceNet compared with other solvers"):
        main(arguments.weights, arguments.n, arguments.n_sampled, arguments.spacing, arguments.only, arguments.cases)
