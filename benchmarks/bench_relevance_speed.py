"""Speed of RelevanceNet compared with the bundled 3D-PIUNet and eLORETA.

    python benchmarks/bench_relevance_speed.py [--weights FILE] [--out benchmarks/results/relevance-speed.md]

61 electrodes and 306 MEG sensors, sources every 7 mm. "First use" is the fit to a lead field. "Single" is one time
point alone, "long" one of 512 time points of a recording, in windows of 16 for RelevanceNet. "Window" is one window
of 64 time points, which RelevanceNet sees at once. Medians of wall times and,
in brackets, of the processor's own, which do not count the time that other work took; the load stands above.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from record import recorded

import headwater as hw
from headwater.head.meg_arrays import sensors_info
from headwater.networks import NetworkSolver, RelevanceNet
from headwater.solvers import Solver

COLUMNS = {"first use, s": 2, "single, ms": 1, "long, ms a point": 2, "window, ms": 1}  # digits
MONTAGES = ("easycap-M10", "neuromag306")
SPACING, LONG, WIDTH, WINDOW, REPEATS = 7.0, 512, 16, 64, 7


def main(weights: Path | None) -> None:
    """Print one row for each solver and montage."""
    print(f"{'':30}" + "".join(f"{name:>22}" for name in COLUMNS))
    for montage in MONTAGES:
        leadfield = make_leadfield(montage)
        data, noise_cov = recording(leadfield)
        for name, make in solvers(weights).items():
            print(f"{f'{name}, {leadfield.n_channels} channels':30}{row(make, leadfield, noise_cov, data)}", flush=True)


def make_leadfield(montage: str) -> hw.LeadField:
    """Return the lead field of the template."""
    head = hw.template_head()
    return hw.make_leadfield(head, sensors_info(head, montage), "volume", spacing=SPACING)


def recording(leadfield: hw.LeadField) -> tuple[np.ndarray, np.ndarray]:
    """Return data of one source that does not change, with white noise, and the covariance of that noise."""
    currents = np.zeros((leadfield.n_sources, leadfield.n_orient))
    currents[leadfield.n_sources // 3] = 1e-8
    signal = np.einsum("mso,so->m", leadfield.gain, currents)
    types = np.array(leadfield.ch_types)
    rms = np.empty(len(signal))
    for kind in set(types):
        rms[types == kind] = 0.1 * np.sqrt(np.mean(signal[types == kind] ** 2))
    noise = rms[:, np.newaxis] * np.random.default_rng(0).standard_normal((len(signal), LONG))
    return signal[:, np.newaxis] + noise, np.diag(rms**2)


def solvers(weights: Path | None) -> dict[str, Callable[[], Solver]]:
    """Return how to make each solver."""
    return {
        "RelevanceNet": lambda: hw.load_network("relevance" if weights is None else weights),
        "3D-PIUNet": hw.load_network,
        "eLORETA": hw.solvers.ELORETA,
    }


def row(make: Callable[[], Solver], leadfield: hw.LeadField, noise_cov: np.ndarray, data: np.ndarray) -> str:
    """Time a solver."""
    solver = make()
    fitted = timed(lambda: solver.fit(leadfield, noise_cov), 1)
    single = 1e3 * timed(lambda: solver.estimate(data[:, :1]))
    _choose_window(solver, WIDTH, leadfield, noise_cov)
    whole = 1e3 * timed(lambda: solver.estimate(data), 2) / LONG
    _choose_window(solver, WINDOW, leadfield, noise_cov)
    window = 1e3 * timed(lambda: solver.estimate(data[:, :WINDOW]))
    parts = zip((fitted, single, whole, window), COLUMNS.values(), strict=True)
    return "".join(f"{f'{wall:.{digits}f} ({own:.{digits}f})':>22}" for (wall, own), digits in parts)


def _choose_window(solver: Solver, n_times: int, leadfield: hw.LeadField, noise_cov: np.ndarray) -> None:
    if isinstance(solver, NetworkSolver) and isinstance(solver.network, RelevanceNet) and solver.n_times_ != n_times:
        solver.network.n_times = n_times
        solver.fit(leadfield, noise_cov)


def timed(call: Callable[[], object], repeats: int = REPEATS) -> np.ndarray:
    """Return the median wall and processor time in seconds; the first of several calls does not count."""
    if repeats > 1:
        call()
    found = []
    for _ in range(repeats):
        wall, own = time.perf_counter(), time.process_time()
        call()
        found.append((time.perf_counter() - wall, time.process_time() - own))
    median: np.ndarray = np.median(found, axis=0)
    return median


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, "Speed of RelevanceNet"):
        main(arguments.weights)
