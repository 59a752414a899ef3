"""Compare the lambda2 that a rule chooses from the data with the best fixed one.

    python benchmarks/bench_lambda2.py [--samples 6] [--out benchmarks/results/lambda2]

64 electrodes, 1,021 free sources on a grid of 12 mm in the template. One to three Gaussian patches (standard deviation
5 to 15 mm) with transient time courses in white noise of known variance, 0 to 40 dB below the signal, in the head that
the solvers assume and in three others (`Head.varied`). Time windows of 20 time points, and single time points.

The error is the normalised earth mover's distance (``nemd_fast``). For each case, a solver's error with the lambda2
that "auto" chooses for each sample is divided by that of the fixed lambda2 that is best for the whole case. Errors of
the other rules, and of 1/9, are interpolated between the fixed values. Writes OUT.md and OUT.png.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import headwater as hw
from headwater.forward.carried import carried_leadfield
from headwater.metrics.table import METRICS
from headwater.simulation.distributions import Constant, Uniform
from headwater.simulation.noise import White
from headwater.simulation.presets import Preset
from headwater.simulation.simulator import simulate
from headwater.simulation.spatial import GaussianBells
from headwater.simulation.temporal import Static, Transient
from headwater.solvers import (
    DSPM,
    ELORETA,
    GCV,
    LORETA,
    SLORETA,
    Discrepancy,
    LCurve,
    MarginalLikelihood,
    MinimumNorm,
    Solver,
)
from headwater.solvers.linear.regularized import Regularized
from headwater.solvers.regularization.modes import Modes
from headwater.solvers.regularization.rules import Rule
from headwater.solvers.tuning import with_parameters

GRID = np.logspace(-4, 1, 11)
DEFAULT = 1 / 9
SNR_DB = (0, 10, 20, 30, 40)
N_SOURCES = (1, 2, 3)
OTHER_HEADS = (21, 22, 23)
SOLVERS: dict[str, Solver] = {
    "mne": MinimumNorm(),
    "dspm": DSPM(),
    "sloreta": SLORETA(),
    "eloreta": ELORETA(max_iter=100),
    "loreta": LORETA(),
}
OTHERS = {
    "white errors only": MarginalLikelihood(error=0.0),
    "GCV": GCV(),
    "L-curve": LCurve(),
    "discrepancy": Discrepancy(),
}
WINDOWS = {
    "time windows": {"courses": Transient(latency_s=Uniform(0.02, 0.08), width_s=Uniform(0.01, 0.03)), "n_times": 20},
    "single time points": {"courses": Static(), "n_times": 1},
}
NEMD, PEAK = METRICS["nemd_fast"].function, METRICS["localization_error"].function


@dataclass(frozen=True)
class Batch:
    """Samples of one case that come from one head, in units of their noise."""

    data: np.ndarray
    truth: np.ndarray
    centers: np.ndarray


def main() -> None:
    """Run all cases, write the tables and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=6, help="per case; a multiple of 3")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/lambda2"))
    arguments = parser.parse_args()
    start = time.perf_counter()
    known, others = leadfields()
    fixed = {
        name: [with_parameters(one, {"lambda2": value}).fit(known) for value in GRID] for name, one in SOLVERS.items()
    }
    auto = {name: with_parameters(one, {"lambda2": "auto"}).fit(known) for name, one in SOLVERS.items()}
    rows = []
    for window, snr_db, n_sources, head in cases():
        batches = list(draw(window, snr_db, n_sources, [known] if head == "known" else others, arguments.samples))
        case = {"window": window, "head": head, "snr_db": snr_db, "n_sources": n_sources}
        rows += [{**case, "solver": name, **scores(auto[name], known, fixed[name], batches)} for name in SOLVERS]
        write(pd.DataFrame(rows), arguments.out.with_suffix(".md"), arguments.samples)
        print(f"{window}, {head} head, {snr_db} dB, {n_sources}: {time.perf_counter() - start:.0f} s", flush=True)
    draw_choices(pd.DataFrame(rows), arguments.out.with_suffix(".png"))


def cases() -> Iterator[tuple[str, int, int, str]]:
    """Yield window, SNR in dB, number of sources and head of every case."""
    for window in WINDOWS:
        for head in ("known", "other"):
            for snr_db in SNR_DB:
                for n_sources in N_SOURCES:
                    yield window, snr_db, n_sources, head


def leadfields() -> tuple[hw.LeadField, list[hw.LeadField]]:
    """Return the lead field that solvers assume, and those of other heads with the same sources."""
    head = hw.template_head()
    known = hw.make_leadfield(head, hw.montage_info(head, "biosemi64"), "volume", spacing=12.0, ico=3)
    varied = [head.varied(seed) for seed in OTHER_HEADS]
    carried = [carried_leadfield(known, head, one, hw.montage_info(one, "biosemi64"), ico=3) for one in varied]
    return known, [replace(known, gain=one.gain) for one in carried]


def draw(window: str, snr_db: int, n_sources: int, heads: list[hw.LeadField], n_samples: int) -> Iterator[Batch]:
    """Simulate the samples of one case."""
    preset = Preset(
        name="patches",
        sources=GaussianBells(
            n_sources=Constant(n_sources), sigma_mm=Uniform(5.0, 15.0), amplitude_nam=Uniform(0.5, 1.0)
        ),
        noise=White(float(snr_db)),
        sfreq=200.0,
        **WINDOWS[window],
    )
    for seed, leadfield in enumerate(heads):
        samples = simulate(leadfield, preset, n_samples // len(heads), seed=seed)
        data = samples.y.double().numpy() / samples.noise_level.numpy()[:, np.newaxis, np.newaxis]
        yield Batch(data, samples.x.double().numpy(), samples.truth.centers.numpy())


def scores(auto: Regularized, known: hw.LeadField, fixed: list[Solver], batches: list[Batch]) -> dict[str, float]:
    """Mean errors of one solver in one case."""
    on_grid, peak = errors(known, batches, [[solver.estimate(one.data) for one in batches] for solver in fixed])
    best = int(on_grid.mean(axis=1).argmin())
    adapted = [[auto.adapted(data) for data in one.data] for one in batches]
    found = [
        np.stack([each.estimate(data) for each, data in zip(solvers, one.data, strict=True)])
        for solvers, one in zip(adapted, batches, strict=True)
    ]
    chosen = np.array([each.lambda2_ for solvers in adapted for each in solvers])
    own, own_peak = errors(known, batches, [found])
    least = on_grid[best].mean()
    default = np.full(on_grid.shape[1], DEFAULT)
    choices = {name: others(rule, auto, batches) for name, rule in OTHERS.items()} | {"1/9": default}
    return {
        "auto": own.mean() / least,
        **{name: at(values, on_grid).mean() / least for name, values in choices.items()},
        "best": GRID[best],
        **{f"auto {share}%": float(np.percentile(chosen, share)) for share in (10, 50, 90)},
        "peak auto": own_peak.mean(),
        "peak 1/9": at(default, peak).mean(),
        "peak best": peak.mean(axis=1).min(),
    }


def errors(
    known: hw.LeadField, batches: list[Batch], estimates: list[list[np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return NEMD, and distance between the strongest sources in mm, each of shape (n_solvers, n_samples)."""
    found = [
        [np.concatenate([metric(one.truth, x, pos=known.pos) for one, x in zip(batches, own, strict=True)])
         for own in estimates]
        for metric in (NEMD, PEAK)
    ]  # fmt: skip
    return np.array(found[0]), np.array(found[1])


def others(rule: Rule, auto: Regularized, batches: list[Batch]) -> np.ndarray:
    """Return the choice of another rule for every sample."""
    known = auto.undecided_
    modes = [Modes.of(known.prior.gram, known.white.whitener @ data) for one in batches for data in one.data]
    return np.array([rule.choose(rule.values, rule.measure(one, rule.values)) for one in modes])


def at(chosen: np.ndarray, on_grid: np.ndarray) -> np.ndarray:
    """Interpolate the error of every sample between the fixed values, (n_values, n_samples)."""
    log = np.log(np.clip(chosen, GRID[0], GRID[-1]))
    return np.array([np.interp(value, np.log(GRID), error) for value, error in zip(log, on_grid.T, strict=True)])


def write(table: pd.DataFrame, path: Path, n_samples: int) -> None:
    """Write the tables."""
    rules = ["auto", *OTHERS, "1/9"]
    lines = [
        "# lambda2 from the data",
        "",
        f"- command: `python benchmarks/bench_lambda2.py --samples {n_samples}`; {n_samples} samples per case",
        "- error: `nemd_fast`, divided by that of the best fixed lambda2 of the case "
        f"({len(GRID)} values from {GRID[0]:g} to {GRID[-1]:g})",
        f"- other heads: `Head.varied` with the seeds {', '.join(map(str, OTHER_HEADS))}",
        "",
        "![lambda2 over SNR](lambda2.png)",
        "",
        "`mne`, `dspm` and `sloreta` share a prior, and therefore the chosen lambda2: their lines coincide.",
        "",
        "## Largest and mean ratio over the cases",
    ]
    for window, part in table.groupby("window", sort=False):
        lines += ["", f"### {window.capitalize()}", "", f"| solver | {' | '.join(rules)} |", "|---" * 7 + "|"]
        for solver, own in part.groupby("solver", sort=False):
            cells = " | ".join(f"{own[rule].max():.3f} ({own[rule].mean():.3f})" for rule in rules)
            lines.append(f"| {solver} | {cells} |")
    lines += ["", "## Mean distance of the peak from that of a single source, in mm", "",
              "20 to 40 dB; `best` is the smallest mean over the fixed values, separately for each case.", "",
              "| window | head | solver | auto | 1/9 | best |", "|---" * 6 + "|"]  # fmt: skip
    single = table[(table["n_sources"] == 1) & (table["snr_db"] >= 20)]
    for (window, head, solver), own in single.groupby(["window", "head", "solver"], sort=False):
        mean = own[["peak auto", "peak 1/9", "peak best"]].mean()
        lines.append(f"| {window} | {head} | {solver} | {' | '.join(f'{value:.1f}' for value in mean)} |")
    lines += ["", "## Every case: ratio of auto (its median lambda2; the best fixed one)", "",
              f"| window | head | SNR (dB) | sources | {' | '.join(SOLVERS)} |", "|---" * 9 + "|"]  # fmt: skip
    for case, own in table.groupby(["window", "head", "snr_db", "n_sources"], sort=False):
        cells = [f"{row['auto']:.3f} ({row['auto 50%']:.1g}; {row['best']:.1g})" for _, row in own.iterrows()]
        lines.append(f"| {' | '.join(map(str, case))} | {' | '.join(cells)} |")
    path.write_text("\n".join(lines) + "\n")


def draw_choices(table: pd.DataFrame, path: Path) -> None:
    """Draw the choice of "auto" over the SNR, and the best fixed values."""
    figure, axes = plt.subplots(2, 2, figsize=(8, 6.5), sharex=True, sharey=True, layout="constrained")
    panels = [(window, head) for window in WINDOWS for head in ("known", "other")]
    for axis, (window, head) in zip(axes.flat, panels, strict=True):
        part = table[(table["window"] == window) & (table["head"] == head)]
        for index, solver in enumerate(SOLVERS):
            own = np.log10(
                part[part["solver"] == solver].set_index("snr_db")[["auto 10%", "auto 50%", "auto 90%", "best"]]
            )
            low, middle, high, best = (10.0**own).groupby(level=0).median().to_numpy().T
            axis.fill_between(SNR_DB, low, high, color=f"C{index}", alpha=0.12, linewidth=0)
            axis.plot(SNR_DB, middle, color=f"C{index}", marker="o", markersize=4, label=solver)
            axis.plot(SNR_DB, best, color=f"C{index}", linestyle="none", marker="_", markersize=14, markeredgewidth=2)
        axis.set(yscale="log", title=f"{window}, {head} head")
    axes[0, 0].legend(frameon=False, title="line: auto (10-90 %)\ndash: best fixed", fontsize=8, title_fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("lambda2")
    for axis in axes[1]:
        axis.set_xlabel("SNR (dB)")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
