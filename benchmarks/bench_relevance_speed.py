"""Speed of RelevanceNet compared with the bundled 3D-PIUNet and eLORETA.

    python benchmarks/bench_relevance_speed.py [--weights FILE] [--out benchmarks/results/relevance-speed.md]

61 electrodes and 305 MEG sensors, sources every 7 mm. "First use" is the fit to a lead field. "Single" is one time
point alone, "long" one of 1,024 time points of a recording, in windows of 16 for RelevanceNet. "Window" is one window
of 64 time points, which RelevanceNet sees at once. Medians of wall times; the load of the machine stands above.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from record import recorded

import headwater as hw
from headwater.networks import NetworkSolver, RelevanceNet
from headwater.solvers import Solver

MONTAGES = ("easycap-M10", "neuromag306")
SPACING, LONG, WIDTH, WINDOW, REPEATS = 7.0, 1024, 16, 64, 9


def main(weights: Path | None) -> None:
    """Print one row for each solver and montage."""
    print(f"{'':30}{'first use, s':>13}{'single, ms':>12}{'long, ms a time point':>23}{'window of 64, ms':>18}")
    for montage in MONTAGES:
        leadfield = make_leadfield(montage)
        noise = np.random.default_rng(0).standard_normal((leadfield.n_channels, LONG))
        y = hw.simulate(leadfield, hw.presets.PIUNET, n=1).y.double().numpy()[0]
        data = y + 0.1 * np.sqrt(np.mean(y**2, axis=0)) * noise
        for name, make in solvers(weights).items():
            print(f"{f'{name}, {leadfield.n_channels} channels':30}{row(make, leadfield, data)}", flush=True)


def make_leadfield(montage: str) -> hw.LeadField:
    """Return the lead field of the template, of one kind of MEG sensor where there is more than one."""
    head = hw.template_head()
    leadfield = hw.make_leadfield(head, hw.montage_info(head, montage), "volume", spacing=SPACING)
    return leadfield


def solvers(weights: Path | None) -> dict[str, Callable[[], Solver]]:
    """Return how to make each solver."""
    return {
        "RelevanceNet": lambda: hw.load_network("relevance" if weights is None else weights),
        "3D-PIUNet": hw.load_network,
        "eLORETA": hw.solvers.ELORETA,
    }


def row(make: Callable[[], Solver], leadfield: hw.LeadField, data: np.ndarray) -> str:
    """Time a solver."""
    solver = make()
    fitted = timed(lambda: solver.fit(leadfield), 1)
    single = timed(lambda: solver.estimate(data[:, :1]))
    _choose_window(solver, WIDTH, leadfield)
    whole = timed(lambda: solver.estimate(data), 3) / LONG
    _choose_window(solver, WINDOW, leadfield)
    window = timed(lambda: solver.estimate(data[:, :WINDOW]))
    return f"{fitted:13.2f}{1e3 * single:12.1f}{1e3 * whole:23.2f}{1e3 * window:18.1f}"


def _choose_window(solver: Solver, n_times: int, leadfield: hw.LeadField) -> None:
    if isinstance(solver, NetworkSolver) and isinstance(solver.network, RelevanceNet) and solver.n_times_ != n_times:
        solver.network.n_times = n_times
        solver.fit(leadfield)


def timed(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median time in seconds; the first of several calls does not count."""
    if repeats > 1:
        call()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return float(np.median(found))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with recorded(arguments.out, "Speed of RelevanceNet"):
        main(arguments.weights)
