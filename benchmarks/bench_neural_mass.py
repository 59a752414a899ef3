"""Speed of simulating whole brains and their spikes on one core, compared with the sparse product alone.

Run::

    python benchmarks/bench_neural_mass.py [--connectome connectivity_998.zip] --out benchmarks/results/neural_mass.md

Without a connectome, the distance rule is applied to 998 random positions on a sphere. Time is CPU time of one thread.
The sparse product couples the regions; no simulation with these delays can be faster.
"""

import argparse
import time

import numpy as np
import torch
from record import recorded

from headwater.simulation.spikes import PUBLISHED, SpikeRules, find_clips
from headwater.simulation.spikes.brains import Brain
from headwater.simulation.spikes.connectome import Connectome, distance_rule_connectome
from headwater.simulation.spikes.generation import LibraryPlan
from headwater.simulation.spikes.neural_mass import JansenRitNetwork, n_lanes

HOURS = 3600


def sphere_connectome(n_regions: int = 998, radius: float = 0.07) -> Connectome:
    """Regions at random positions on a sphere of the size of the cortex."""
    pos = np.random.default_rng(0).standard_normal((n_regions, 3))
    return distance_rule_connectome(radius * pos / np.linalg.norm(pos, axis=1, keepdims=True))


def cpu_seconds(work) -> float:
    """CPU time of the quickest of three calls."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def product_alone(network: JansenRitNetwork, seconds: float, lanes: int):
    """Return the work of coupling the regions, and nothing else, for one batch."""
    n = network.connectome.n_regions
    rates = torch.rand((network.window + 255, n, lanes), dtype=network.dtype)

    def work():
        for step in range(round(seconds * 1e3 / network.step_ms)):
            torch.mm(network._coupling, rates[step % 256 : step % 256 + network.window].flatten(0, 1))  # noqa: SLF001

    return work


def speed(connectome: Connectome, seconds: float) -> None:
    """Print brain-seconds per CPU-second at both published steps and in both precisions."""
    lanes = n_lanes(torch.device("cpu"))
    brains = [Brain(k * connectome.n_regions // lanes, seed=k) for k in range(lanes)]
    n_tracts = int((connectome.weights > 0).sum())
    print(f"{connectome.n_regions} regions, {n_tracts} tracts, {lanes} brains side by side, 1 thread")
    print("step_ms  precision  brain-seconds per CPU-second  of the product alone")
    for step_ms in (1.0, 0.5):
        for dtype in (torch.float32, torch.float64):
            network = JansenRitNetwork(connectome, step_ms=step_ms, dtype=dtype)
            whole = lanes * seconds / cpu_seconds(lambda network=network: network.run(brains, seconds, every=4))
            product = lanes * seconds / cpu_seconds(product_alone(network, seconds, lanes))
            print(f"{step_ms:7.1f}  {str(dtype)[6:]:9}  {whole:28.1f}  {product:20.1f}")


def whole_library(connectome: Connectome, plan: LibraryPlan) -> None:
    """Estimate time and disk of clips of all regions from what sixteen of them yield."""
    lanes, rules = n_lanes(torch.device("cpu")), SpikeRules()
    targets = np.random.default_rng(1).choice(connectome.n_regions, lanes, replace=connectome.n_regions < lanes)
    start = time.process_time()
    brains = [Brain(int(target), plan.settings[0], seed=k) for k, target in enumerate(targets)]
    network = JansenRitNetwork(connectome, step_ms=plan.step_ms, speed=plan.speed)
    signals = [
        np.ascontiguousarray(signal[:, rules.transient // rules.downsample :])
        for signal in network.run(brains, plan.duration, every=rules.downsample)
    ]
    found = [len(find_clips(signal, brain.target)[0]) for signal, brain in zip(signals, brains, strict=True)]
    cost = (time.process_time() - start) / (lanes * plan.duration)
    published = [
        len(find_clips(signal, brain.target, PUBLISHED)[0]) for signal, brain in zip(signals, brains, strict=True)
    ]
    n = connectome.n_regions
    per_region = np.mean([min(plan.budget, np.ceil(plan.n_clips / max(k, 1e-9)) * plan.duration) for k in found])
    disk = n * plan.n_clips * (1 + plan.n_neighbors) * rules.clip * 2
    print(f"\n{lanes} regions for {plan.duration:g} s each, extraction included: {1 / cost:.1f} brain-s per CPU-s")
    print(f"clips found: {sum(found)} by the corrected rules, {sum(published)} by the published (with duplicates)")
    print(f"one setting, all {n} regions x 50 s: {n * 50 * cost / HOURS:.2f} core-hours")
    print(
        f"{plan.n_clips} clips of all {n} regions: {n * per_region * cost / HOURS:.2f} core-hours at most "
        f"({per_region:.0f} s per region without raising any input), {disk / 1e9:.2f} GB on disk"
    )


def main() -> None:
    """Read the command line and print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connectome", help="connectivity archive of The Virtual Brain")
    parser.add_argument("--seconds", type=float, default=4.0, help="brain time of each timed run")
    parser.add_argument("--out", help="also write everything to this Markdown file")
    args = parser.parse_args()
    torch.set_num_threads(1)
    connectome = Connectome.from_tvb_zip(args.connectome) if args.connectome else sphere_connectome()
    with recorded(args.out, "Speed of the neural-mass model"):
        speed(connectome, args.seconds)
        whole_library(connectome, LibraryPlan())


if __name__ == "__main__":
    main()
