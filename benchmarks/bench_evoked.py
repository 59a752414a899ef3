"""How far from a true source the strongest one of an evoked response is put, on simulated recordings of other heads.

    python benchmarks/bench_evoked.py [--heads test] [--n 100] [--weights FILE ...] [--out FILE]

Recordings are those of `bench_trust.py` on heads and seeds of their own: trials with a baseline, so that the noise
covariance is estimated, and one to three focal sources whose responses overlap in time. Each solver has its defaults.
"Right" are peaks within 15 mm of a true source; where half of the trials are noise, few can be. Weights are chosen on
``--heads validation``.
"""

import argparse
import warnings
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from bench_trust import SETUP, WITHIN_MM, simulate
from record import recorded

import headwater as hw
from headwater.benchmark.heads import model_leadfield, true_leadfield
from headwater.forward.leadfield import LeadField
from headwater.localization.finish import peaks_only
from headwater.localization.prepare import prepare
from headwater.solvers import ELORETA, RAPMUSIC, DipoleScan, Solver

HEADS = {"validation": (911, 912, 913, 914), "test": (921, 922, 923, 924)}
FIRST_SEED = {"validation": 91_000, "test": 92_000}
TMIN, TMAX = 0.05, 0.3  # s
EASY_DB = 3.0  # of the average; below, noise decides


def solvers(weights: list[Path]) -> dict[str, Solver]:
    """Return the solvers of the table, and networks of files."""
    bundled: dict[str, Solver] = {
        "eLORETA": ELORETA(lambda2="auto"),
        "dipole scan": DipoleScan(),
        "RAP-MUSIC": RAPMUSIC(),
        "3D-PIUNet": hw.load_network("piunet"),
        "RelevanceNet": hw.load_network("relevance"),
    }
    return bundled | {path.stem: hw.load_network(path) for path in weights}


def rows(heads: str, n: int, methods: dict[str, Solver]) -> pd.DataFrame:
    """Localise ``n`` recordings with all solvers."""
    model = model_leadfield(SETUP)
    found = []
    for number in range(n):
        seed = HEADS[heads][number % len(HEADS[heads])]
        recording = simulate("sources", FIRST_SEED[heads] + number, true_leadfield(SETUP, seed), model)
        snr_db = float(recording.label.split(", ")[1].removesuffix(" dB"))
        prepared = prepare(recording.trials, forward=model, tmin=TMIN, tmax=TMAX)
        for name, solver in methods.items():
            peak = peaks_only(prepared, solver).iloc[0]
            found.append({"solver": name, "snr_db": snr_db, "error_mm": distance_mm(recording.truth, peak, model)})
    return pd.DataFrame(found)


def distance_mm(truth: np.ndarray, peak: pd.Series, model: LeadField) -> float:
    """Return the distance of the strongest peak, which is in MNI305 mm, from the nearest true source."""
    assert model.mri_head_t is not None  # noqa: S101
    place = mne.transforms.apply_trans(model.mri_head_t, 1e-3 * peak[["x_mm", "y_mm", "z_mm"]].to_numpy(float))
    return float(1e3 * np.linalg.norm(truth - place, axis=1).min())


def main(heads: str, n: int, weights: list[Path]) -> None:
    """Print a row for each solver."""
    warnings.simplefilter("ignore")
    mne.set_log_level("error")
    scored = rows(heads, n, solvers(weights))
    easy = scored["snr_db"] > EASY_DB
    print(f"{n} evoked responses of four varied heads ({heads}), 61 electrodes, sources every 10 mm;")
    print(f"SNR of the average, then: peaks within {WITHIN_MM:.0f} mm of a true source, and median error in mm\n")
    counts = [int(part.sum()) // scored["solver"].nunique() for part in (easy, ~easy)]
    print(f"{'':16}{f'above {EASY_DB:g} dB, n = {counts[0]}':>26}{f'below, n = {counts[1]}':>26}")
    for name, group in scored.groupby("solver", sort=False):
        cells = [group["error_mm"][part] for part in (group["snr_db"] > EASY_DB, group["snr_db"] <= EASY_DB)]
        print(f"{name:16}" + "".join(f"{(one <= WITHIN_MM).mean():16.0%}{one.median():10.1f}" for one in cells))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", choices=sorted(HEADS), default="test")
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--weights", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with recorded(given.out, "Strongest source of simulated evoked responses"):
        main(given.heads, given.n, given.weights)
