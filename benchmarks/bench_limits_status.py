"""How often the status of a localisation says so, where estimates break.

    python benchmarks/bench_limits_status.py [--weights FILE] [--n 8] [--only CONDITION ...] [--out FILE]

For the conditions of `bench_limits.py` at one time point: the reference, and the hardest level of each. A sample
becomes an evoked response of 50 ms after a baseline of one second, with noise of its own, and is localised with
RelevanceNet and all defaults; a stated noise covariance takes the place of the baseline's. "Lost" are peaks further
than 30 mm from the source.
"""

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
from bench_limits import BELL, CONDITIONS, Level
from record import recorded

import headwater as hw
from headwater._utils.errors import InputError
from headwater.localization.trust import Status
from headwater.simulation.distributions import Uniform
from headwater.simulation.simulator import simulate
from headwater.solvers import Solver

SFREQ, FIRST, LAST, PEAK, DURATION = 100.0, -1.0, 0.2, 0.1, 0.02
UNIT, SEED = 1e-5, 50_000_000  # of the noise, in V
LOST_MM = 30.0
NARROW = replace(BELL, sigma_mm=Uniform(5.0, 20.0))  # a place is what the status is about
EASY = {"channels": "61", "snr": "20", "head": "1"}
HARD = {
    "channels": ("12",),
    "spacing": ("12",),
    "snr": ("0", "-10"),
    "head": ("2",),
    "noise covariance": ("known", "70", "white"),
    "noise level": ("0.1", "10"),
}


def main(weights: Path | None, n: int, only: list[str]) -> None:
    """Print a row for each level."""
    solver = hw.load_network("relevance" if weights is None else weights)
    print(f"{n} evoked responses of one source of 5 to 20 mm each; {solver.name}\n")
    print(f"{'':30}{'good':>6}{'doubtful':>10}{'nothing':>9}{'refused':>9}{'lost':>6}{'lost, called good':>19}")
    for title, level in levels(only):
        samples = simulate(level.pair.truth, replace(level.preset, sources=NARROW), n, SEED)
        rng = np.random.default_rng(SEED)
        found = []
        for index in range(n):
            evoked = response(level, samples.x[index, :, :, 0].double().numpy(), rng)
            found.append(judged(evoked, level, solver, level.pair.model.pos[int(samples.truth.centers[index, 0])]))
        counts = [sum(status == one for status, _ in found) for one in (*Status, "refused")]
        lost = [status for status, error in found if error > LOST_MM]
        cells = f"{counts[0]:6d}{counts[1]:10d}{counts[2]:9d}{counts[3]:9d}{len(lost):6d}"
        print(f"{title:30}{cells}{lost.count(Status.GOOD):19d}", flush=True)


def levels(only: list[str]) -> Iterator[tuple[str, Level]]:
    """Yield the reference and the hardest levels of each condition."""
    for condition, chosen in HARD.items():
        if only and condition not in only:
            continue
        wanted = (*chosen, EASY[condition]) if condition == "snr" else chosen
        for level in CONDITIONS[condition]():
            if level.value in wanted:
                yield f"{condition} {level.value}", level


def response(level: Level, x: np.ndarray, rng: np.random.Generator) -> mne.EvokedArray:
    """Make an evoked response of currents (n_sources, n_orient), whose peak has the SNR of the level."""
    times = np.arange(round(FIRST * SFREQ), round(LAST * SFREQ) + 1) / SFREQ
    topography = np.einsum("cso,so->c", level.pair.truth.gain, x)
    topography -= topography.mean()
    bound = level.preset.noise
    snr_db = bound.snr_db.low  # type: ignore[attr-defined]
    covariance = getattr(bound, "covariance", np.eye(len(topography)))
    noise = np.linalg.cholesky(covariance) @ rng.standard_normal((len(topography), len(times)))
    strength = 10 ** (snr_db / 20) * np.sqrt(np.mean(np.diag(covariance)) / np.mean(topography**2))
    course = np.exp(-0.5 * ((times - PEAK) / DURATION) ** 2)
    info = mne.create_info(level.pair.model.ch_names, SFREQ, level.pair.model.ch_types)
    for channel, placed in zip(info["chs"], level.pair.model.info["chs"], strict=True):
        channel["loc"] = placed["loc"].copy()
    return mne.EvokedArray(UNIT * (strength * np.outer(topography, course) + noise), info, tmin=times[0])


def judged(evoked: mne.EvokedArray, level: Level, solver: Solver, place: np.ndarray) -> tuple[str, float]:
    """Localise; return the status, and the distance of the peak in mm."""
    stated = None
    if level.noise_cov is not None:
        covariance = UNIT**2 * level.noise_cov
        stated = mne.Covariance(covariance, evoked.ch_names, [], [], nfree=len(covariance) * 10)
    try:
        with mne.utils.use_log_level("error"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = hw.analyze(evoked, forward=level.pair.model, noise_cov=stated, solver=solver)
    except InputError:
        return "refused", np.nan
    assert found.trust is not None  # noqa: S101
    peak = level.pair.model.pos[int(found.peak_sources[0])]
    return found.trust.verdict.status, float(1e3 * np.linalg.norm(peak - place))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--n", type=int, default=8)
    parser.add_argument("--only", nargs="+", choices=HARD, default=[])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, "What the status says where estimates break"):
        main(arguments.weights, arguments.n, arguments.only)
