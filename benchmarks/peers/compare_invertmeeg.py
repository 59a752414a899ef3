"""Localisation error and time per sample beside invertmeeg, on the same lead field, samples and noise covariance.

    python benchmarks/peers/compare_invertmeeg.py --peer-python PEER/bin/python [--n 1000] [--compared 100]

``PEER`` is a virtual environment of its own with ``pip install invertmeeg``; nothing of it is imported here, and the
two programs exchange files. Samples are one patch of cortex on another head than the solvers', with white noise.

Solvers have their defaults. Both sides choose the regularisation of minimum-norm solvers by generalised
cross-validation: the peer for each sample, as it does by default, and headwater once for all samples. Beside it stands
headwater's error after tuning on other samples, simulated on the solvers' own head (``hw.solvers.tuned``). Rows in
brackets give one side what the other has by default. The time of a sample is processor time, and includes the
fit wherever a solver has to be fitted to the data of each sample; set OMP_NUM_THREADS=1 for times of one core.
Headwater's is that of a batch of ``--n`` samples. The peer, which takes one after the other, gets the first
``--compared`` of them, over which both errors are averaged; sparse Bayesian learning a third as many, on both sides.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import mne
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from record import recorded

from headwater.benchmark.heads import Setup, true_leadfield
from headwater.forward.bem import make_bem
from headwater.forward.leadfield import LeadField
from headwater.forward.spaces import make_sources
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.metrics import METRICS, localization_error
from headwater.simulation.distributions import Constant
from headwater.simulation.noise import White
from headwater.simulation.presets import MULTI_SOURCE, Preset
from headwater.simulation.samples import Samples
from headwater.simulation.simulator import simulate
from headwater.simulation.spatial import RadialPatches
from headwater.solvers import (
    DSPM,
    ELORETA,
    GCV,
    LCMV,
    LORETA,
    MUSIC,
    RAPMUSIC,
    SLORETA,
    Champagne,
    GammaMap,
    MinimumNorm,
    Solver,
    WeightedMinimumNorm,
    chosen,
    tuned,
)
from headwater.solvers.tuning import default_grid, with_parameters

SETUP = Setup("easycap-M10", "cortex", "ico3", ico=3)
NOISE = 1e-6  # V

N_TRAINING, TRAINING_SEED = 50, 10**6


@dataclass(frozen=True, eq=False)
class Pair:
    """The same method on both sides.

    Attributes
    ----------
    name : str
    ours : Solver
    peer : str
        The peer's name of it.
    options : dict
        Of the peer's method.
    slow : bool
        Whether it gets fewer samples.
    """

    name: str
    ours: Solver
    peer: str
    options: dict = field(default_factory=dict)
    slow: bool = False


PAIRS = (
    Pair("mne", MinimumNorm(), "mne"),
    Pair("wmne", WeightedMinimumNorm(), "wmne"),
    Pair("(exponent 1/2)", WeightedMinimumNorm(exponent=0.5), "wmne"),
    Pair("dspm", DSPM(), "dspm"),
    Pair("(no depth)", DSPM(depth=None), "dspm"),
    Pair("sloreta", SLORETA(), "sloreta"),
    Pair("eloreta", ELORETA(), "eloreta"),
    Pair("loreta", LORETA(), "loreta"),
    Pair("lcmv", LCMV(), "lcmv"),
    Pair("music", MUSIC(), "music"),
    Pair("rap-music", RAPMUSIC(), "rap"),
    Pair("(dipoles)", RAPMUSIC(), "rap", {"n_orders": 0}),
    Pair("champagne", Champagne(), "champagne", slow=True),
    Pair("gamma-map", GammaMap(), "gamma-map", slow=True),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True, help="Python of the environment with invertmeeg.")
    parser.add_argument("--n", type=int, default=1000, help="Samples.")
    parser.add_argument("--compared", type=int, default=100, help="Samples that the peer gets too.")
    parser.add_argument("--times", type=int, default=20, help="Time points a sample.")
    parser.add_argument("--snr", type=float, default=10.0, help="dB.")
    parser.add_argument("--out", help="also write everything to this Markdown file")
    arguments = parser.parse_args()
    mne.set_log_level("ERROR")
    with recorded(arguments.out, "Beside invertmeeg"):
        compare(arguments.peer_python, arguments.n, arguments.compared, arguments.times, arguments.snr)


def compare(python: str, n: int, compared: int, n_times: int, snr_db: float) -> None:
    """Print one line for each pair."""
    forward = template_forward()
    leadfield = LeadField.from_forward(forward)
    preset = patch(n_times, snr_db)
    samples = simulate(true_leadfield(SETUP, 1), preset, n, seed=1)
    training = simulate(leadfield, preset, N_TRAINING, seed=TRAINING_SEED)
    y = samples.y.double().numpy()
    y *= NOISE / samples.noise_level.numpy()[:, np.newaxis, np.newaxis]
    noise_cov = mne.Covariance(NOISE**2 * np.eye(len(y[0])), leadfield.ch_names, [], [], nfree=1)
    x_true = samples.coefficients.double().numpy()[:, :, np.newaxis]
    print(
        f"{leadfield.n_channels} EEG x {leadfield.n_sources} cortical sources, fixed orientation; {len(y)} samples of"
    )
    print(f"{n_times} time points at {snr_db:g} dB, one patch of 30 mm on another head; errors of the first {compared}")
    print(
        f"{'':15} {'headwater':>10} {'tuned':>8} {'invertmeeg':>12} {'headwater':>14} {'invertmeeg':>14} {'faster':>8}"
    )
    print(f"{'solver':15} {'mm':>10} {'mm':>8} {'mm':>12} {'ms a sample':>14} {'ms a sample':>14}")
    for pair in PAIRS:
        both = compared // 3 if pair.slow else compared
        data = y[:both] if pair.slow else y
        ours = run_ours(by_default(pair.ours, leadfield, noise_cov, data), data)
        best = run_ours(by_training(pair.ours, leadfield, training), y[:both]) if default_grid(pair.ours) else None
        theirs = run_peer(python, pair, forward, noise_cov, y[:both])
        print(row(pair.name, ours, best, theirs, x_true[:both], leadfield.pos), flush=True)


def template_forward() -> mne.Forward:
    """Forward solution of the template by MNE-Python, which both sides take as it is."""
    head = template_head()
    info = montage_info(head, SETUP.montage)
    forward = mne.make_forward_solution(
        info, head.mri_head_t, make_sources(head, "cortex", spacing=SETUP.spacing), make_bem(head, ico=SETUP.ico)
    )
    return mne.convert_forward_solution(forward, surf_ori=True, force_fixed=True)


def patch(n_times: int, snr_db: float) -> Preset:
    """One patch of 30 mm with white noise."""
    return replace(
        MULTI_SOURCE,
        sources=RadialPatches(n_sources=Constant(1), diameter_mm=Constant(30.0)),
        background=None,
        noise=White(Constant(snr_db)),
        n_times=n_times,
    )


def by_default(solver: Solver, leadfield: LeadField, noise_cov: mne.Covariance, y: np.ndarray) -> Solver:
    """Fit with the default hyper-parameters, and ``lambda2`` by generalised cross-validation."""
    grid = default_grid(solver)
    if "lambda2" in grid:
        solver = with_parameters(solver, {"lambda2": GCV(candidates=grid["lambda2"])})
    return chosen(solver, leadfield, noise_cov, y)


def by_training(solver: Solver, leadfield: LeadField, training: Samples) -> Solver:
    """Fit with hyper-parameters tuned on samples of the solvers' head; the data are in units of their noise then."""
    return tuned(solver, leadfield, training, METRICS["localization_error"]).solver


def run_ours(solver: Solver, y: np.ndarray) -> dict:
    """Estimate all samples as one batch."""
    start = time.process_time()
    x_est = solver.estimate(y)
    seconds = time.process_time() - start
    return {"ms": 1e3 * seconds / len(y), "maps": np.linalg.norm(x_est, axis=2).mean(axis=2)}


def run_peer(python: str, pair: Pair, forward: mne.Forward, noise_cov: mne.Covariance, y: np.ndarray) -> dict:
    """Have the peer estimate the same samples in its own environment."""
    with tempfile.TemporaryDirectory() as folder:
        mne.write_forward_solution(Path(folder, "peer-fwd.fif"), forward)
        mne.write_cov(Path(folder, "peer-cov.fif"), noise_cov)
        np.save(Path(folder, "y.npy"), y)
        script = Path(__file__).with_name("run_invertmeeg.py")
        done = subprocess.run(
            [python, script, folder, pair.peer, json.dumps(pair.options)], capture_output=True, text=True
        )
        if done.returncode:
            return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
        return json.loads(Path(folder, "times.json").read_text()) | {"maps": np.load(Path(folder, "maps.npy"))}


def row(name: str, ours: dict, best: dict | None, theirs: dict, x_true: np.ndarray, pos: np.ndarray) -> str:
    """One line of the table, with what went wrong at the peer's where something did."""

    def error_mm(found: dict) -> str:
        return f"{localization_error(x_true, found['maps'][: len(x_true), :, np.newaxis], pos=pos).mean():.1f}"

    after_tuning = "" if best is None else error_mm(best)
    line = f"{name:15} {error_mm(ours):>10} {after_tuning:>8}"
    if "error" in theirs:
        return f"{line} {'-':>12} {ours['ms']:>14.3g} {'-':>14} {'':>8}  {theirs['error'][:90]}"
    faster = f"{theirs['ms'] / ours['ms']:.0f}x"
    return f"{line} {error_mm(theirs):>12} {ours['ms']:>14.3g} {theirs['ms']:>14.3g} {faster:>8}"


if __name__ == "__main__":
    main()
