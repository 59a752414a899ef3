"""What it costs not to know the head, and what may be done about it without knowing it.

    python benchmarks/bench_head_error.py [--n 100] [--out FILE]

One source at one time point, 61 electrodes, sources every 10 mm; the data come from two varied heads that no network
was trained on. Bayes is the posterior mean given the distribution of the sources and the noise level: with the lead
field of the template, with a share of the data put down to the error of the lead field, and as the mean over the
template and eight further varied heads, none of which made the data. The same mean is taken of two solvers that see
the lead fields one after the other. The Oracle has the lead field that made the data.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from record import recorded

import headwater as hw
from headwater.benchmark.oracle import Oracle
from headwater.forward.leadfield import LeadField
from headwater.forward.pair import LeadFieldPair
from headwater.metrics.table import METRICS
from headwater.simulation.noise import White
from headwater.simulation.preset_files import read_preset
from headwater.simulation.presets import Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.training.bundled import PRESETS
from headwater.training.recipe import Heads

TEST, OTHERS = (2001, 2002), tuple(range(1301, 1309))
ERRORS = (0.1, 0.2, 0.3)
METRIC_NAMES = ("nemd_fast", "nmse")
SEED, AT_ONCE = 20_000_000, 16
Estimate = Callable[[Samples, LeadField], np.ndarray]
Draws = Sequence[tuple[LeadFieldPair, Samples]]


def main(n: int) -> None:
    """Print the earth mover's distance and the normalised squared error of each row."""
    one, narrow = (read_preset(PRESETS / f"one-{name}-20-db.yaml") for name in ("bell", "narrow-bell"))
    cases = {"10 dB": replace(one, noise=White(10.0)), "20 dB": one, "30 dB": replace(one, noise=White(30.0))}
    cases["narrow, 20 dB"] = narrow
    pairs = [pair.lead_fields for pair in Heads(montage="easycap-M10", spacing=10.0, data=TEST).pairs()]
    others = [pair.truth for pair in Heads(montage="easycap-M10", spacing=10.0, data=OTHERS).pairs()]
    print(f"{n} samples a case; normalised earth mover's distance / normalised squared error\n")
    print(f"{'':44}" + "".join(f"{name:>17}" for name in cases))
    drawn = {
        name: [(pair, simulate(pair.truth, preset, n // len(pairs), SEED)) for pair in pairs]
        for name, preset in cases.items()
    }
    for row, make in rows(others).items():
        cells = [_score(make(cases[name]), draws) for name, draws in drawn.items()]
        print(f"{row:44}" + "".join(f"{cell:>17}" for cell in cells), flush=True)


def rows(others: Sequence[LeadField]) -> dict[str, Callable[[Preset], Callable[[LeadFieldPair, Samples], np.ndarray]]]:
    """Return for each row how to make its estimator from the preset of the samples."""
    return {
        "Oracle: the head of the data": lambda preset: (
            lambda pair, samples: Oracle(True).posterior_mean(samples, pair.truth, preset)
        ),
        "Bayes: template": lambda preset: _alone(_bayes(preset)),
        **{
            f"Bayes: template, error of {error:.0%}": lambda preset, error=error: _alone(_bayes(preset, error))
            for error in ERRORS
        },
        "Bayes: mean over nine heads": lambda preset: _over(others, _bayes(preset)),
        f"Bayes: mean over nine heads, error of {ERRORS[1]:.0%}": lambda preset: _over(
            others, _bayes(preset, ERRORS[1])
        ),
        "eLORETA: template": lambda _: _alone(_solved(hw.solvers.ELORETA())),
        "eLORETA: mean over nine heads": lambda _: _over(others, _solved(hw.solvers.ELORETA())),
        "3D-PIUNet: template": lambda _: _alone(_solved(hw.load_network())),
        "RelevanceNet: template": lambda _: _alone(_solved(hw.load_network("relevance"))),
        "RelevanceNet: mean over nine heads": lambda _: _over(others, _solved(hw.load_network("relevance"))),
    }


def _bayes(preset: Preset, error: float = 0.0) -> Estimate:
    return lambda samples, leadfield: Oracle(False, error).posterior_mean(samples, leadfield, preset)


def _solved(solver: hw.solvers.Solver) -> Estimate:
    def estimate(samples: Samples, leadfield: LeadField) -> np.ndarray:
        solver.fit(leadfield)
        y = samples.y.double().numpy()
        return np.concatenate([solver.estimate(y[start : start + AT_ONCE]) for start in range(0, len(y), AT_ONCE)])

    return estimate


def _alone(estimate: Estimate) -> Callable[[LeadFieldPair, Samples], np.ndarray]:
    return lambda pair, samples: estimate(samples, pair.model)


def _over(others: Sequence[LeadField], estimate: Estimate) -> Callable[[LeadFieldPair, Samples], np.ndarray]:
    return lambda pair, samples: np.mean([estimate(samples, one) for one in (pair.model, *others)], axis=0)


def _score(estimate: Callable[[LeadFieldPair, Samples], np.ndarray], draws: Draws) -> str:
    found = [(pair, samples, estimate(pair, samples)) for pair, samples in draws]
    cells = []
    for name in METRIC_NAMES:
        metric = METRICS[name].function
        values = [metric(one.x.double().numpy(), x, pos=pair.model.pos) for pair, one, x in found]
        cells.append(f"{np.mean(np.concatenate(values)):.3f}")
    return " / ".join(cells)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, "What not knowing the head costs"):
        main(arguments.n)
