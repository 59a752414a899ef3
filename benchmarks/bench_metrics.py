"""Processor time of every metric on 1,000 samples of 5,000 sources, and error of the fast earth mover's distance.

    python benchmarks/bench_metrics.py [--samples 1000] [--exact 40]

Also prints the times of scikit-learn and MNE-Python for the same scores, sample by sample, and of the exact transport
problem with and without leaving shared mass in place.
"""

import argparse
import time
from collections.abc import Callable

import mne
import numpy as np
import ot
from scipy.spatial.distance import cdist
from sklearn.metrics import f1_score, roc_auc_score

from headwater.metrics import METRICS, auc, earth_movers_distance, f1, nemd, region_localization_error

N_SOURCES = 5000


def brain() -> np.ndarray:
    """Points on a grid in an ellipsoid of the size of a brain, in metres; (5000, 3)."""
    axis = np.arange(-0.081, 0.081, 0.006)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    radius = np.linalg.norm(grid / np.array([0.065, 0.08, 0.06]), axis=1)
    return grid[np.argsort(radius, kind="stable")[:N_SOURCES]]


def bell(pos: np.ndarray, center: np.ndarray, width: float) -> np.ndarray:
    """Gaussian bell around a point, widths in metres; (n_sources,)."""
    return np.exp(-((pos - center) ** 2).sum(axis=1) / (2 * width**2))


def samples(pos: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patches of 10-40 mm with one to three centres, and five kinds of estimates in turn."""
    truth, estimate = np.zeros((2, n, len(pos)))
    centers = np.array([rng.choice(len(pos), 3, replace=False) for _ in range(n)])
    centers[np.arange(3)[None] > rng.integers(0, 3, n)[:, None]] = -1
    for b, of_sample in enumerate(centers):
        for c in of_sample[of_sample >= 0]:
            width = rng.uniform(0.005, 0.02)
            patch = bell(pos, pos[c], width)
            truth[b] += np.where(patch > np.exp(-2), patch, 0)
            shifted = pos[c] + rng.normal(0, 0.006, 3)
            if b % 5 == 0:  # like a minimum-norm estimate
                estimate[b] += bell(pos, shifted, width + 0.02) + 0.05 * rng.random(len(pos))
            elif b % 5 == 1:  # like a good network
                estimate[b] += bell(pos, shifted, 1.1 * width) + 0.002 * rng.random(len(pos))
            elif b % 5 == 2:  # like a sparse solver
                nearest = np.argsort(((pos - shifted) ** 2).sum(axis=1))[:3]
                estimate[b, nearest] += rng.random(3)
            elif b % 5 == 3:  # the ground truth with noise on each amplitude, so that nothing moves far
                estimate[b] += patch * rng.uniform(0.5, 1.5, len(pos))
            else:  # the ground truth with noise everywhere
                estimate[b] += patch + 0.02 * rng.random(len(pos))
    direction = rng.standard_normal((n, len(pos), 3)) * 0.3 + np.array([0, 0, 1.0])
    direction /= np.linalg.norm(direction, axis=2, keepdims=True)
    return truth[..., None] * direction, estimate[..., None] * direction, centers


def seconds(work: Callable[[], object]) -> float:
    """Processor time of one call, so that other work on the machine does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


def all_metrics(x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray, centers: np.ndarray) -> None:
    """Print the time of every metric but the exact transport."""
    known = {"centers": centers, "region_ids": np.arange(len(pos)) % 100, "source_volume": 0.006**3}
    print(f"| metric | seconds for {len(x_true)} samples of {len(pos)} sources |")
    print("| --- | --- |")
    for name, metric in METRICS.items():
        if name in ("nemd", "earth_movers_distance"):
            continue
        needs = {key: known[key] for key in metric.needs}
        pair = (x_true, x_est)
        if name == "time_course_correlation":
            pair = tuple(x[:, :, :1, None] * np.array([0.0, 1, -1, 0.5]) for x in pair)
        print(f"| {name} | {seconds(lambda m=metric, p=pair, k=needs: m.function(*p, pos=pos, **k)):.2f} |", flush=True)


def beside_others(x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray) -> None:
    """Print our times compared with those of scikit-learn and MNE-Python on the same samples."""
    x_true, x_est = x_true[..., 2:], x_est[..., 2:]
    a_true, a_est = np.abs(x_true[..., 0]), np.abs(x_est[..., 0])
    states = [a > 0.5 * a.max(axis=1, keepdims=True) for a in (a_true, a_est)]
    half = len(pos) // 2
    vertices, src = [np.arange(half), np.arange(len(pos) - half)], [{"rr": pos[:half]}, {"rr": pos[half:]}]

    def mne_each(function, **parameters):
        for t, e in zip(x_true, x_est, strict=True):
            function(*(mne.SourceEstimate(x, vertices, 0, 1) for x in (t, e)), **parameters)

    scores = mne.simulation.metrics
    rows = {
        "auc": (
            lambda: auc(x_true, x_est, pos=pos),
            lambda: [roc_auc_score(t > 0, e) for t, e in zip(a_true, a_est, strict=True)],
            lambda: mne_each(scores.roc_auc_score),
        ),
        "f1": (
            lambda: f1(x_true, x_est, pos=pos),
            lambda: [f1_score(t, e) for t, e in zip(*states, strict=True)],
            lambda: mne_each(scores.f1_score, threshold="50%"),
        ),
        "region_localization_error": (
            lambda: region_localization_error(x_true, x_est, pos=pos),
            None,
            lambda: mne_each(scores.region_localization_error, src=src, threshold="50%"),
        ),
    }
    print(f"\n| {len(x_true)} samples, one orientation | headwater, s | scikit-learn, s | MNE-Python, s |")
    print("| --- | --- | --- | --- |")
    for name, works in rows.items():
        times = " | ".join("-" if work is None else f"{seconds(work):.2f}" for work in works)
        print(f"| {name} | {times} |", flush=True)


def transport(x_true: np.ndarray, x_est: np.ndarray, pos: np.ndarray, n_full: int = 5) -> None:
    """Print cost of the exact transport, and cost and error of the fast path."""
    n = len(x_true)
    distance = cdist(pos, pos)
    masses = [np.linalg.norm(x, axis=2) for x in (x_true, x_est)]
    masses = [a / a.sum(axis=1, keepdims=True) for a in masses]

    def full():
        for a, b in zip(masses[0][:n_full], masses[1][:n_full], strict=True):
            ot.emd2(a, b * (a.sum() / b.sum()), distance, numItermax=10**8)

    print("\n| transport | seconds per sample |\n| --- | --- |")
    print(f"| exact EMD, all sources (POT) | {seconds(full) / n_full:.3f} |")
    reduced = seconds(lambda: earth_movers_distance(x_true[:n_full], x_est[:n_full], pos=pos))
    print(f"| exact EMD, shared mass left in place | {reduced / n_full:.3f} |", flush=True)
    start = time.process_time()
    exact = nemd(x_true, x_est, pos=pos)
    print(f"| nemd, exact | {(time.process_time() - start) / n:.3f} |")
    print("\n| cells | seconds per sample | largest error | mean error |\n| --- | --- | --- | --- |")
    for n_cells in (64, 128, 256, 512):
        start = time.process_time()
        fast = nemd(x_true, x_est, pos=pos, n_cells=n_cells)
        spent = (time.process_time() - start) / n
        error = np.abs(fast / exact - 1)
        print(f"| {n_cells} | {spent:.4f} | {error.max():.2%} | {error.mean():.2%} |", flush=True)
    print(f"\nexact NEMD of these samples: {exact.min():.3f} to {exact.max():.3f}")


def main() -> None:
    """Run all three comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000, help="samples for all metrics but the exact transport")
    parser.add_argument("--exact", type=int, default=40, help="samples for the exact transport")
    arguments = parser.parse_args()
    mne.set_log_level("ERROR")
    pos = brain()
    x_true, x_est, centers = samples(pos, max(arguments.samples, arguments.exact), np.random.default_rng(0))
    n = arguments.samples
    all_metrics(x_true[:n], x_est[:n], pos, centers[:n])
    beside_others(x_true[: n // 10], x_est[: n // 10], pos)
    transport(x_true[: arguments.exact], x_est[: arguments.exact], pos)


if __name__ == "__main__":
    main()
