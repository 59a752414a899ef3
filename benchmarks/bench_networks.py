"""Throughput of training, and speed of estimates, of each network of a lead field, as its recipe trains it.

    python benchmarks/bench_networks.py [--steps 8] [--out benchmarks/results/networks-speed.md]

Times are CPU seconds on one thread, which hardly depend on the load of the machine. A step draws its samples, predicts,
compares, and updates the weights; drawing is also shown separately. Estimates are of 100 time points in one call.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from record import recorded

from headwater.networks import NETWORKS, NetworkSolver
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import Simulator
from headwater.training.bundled import bundled_recipes
from headwater.training.losses import LOSSES
from headwater.training.recipe import Recipe, find_preset

NAMES = (
    "fcn",
    "convdip",
    "multi-source-convnet",
    "cnn-transformer",
    "deepsif",
    "gru-dual-path",
    "direct-unet",
    "4lcnn",
)
TIME_POINTS = 100


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--out", help="file to keep the table in")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with recorded(arguments.out, "Speed of the networks of one lead field"):
        print(
            f"{'network':22}{'parameters':>12}{'batch':>7}{'drawing, s':>12}{'step, s':>10}{'samples/s':>11}"
            f"{f'{TIME_POINTS} estimates, s':>18}"
        )
        for name in NAMES:
            measure(name, arguments.steps)


def measure(name: str, n_steps: int) -> None:
    """Print the row of one recipe."""
    path = bundled_recipes()[name]
    recipe = Recipe.read(path)
    preset = find_preset(recipe.preset, path.parent)
    pair = recipe.heads[0].pairs()[0]
    network = NETWORKS[recipe.network].for_leadfield(pair.model, preset.n_times, **recipe.config)
    bound, loss = network.bind(pair.model), LOSSES[recipe.loss](**recipe.loss_config)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    batches = Simulator(pair.truth, preset).batches(recipe.seed, recipe.batch_size)

    def step(samples: Samples) -> None:
        optimizer.zero_grad()
        loss(bound(samples.y), samples, bound).backward()
        optimizer.step()

    kept = next(batches)
    step(kept)  # warm-up
    learning = seconds(lambda: step(kept), n_steps)
    drawing = seconds(lambda: next(batches), 8 * n_steps)  # many, because batches are cut from chunks
    solver = NetworkSolver(network=network).fit(pair.model)
    data = np.concatenate(list(kept.y.double().numpy()), axis=1)
    data = np.tile(data, -(-TIME_POINTS // data.shape[1]))[:, :TIME_POINTS]
    solver.estimate(data)
    estimates = seconds(lambda: solver.estimate(data), 3)
    throughput = recipe.batch_size / (learning + drawing)
    print(
        f"{name:22}{network.n_parameters:12,}{recipe.batch_size:7}{drawing:12.3f}{learning + drawing:10.3f}"
        f"{throughput:11.0f}{estimates:18.3f}"
    )


def seconds(work: Callable[[], object], times: int) -> float:
    """CPU seconds of a piece of work."""
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times


if __name__ == "__main__":
    main()
