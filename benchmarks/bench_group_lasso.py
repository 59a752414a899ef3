"""Speed of the solvers with priors of smoothness and sparseness, at the size of 3D-PIUNet's experiments.

    python benchmarks/bench_group_lasso.py [--channels 61] [--spacing 7.73] [--samples 64] [--peers 2]

61 electrodes and 5,209 free sources on a grid in a sphere by default. Prints the time of a fit, and the time per sample
of one time point with three active sources in noise 20 dB below them. MxNE is MNE-Python's block coordinate descent, at
its default tolerance and at that of group Lasso. Without correction of the amplitudes it solves the same problem, so
the last column shows how far from the solution each one stopped. IRMxNE solves a different problem.
"""

import argparse
import time

import mne
import numpy as np

from headwater.forward.leadfield import LeadField
from headwater.solvers import LAURA, LORETA, GroupLasso, IRMxNE, MinimumNorm, MxNE, Solver


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=61)
    parser.add_argument("--spacing", type=float, default=7.73, help="of the grid, in mm")
    parser.add_argument("--samples", type=int, default=64, help="for group Lasso")
    parser.add_argument("--peers", type=int, default=2, help="samples for MNE-Python's optimiser")
    arguments = parser.parse_args()
    mne.set_log_level("ERROR")
    leadfield = sphere_leadfield(arguments.channels, arguments.spacing)
    noise_cov = mne.Covariance(1e-12 * np.eye(leadfield.n_channels), leadfield.ch_names, [], [], nfree=1000)
    data = samples(leadfield, arguments.samples)
    print(f"{leadfield!r}\n")
    time_fits(leadfield, noise_cov)
    time_samples(leadfield, noise_cov, data, arguments.peers)


def sphere_leadfield(n_channels: int, spacing: float) -> LeadField:
    """EEG of a grid of sources in a three-layer sphere."""
    montage = mne.channels.make_standard_montage("standard_1005")
    names = montage.ch_names[:: len(montage.ch_names) // n_channels][:n_channels]
    info = mne.create_info(names, 1000.0, "eeg").set_montage(montage)
    info = mne.EvokedArray(np.zeros((n_channels, 1)), info).set_eeg_reference("average", projection=True).info
    sphere = mne.make_sphere_model("auto", "auto", info)
    src = mne.setup_volume_source_space(sphere=sphere, pos=spacing)
    return LeadField.from_forward(mne.make_forward_solution(info, trans=None, src=src, bem=sphere))


def samples(leadfield: LeadField, n_samples: int) -> np.ndarray:
    """One time point of three sources in white noise of a hundredth of their power, (n_samples, n_channels, 1)."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(leadfield.n_sources, size=(n_samples, 3))
    moments = 1e-7 * rng.standard_normal((n_samples, 3, 3))
    signal = np.einsum("cbsx,bsx->bc", leadfield.gain[:, chosen], moments)
    noise = rng.standard_normal(signal.shape)
    noise *= 0.1 * np.linalg.norm(signal, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    return (signal + noise)[..., np.newaxis]


def time_fits(leadfield: LeadField, noise_cov: mne.Covariance) -> None:
    """Print the time of a fit, compared with that of the minimum norm."""
    print(f"{'fit':24}{'seconds':>10}")
    for solver in (MinimumNorm(), LORETA(), LAURA(), GroupLasso(), MxNE()):
        start = time.perf_counter()
        solver.fit(leadfield, noise_cov)
        print(f"{type(solver).__name__:24}{time.perf_counter() - start:10.2f}")
    print()


def time_samples(leadfield: LeadField, noise_cov: mne.Covariance, data: np.ndarray, n_peers: int) -> None:
    """Print the time per sample of each solver, how many sources it finds, and how far it is from group Lasso."""
    print(f"{'estimate':24}{'alpha':>8}{'ms/sample':>12}{'sources':>10}{'from group Lasso':>18}")
    for alpha in (0.5, 0.2):
        lasso = GroupLasso(alpha=alpha)
        solvers: list[tuple[Solver, np.ndarray]] = [
            (lasso, data),
            (MxNE(alpha=alpha, debias=False, tol=0.5e-8, max_iter=20_000), data[:n_peers]),
            (MxNE(alpha=alpha, debias=False), data[:n_peers]),
            (IRMxNE(alpha=alpha), data[:n_peers]),
        ]
        closest = None
        for solver, given in solvers:
            solver.fit(leadfield, noise_cov)
            start = time.perf_counter()
            found = solver.estimate(given)
            milliseconds = 1e3 * (time.perf_counter() - start) / len(given)
            closest = found if closest is None else closest
            count = (np.linalg.norm(found, axis=2) > 0).sum() / len(given)
            away = np.linalg.norm(found - closest[: len(given)]) / np.linalg.norm(closest[: len(given)])
            differs = "" if isinstance(solver, IRMxNE) else f"{away:.1e}"
            tol = f" (gap {2 * solver.tol if isinstance(solver, MxNE | IRMxNE) else solver.tol:.0e})"
            print(f"{type(solver).__name__ + tol:24}{alpha:8g}{milliseconds:12.1f}{count:10.1f}{differs:>18}")


if __name__ == "__main__":
    main()
