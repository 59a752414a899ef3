"""Where estimates break: one condition after the other is made worse, everything else stays as it was.

    python benchmarks/bench_limits.py [--weights FILE] [--n 32] [--only CONDITION ...] [--out FILE]

The reference is one source (standard deviation 10 to 80 mm) at 20 dB, 61 electrodes, sources every 10 mm, data of a
varied head. Scores are the normalised earth mover's distance of RelevanceNet, the bundled 3D-PIUNet and eLORETA. With
`--out`, the curves are drawn beside the table.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from record import recorded

import headwater as hw
from headwater.forward.pair import LeadFieldPair, counterpart
from headwater.head.sensors import montage_info
from headwater.metrics.table import METRICS
from headwater.networks import NetworkSolver, RelevanceNet
from headwater.simulation.distributions import LogUniform, Uniform
from headwater.simulation.noise import FromCovariance, White
from headwater.simulation.presets import PIUNET, Preset
from headwater.simulation.simulator import simulate
from headwater.simulation.spatial import GaussianBells
from headwater.simulation.temporal import Correlated, Oscillation
from headwater.solvers import Solver

MONTAGE, SPACING, HEAD, SEED = "easycap-M10", 10.0, 2003, 40_000_000
AT_ONCE = 8  # samples
BELL = GaussianBells(n_sources=1, sigma_mm=Uniform(10.0, 80.0), normalized=True)
REFERENCE = replace(PIUNET, name="one bell", sources=BELL, noise=White(20.0))


@dataclass(frozen=True)
class Level:
    """One point of a curve: samples, lead fields, and the noise covariance that the solvers are given."""

    value: str
    pair: LeadFieldPair
    preset: Preset
    noise_cov: np.ndarray | None = None


def make_pair(montage: str = MONTAGE, spacing: float = SPACING, strength: float = 1.0) -> LeadFieldPair:
    """Lead fields of the template and of a head that differs from it by a strength."""
    head = hw.template_head()
    model = hw.make_leadfield(head, montage_info(head, montage), "volume", spacing=spacing)
    if strength == 0:
        return LeadFieldPair.inverse_crime(model)
    other = head.varied(seed=HEAD, geometry=strength, electrodes=strength, conductivity=strength)
    return LeadFieldPair(model=model, truth=counterpart(model, head, other, montage_info(other, montage), ico=3))


def channels() -> Iterator[Level]:
    """Use fewer and fewer electrodes."""
    for montage in ("biosemi256", "GSN-HydroCel-128", MONTAGE, "biosemi32", "biosemi16"):
        pair = make_pair(montage)
        yield Level(str(pair.model.n_channels), pair, REFERENCE)
    yield Level("12", pair.pick(pair.model.ch_names[::4] + pair.model.ch_names[1::2]), REFERENCE)


def spacing() -> Iterator[Level]:
    """Put sources further and further apart, in mm."""
    for distance in (7.0, 10.0, 12.0):
        yield Level(f"{distance:g}", make_pair(spacing=distance), REFERENCE)


def snr() -> Iterator[Level]:
    """Add more and more noise, in dB."""
    pair = make_pair()
    for level in (40, 30, 20, 10, 0, -10):
        yield Level(str(level), pair, replace(REFERENCE, noise=White(float(level))))


def head() -> Iterator[Level]:
    """Let heads differ more and more; 1 is the difference between two people."""
    for strength in (0.0, 0.5, 1.0, 1.5, 2.0):
        yield Level(f"{strength:g}", make_pair(strength=strength), REFERENCE)


def correlated_noise(pair: LeadFieldPair) -> tuple[np.ndarray, Preset]:
    """Return a covariance of noise from the brain and the sensors, of mean 1 per channel, and samples with it."""
    brain = pair.truth.matrix @ pair.truth.matrix.T
    shape = brain / np.trace(brain) + 0.1 * np.eye(len(brain)) / len(brain)
    true = shape * len(shape) / np.trace(shape)
    return true, replace(REFERENCE, noise=FromCovariance(true, Uniform(10.0, 10.0)))


def noise_covariance() -> Iterator[Level]:
    """Estimate the covariance of correlated noise from fewer and fewer time points, or take it for white."""
    pair = make_pair()
    rng = np.random.default_rng(SEED)
    true, preset = correlated_noise(pair)
    yield Level("known", pair, preset, true)
    for n in (2000, 200, 70):
        drawn = np.linalg.cholesky(true) @ rng.standard_normal((len(true), n))
        yield Level(str(n), pair, preset, np.cov(drawn))
    yield Level("white", pair, preset)


def level() -> Iterator[Level]:
    """Give solvers a noise covariance of the right shape whose power is wrong by a factor."""
    pair = make_pair()
    true, preset = correlated_noise(pair)
    for factor in (0.1, 0.3, 1.0, 3.0, 10.0):
        yield Level(f"{factor:g}", pair, preset, factor * true)


def correlation() -> Iterator[Level]:
    """Correlate two sources more and more, in windows of 64 samples."""
    pair = make_pair()
    two = replace(BELL, n_sources=2)
    for rho in (0.0, 0.5, 0.9, 0.99):
        courses = Correlated(Oscillation(freq_hz=LogUniform(4.0, 25.0)), Uniform(rho, rho))
        yield Level(f"{rho:g}", pair, replace(REFERENCE, sources=two, courses=courses, n_times=64, sfreq=250.0))


CONDITIONS: dict[str, Callable[[], Iterator[Level]]] = {
    "channels": channels,
    "spacing": spacing,
    "snr": snr,
    "head": head,
    "noise covariance": noise_covariance,
    "noise level": level,
    "correlation": correlation,
}

LABELS = {
    "channels": "electrodes",
    "spacing": "distance of sources (mm)",
    "snr": "signal-to-noise ratio (dB)",
    "head": "difference of the heads (1: two people)",
    "noise covariance": "samples of the noise covariance",
    "noise level": "power of the noise covariance (1: right)",
    "correlation": "correlation of two sources",
}


def main(weights: Path | None, n: int, only: list[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Print and return the scores by condition, solver and level."""
    networks = {"RelevanceNet": hw.load_network("relevance" if weights is None else weights)}
    solvers: dict[str, Solver] = {**networks, "3D-PIUNet": hw.load_network(), "eLORETA": hw.solvers.ELORETA()}
    found: dict[str, dict[str, dict[str, float]]] = {}
    print(f"Normalised earth mover's distance, mean of {n} samples; {networks['RelevanceNet'].name}")
    for condition in only or CONDITIONS:
        levels = CONDITIONS[condition]
        rows = found.setdefault(condition, {name: {} for name in solvers})
        for level in levels():
            samples = simulate(level.pair.truth, level.preset, n, SEED)
            for name, solver in solvers.items():
                # In units of the noise, in which the covariances are stated.
                y = samples.y.double().numpy() / samples.noise_level.double().numpy()[:, None, None]
                rows[name][level.value] = score(solver, level, y, samples.x.double().numpy())
            print(f"({condition} {level.value} done)", file=sys.stderr, flush=True)
        print(f"\n{levels.__doc__}\n{condition:18}" + "".join(f"{value:>8}" for value in rows["eLORETA"]))
        for name, scores in rows.items():
            print(f"{name:18}" + "".join(f"{value:8.3f}" for value in scores.values()))
    return found


def score(solver: Solver, level: Level, y: np.ndarray, x: np.ndarray) -> float:
    """Fit a solver, estimate, and compare."""
    if isinstance(solver, NetworkSolver) and isinstance(solver.network, RelevanceNet):
        solver.network.n_times = level.preset.n_times
    solver.fit(level.pair.model, level.noise_cov)
    nemd = METRICS["nemd_fast"].function
    parts = [slice(start, start + AT_ONCE) for start in range(0, len(y), AT_ONCE)]
    values = [nemd(x[part], solver.estimate(y[part]), pos=level.pair.model.pos) for part in parts]
    return float(np.mean(np.concatenate(values)))


def draw(found: dict[str, dict[str, dict[str, float]]], path: Path) -> None:
    """Draw a panel for each condition."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - only here

    figure, axes = plt.subplots(2, 4, figsize=(11.5, 5.4), sharey=True, layout="constrained")
    for axis, (condition, rows) in zip(axes.flat, found.items(), strict=False):
        for name, scores in rows.items():
            axis.plot(list(scores), list(scores.values()), marker="o", markersize=4, label=name)
        axis.set_xlabel(LABELS[condition])
    for axis in axes.flat[len(found) :]:
        axis.set_visible(False)
    axes[0, 0].set_ylim(0, 1.15)
    for axis in axes[:, 0]:
        axis.set_ylabel("earth mover's distance\n(0: exact, 1: spread evenly)", fontsize=8)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--n", type=int, default=32)
    parser.add_argument("--only", nargs="+", choices=CONDITIONS, default=[])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, "Where estimates break"):
        curves = main(arguments.weights, arguments.n, arguments.only)
    if arguments.out is not None:
        draw(curves, arguments.out.with_suffix(".png"))
