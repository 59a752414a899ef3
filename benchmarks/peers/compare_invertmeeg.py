"""Localisation error and time per sample beside invertmeeg, on the same lead field, samples and noise covariance.

    python benchmarks/peers/compare_invertmeeg.py --peer-python PEER/bin/python [--n 100] [--times 20] [--snr 10]

``PEER`` is a virtual environment of its own with ``pip install invertmeeg``; nothing of it is imported here, and the
two programs exchange files. Samples are one patch of cortex on another head than the solvers', with white noise. Both
sides choose the regularisation of minimum-norm solvers by generalised cross-validation: the peer for each sample, as it
does by default, and headwater once for all samples. Other solvers have their defaults. The time of a sample includes
the fit wherever a solver has to be fitted to the data of each sample.
"""

import argparse
import json
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.benchmark.heads import Space, data_leadfield
from headwater.forward.bem import make_bem
from headwater.forward.leadfield import LeadField
from headwater.forward.spaces import make_sources
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.metrics import localization_error
from headwater.simulation.distributions import Constant
from headwater.simulation.noise import White
from headwater.simulation.presets import MULTI_SOURCE
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.simulation.spatial import RadialPatches
from headwater.solvers import SOLVERS
from headwater.solvers.rules import GCV
from headwater.solvers.tuning import default_grid, noise_level, tuned

SPACE = Space("easycap-M10", "cortex", "ico3", ico=3)
NOISE = 1e-6  # V

# Our name: the peer's.
PEERS = {
    "mne": "mne",
    "wmne": "wmne",
    "dspm": "dspm",
    "sloreta": "sloreta",
    "eloreta": "eloreta",
    "loreta": "loreta",
    "laura": "laura",
    "lcmv": "lcmv",
    "music": "music",
    "rap-music": "rap",
    "champagne": "champagne",
    "gamma-map": "gamma-map",
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True, help="Python of the environment with invertmeeg.")
    parser.add_argument("--n", type=int, default=100, help="Samples.")
    parser.add_argument("--times", type=int, default=20, help="Time points a sample.")
    parser.add_argument("--snr", type=float, default=10.0, help="dB.")
    parser.add_argument("--solvers", default=",".join(name for name in PEERS if name in SOLVERS))
    arguments = parser.parse_args()
    mne.set_log_level("ERROR")
    forward = template_forward()
    leadfield = LeadField.from_forward(forward)
    samples = patches(arguments.n, arguments.times, arguments.snr)
    y = samples.y.double().numpy()
    y *= NOISE / noise_level(samples)[:, np.newaxis, np.newaxis]
    noise_cov = mne.Covariance(NOISE**2 * np.eye(len(y[0])), leadfield.ch_names, [], [], nfree=1)
    x_true = samples.coefficients.double().numpy()[:, :, np.newaxis]
    print(
        f"{leadfield.n_channels} EEG x {leadfield.n_sources} cortical sources, fixed orientation; {len(y)} samples of"
    )
    print(f"{arguments.times} time points at {arguments.snr:g} dB, one patch of 30 mm on another head")
    print(f"{'':12} {'headwater':>12} {'invertmeeg':>12} {'headwater':>14} {'invertmeeg':>14} {'faster':>8}")
    print(f"{'solver':12} {'mm':>12} {'mm':>12} {'ms a sample':>14} {'ms a sample':>14}")
    for name in arguments.solvers.split(","):
        ours = run_ours(name, leadfield, noise_cov, y, samples)
        theirs = run_peer(arguments.peer_python, PEERS[name], forward, noise_cov, y)
        print(row(name, ours, theirs, x_true, leadfield.pos), flush=True)


def template_forward() -> mne.Forward:
    """Forward solution of the template by MNE-Python, which both sides take as it is."""
    head = template_head()
    info = montage_info(head, SPACE.montage)
    forward = mne.make_forward_solution(
        info, head.mri_head_t, make_sources(head, "cortex", spacing=SPACE.spacing), make_bem(head, ico=SPACE.ico)
    )
    return mne.convert_forward_solution(forward, surf_ori=True, force_fixed=True)


def patches(n: int, n_times: int, snr_db: float) -> Samples:
    """One patch of 30 mm with white noise, on a varied head."""
    preset = replace(
        MULTI_SOURCE,
        sources=RadialPatches(n_sources=Constant(1), diameter_mm=Constant(30.0)),
        background=None,
        noise=White(Constant(snr_db)),
        n_times=n_times,
    )
    return simulate(data_leadfield(SPACE, 1), preset, n, seed=1)


def run_ours(name: str, leadfield: LeadField, noise_cov: mne.Covariance, y: np.ndarray, samples: Samples) -> dict:
    """Estimate all samples as one batch."""
    solver = SOLVERS[name]()
    try:
        if "lambda2" in default_grid(solver):
            solver = tuned(solver, leadfield, y, GCV(), noise_cov=noise_cov).solver
        else:
            solver = solver.fit(leadfield, noise_cov)
        start = time.perf_counter()
        x_est = solver.estimate(y)
        seconds = time.perf_counter() - start
    except InputError as error:
        return {"error": str(error)}
    return {"ms": 1e3 * seconds / len(y), "maps": np.linalg.norm(x_est, axis=2).mean(axis=2)}


def run_peer(python: str, name: str, forward: mne.Forward, noise_cov: mne.Covariance, y: np.ndarray) -> dict:
    """Have the peer estimate the same samples in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        mne.write_forward_solution(Path(folder, "peer-fwd.fif"), forward)
        mne.write_cov(Path(folder, "peer-cov.fif"), noise_cov)
        np.save(Path(folder, "y.npy"), y)
        script = Path(__file__).with_name("run_invertmeeg.py")
        done = subprocess.run([python, script, folder, name], capture_output=True, text=True)
        if done.returncode:
            return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
        return json.loads(Path(folder, "times.json").read_text()) | {"maps": np.load(Path(folder, "maps.npy"))}


def row(name: str, ours: dict, theirs: dict, x_true: np.ndarray, pos: np.ndarray) -> str:
    """One line of the table, with what went wrong where something did."""
    errors, times, notes = [], [], []
    for who, found in (("headwater", ours), ("invertmeeg", theirs)):
        if "error" in found:
            errors.append("-")
            times.append("-")
            notes.append(f"{who}: {found['error'][:90]}")
            continue
        error_mm = localization_error(x_true, found["maps"][:, :, np.newaxis], pos=pos)
        errors.append(f"{error_mm.mean():.1f}")
        times.append(f"{found['ms']:.3g}")
    faster = "" if notes else f"{theirs['ms'] / ours['ms']:.0f}x"
    return (
        f"{name:12} {errors[0]:>12} {errors[1]:>12} {times[0]:>14} {times[1]:>14} {faster:>8}  {'; '.join(notes)}"
    ).rstrip()


if __name__ == "__main__":
    main()
