"""Speed of simulating each preset, compared with the matrix product ``L x`` alone.

    python benchmarks/bench_simulation.py --million --out benchmarks/results/simulation.md
    python benchmarks/bench_simulation.py --million --device cuda --out benchmarks/results/simulation-gpu.md

Sizes are those of the papers; geometry is synthetic (spheres and grids with a random smooth gain), because speed
depends on sizes only. ``--million`` adds a stream of a million samples of SUBCORTICAL and its peak memory.
"""

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

import mne
import numpy as np
import torch
from record import recorded
from scipy import sparse
from scipy.spatial import cKDTree

from headwater.forward.leadfield import LeadField
from headwater.simulation.presets import DIRECT_UNET, MULTI_SOURCE, PIUNET, SPIKES, SUBCORTICAL, Preset
from headwater.simulation.simulator import Simulator

SECONDS = 3.0  # per measurement


@dataclass
class Case:
    """A preset on a lead field of the paper's size, and the samples a second it should reach."""

    preset: Preset
    leadfield: LeadField
    target: float


def leadfield(pos: np.ndarray, normals: np.ndarray, n_channels: int, n_orient: int, spacing: float) -> LeadField:
    """Potentials in an infinite medium at sensors on a sphere; sources within 1.3 spacings are neighbours."""
    sensors = np.random.default_rng(0).standard_normal((n_channels, 3))
    sensors *= 0.1 / np.linalg.norm(sensors, axis=1, keepdims=True)
    away = sensors[:, None] - pos
    gain = away / (4 * np.pi * 0.3 * np.linalg.norm(away, axis=2, keepdims=True) ** 3)
    if n_orient == 1:
        gain = np.einsum("cnx,nx->cn", gain, normals)[..., None]
    i, j = cKDTree(pos).query_pairs(1.3 * spacing, output_type="ndarray").T
    graph = sparse.csr_array((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(len(pos),) * 2)
    names = [f"EEG{k:03d}" for k in range(n_channels)]
    # Octants of the head stand for anatomical regions, and a region below the surface is another one.
    octant = (pos > 0) @ [1, 2, 4]
    deep = np.linalg.norm(pos, axis=1) < 0.055
    regions = [f"{'deep' if low else 'cortex'}-{number}" for number, low in zip(octant, deep, strict=True)]
    return LeadField.from_arrays(
        gain, pos, ch_names=names, normals=normals, adjacency=graph, regions=regions, assumptions={}
    )


def sphere(n: int, radius: float = 0.075) -> tuple[np.ndarray, np.ndarray, float]:
    """Nearly even points on a sphere (Fibonacci lattice), normals and spacing."""
    k = np.arange(n) + 0.5
    polar, azimuth = np.arccos(1 - 2 * k / n), np.pi * (1 + 5**0.5) * k
    normals = np.stack([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], 1)
    return radius * normals, normals, radius * np.sqrt(4 * np.pi / n)


def grid(n: int, spacing: float) -> np.ndarray:
    """Return the ``n`` points of a cubic grid that are nearest to its origin."""
    axis = spacing * np.arange(-30, 31)
    points = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(-1, 3)
    return points[np.argsort(np.linalg.norm(points, axis=1), kind="stable")[:n]]


def cases() -> list[Case]:
    """Sizes of the papers."""
    volume = grid(5334, 0.007)
    upright = np.tile([0.0, 0.0, 1.0], (len(volume), 1))
    pos_b, normals_b, spacing_b = sphere(8196)
    pos_c, normals_c, spacing_c = sphere(994)
    pos_d, normals_d, spacing_d = sphere(15684)
    pos_e, normals_e, _ = sphere(8000)
    deep = grid(4500, 0.003)
    pos_e, normals_e = np.concatenate([pos_e, deep]), np.concatenate([normals_e, np.tile([0.0, 0.0, 1.0], (4500, 1))])
    return [
        Case(PIUNET, leadfield(volume, upright, 61, 3, 0.007), 2000),
        Case(MULTI_SOURCE, leadfield(pos_b, normals_b, 51, 1, spacing_b), 200),
        Case(SPIKES, leadfield(pos_c, normals_c, 75, 1, spacing_c), 200),
        Case(DIRECT_UNET, leadfield(pos_d, normals_d, 149, 1, spacing_d), 2000),
        Case(SUBCORTICAL, leadfield(pos_e, normals_e, 159, 3, 0.003), 15_000),
    ]


def rates(step: Callable[[], object], n: int, device: torch.device) -> tuple[float, float]:
    """Return samples per second, and per second of one core, of repeated calls that make ``n`` samples each.

    The second figure, measured on one thread by the process's own clock, does not depend on the load of the machine.
    """
    threads = torch.get_num_threads()
    wall = _rate(step, n, device, time.perf_counter)
    if device.type == "cuda":
        return wall, float("nan")
    torch.set_num_threads(1)
    core = _rate(step, n, device, time.process_time)
    torch.set_num_threads(threads)
    return wall, core


def _rate(step: Callable[[], object], n: int, device: torch.device, clock: Callable[[], float]) -> float:
    step()
    _wait(device)
    began, calls = clock(), 0
    while clock() - began < SECONDS:
        step()
        calls += 1
        _wait(device)
    return calls * n / (clock() - began)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def measure(case: Case, device: torch.device) -> str:
    """One row of the table."""
    began = time.perf_counter()
    simulator = Simulator(case.leadfield, case.preset, device)
    first = simulator.chunk(0, 0)
    prepared = time.perf_counter() - began
    numbers = iter(range(1, 10**9))
    wall, core = rates(lambda: simulator.chunk(0, next(numbers)), simulator.chunk_size, device)
    # The plain product: all samples and times as columns of one matrix.
    x = first[: max(1, min(len(first), 2**24 // first.x[:1].numel()))].x
    columns = x.flatten(1, 2).transpose(0, 1).flatten(1).contiguous()
    matrix = simulator.gain.flatten(1).contiguous()
    product_wall, product_core = rates(lambda: matrix @ columns, len(x), device)
    sizes = f"{matrix.shape[0]} x {simulator.geometry.n_sources} x {simulator.geometry.n_orient}"
    return (
        f"{case.preset.name:13} {sizes:16} {case.preset.n_times:4d} {prepared:8.1f} {wall:11,.0f} {core:11,.0f} "
        f"{case.target:9,.0f} {product_wall:13,.0f} {product_core:13,.0f}"
    )


def million(case: Case, device: torch.device) -> None:
    """Stream a million samples; only one chunk is held at a time."""
    simulator = Simulator(case.leadfield, case.preset, device)
    simulator.chunk(0, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    for index in range(-(-(10**6) // simulator.chunk_size)):
        simulator.chunk(0, index)
        if index == 450_000 // simulator.chunk_size:
            print(f"450,000 samples of {case.preset.name}: {time.perf_counter() - began:.1f} s")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"1,000,000 samples of {case.preset.name}: {time.perf_counter() - began:.1f} s; peak memory of the process "
        f"{before / 1024:.0f} MB before, {after / 1024:.0f} MB after"
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--out", help="also write everything to this Markdown file")
    arguments = parser.parse_args()
    mne.set_log_level("error")
    with recorded(arguments.out, "Speed of simulations"):
        print_table(torch.device(arguments.device), with_million=arguments.million)


def print_table(device: torch.device, *, with_million: bool) -> None:
    """Measure every case and, on request, a million samples."""
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{where}, torch {torch.__version__}")
    print(
        f"{'preset':13} {'lead field':16} {'T':>4} {'setup s':>8} {'samples/s':>11} {'per core s':>11} {'target/s':>9} "
        f"{'L x alone /s':>13} {'per core s':>13}"
    )
    all_cases = cases()
    for case in all_cases:
        print(measure(case, device), flush=True)
    if with_million:
        million(all_cases[-1], device)


if __name__ == "__main__":
    main()
