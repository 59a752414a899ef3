"""Speed of the solvers: time of a fit, and time points that a fitted solver estimates per second.

    python benchmarks/bench_solvers.py [--channels 61] [--sources 5000] [--times 1000]

61 electrodes and 5,000 free sources by default. A fitted linear solver is one matrix product that writes 15,000 numbers
per time point, so it is compared with two baselines of the same run: that product alone, and a plain copy of an array
of the output's size (memory bandwidth). MNE-Python's `make_inverse_operator`, `prepare_inverse_operator` and
`apply_inverse` run on the same forward solution and covariance.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import mne
import numpy as np
from record import recorded

from headwater.forward.leadfield import LeadField
from headwater.solvers import SOLVERS
from headwater.solvers.linear.kernel import LinearSolver

MNE_METHODS = {"mne": "MNE", "dspm": "dSPM", "sloreta": "sLORETA", "eloreta": "eLORETA"}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=61)
    parser.add_argument("--sources", type=int, default=5000)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--out", help="also write everything to this Markdown file")
    arguments = parser.parse_args()
    mne.set_log_level("ERROR")
    forward, noise_cov = sphere_forward(arguments.channels, arguments.sources)
    leadfield = LeadField.from_forward(forward)
    data = 1e-6 * np.random.default_rng(0).standard_normal((leadfield.n_channels, arguments.times))
    with recorded(arguments.out, "Speed of linear solvers"):
        print(f"{leadfield.n_channels} channels x {leadfield.n_sources} free sources, {arguments.times} time points\n")
        time_fits(forward, leadfield, noise_cov)
        time_estimates(forward, leadfield, noise_cov, data)


def sphere_forward(n_channels: int, n_sources: int) -> tuple[mne.Forward, mne.Covariance]:
    """EEG in a three-layer sphere, with white noise of 1 uV."""
    montage = mne.channels.make_standard_montage("standard_1005")
    names = montage.ch_names[:: len(montage.ch_names) // n_channels][:n_channels]
    info = mne.create_info(names, 1000.0, "eeg").set_montage(montage)
    info = mne.EvokedArray(np.zeros((n_channels, 1)), info).set_eeg_reference("average", projection=True).info
    sphere = mne.make_sphere_model("auto", "auto", info)
    rng = np.random.default_rng(0)
    pos = rng.standard_normal((n_sources, 3))
    pos *= (0.07 * rng.random(n_sources) ** (1 / 3) / np.linalg.norm(pos, axis=1))[:, np.newaxis]
    src = mne.setup_volume_source_space(pos={"rr": sphere["r0"] + pos, "nn": np.tile([0.0, 0.0, 1.0], (n_sources, 1))})
    src[0]["coord_frame"] = mne.io.constants.FIFF.FIFFV_COORD_HEAD
    noise_cov = mne.Covariance(1e-12 * np.eye(n_channels), names, [], info["projs"], nfree=1000)
    forward = mne.make_forward_solution(info, trans=None, src=src, bem=sphere, mindist=0)
    return forward, noise_cov


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Shortest of several runs."""
    durations = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return min(durations)


def evoked_info(leadfield: LeadField, noise_cov: mne.Covariance) -> mne.Info:
    """Info of a recording of the lead field's channels."""
    evoked = mne.EvokedArray(np.zeros((leadfield.n_channels, 1)), leadfield.info)
    return evoked.add_proj(noise_cov["projs"]).info


def time_fits(forward: mne.Forward, leadfield: LeadField, noise_cov: mne.Covariance) -> None:
    """Compare fitting with MNE-Python's preparation of an inverse operator."""
    print(f"{'fit':16}{'headwater':>12}{'MNE-Python':>12}")
    info = evoked_info(leadfield, noise_cov)

    def prepare(method: str) -> None:
        operator = mne.minimum_norm.make_inverse_operator(info, forward, noise_cov)
        mne.minimum_norm.prepare_inverse_operator(operator, 1, 1 / 9, method)

    for name, solver in SOLVERS.items():
        ours = seconds(lambda solver=solver: solver().fit(leadfield, noise_cov))
        theirs = f"{seconds(lambda n=name: prepare(MNE_METHODS[n])):10.2f} s" if name in MNE_METHODS else ""
        print(f"{name:16}{ours:10.2f} s{theirs:>12}")
    print()


def time_estimates(forward: mne.Forward, leadfield: LeadField, noise_cov: mne.Covariance, data: np.ndarray) -> None:
    """Compare the throughput of a fitted solver with its matrix product, a copy of its output, and MNE-Python."""
    solver = SOLVERS["sloreta"]().fit(leadfield, noise_cov)
    n_times = data.shape[1]
    print(f"{'time points per second':28}{'float32':>12}{'float64':>12}")
    rates = [throughput(solver, data.astype(precision)) for precision in (np.float32, np.float64)]
    for name in rates[0]:
        print(f"{name:28}{rates[0][name]:12,.0f}{rates[1][name]:12,.0f}")
    evoked = mne.EvokedArray(data, evoked_info(leadfield, noise_cov))
    print(f"{'apply (vectors)':40}{n_times / seconds(lambda: solver.apply(evoked, pick_ori='vector')):12,.0f}")
    print(f"{'apply (lengths)':40}{n_times / seconds(lambda: solver.apply(evoked)):12,.0f}")
    operator = mne.minimum_norm.make_inverse_operator(evoked.info, forward, noise_cov)
    operator = mne.minimum_norm.prepare_inverse_operator(operator, 1, 1 / 9, "sLORETA")
    for label, pick_ori in (("vectors", "vector"), ("lengths", None)):
        rate = n_times / seconds(
            lambda pick=pick_ori: mne.minimum_norm.apply_inverse(
                evoked, operator, 1 / 9, "sLORETA", pick, prepared=True
            )
        )
        print(f"{f'MNE-Python apply_inverse ({label})':40}{rate:12,.0f}")


def throughput(solver: LinearSolver, data: np.ndarray) -> dict[str, float]:
    """Time points per second of a fitted solver and of its baselines, in the precision of the data."""
    tens, ones = batches(data, 10), batches(data, 1)
    kernel = solver.kernel_.astype(data.dtype)
    output = kernel @ data
    works = {
        "estimate": partial(solver.estimate, data),
        "estimate, samples of 10": partial(solver.estimate, tens),
        "estimate, samples of 1": partial(solver.estimate, ones),
        "matrix product alone": partial(np.matmul, kernel, data),
        "copy of the output": output.copy,
    }
    return {name: data.shape[1] / seconds(work, 5) for name, work in works.items()}


def batches(data: np.ndarray, n_times: int) -> np.ndarray:
    """Cut a recording into samples of shape (n_channels, n_times)."""
    n_samples = data.shape[1] // n_times
    cut = data[:, : n_samples * n_times].reshape(len(data), n_samples, n_times)
    return np.ascontiguousarray(np.moveaxis(cut, 1, 0))


if __name__ == "__main__":
    main()
