"""Learn how findings on a recording tell the probability that its peak is right.

    python tools/fit_trust.py draw --heads 1000 1025 --out FOLDER    # hours; one file a head, goes on if killed
    python tools/fit_trust.py fit FOLDER                             # seconds; writes trust_calibration.json

Each head makes 20 recordings of one to three sources, of which three have spoiled channels (`benchmarks/bench_trust.py`
has other heads and seeds). Solvers assume the template and a grid of 10 mm; the sources lie on a grid of 7 mm.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from scipy.optimize import minimize

import headwater as hw
from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.pair import counterpart
from headwater.head.helmet import helmet_info
from headwater.head.model import Head
from headwater.localization.finish import finish
from headwater.localization.prepare import prepare
from headwater.localization.stability import RIGHT_MM
from headwater.localization.trust_probability import Calibration, Term
from headwater.localization.trust_signal import LEVEL
from headwater.solvers import ELORETA, LCMV, SLORETA
from headwater.weights.catalogue import load_network

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from bench_trust import Simulated, simulate

TARGET = Path(hw.__file__).parent / "localization" / "trust_calibration.json"
MODEL_MM, TRUTH_MM, ICO = 10.0, 7.0, 3
N_RECORDINGS = 20
FINDINGS = ("stable", "one_dipole_near", "snr_db", "clear")  # all must speak for a peak
PENALTY = 1.0
MEG_SCALE = 1e-8  # from V to T


@dataclass(frozen=True)
class Sensors:
    """A montage or helmet for a head."""

    name: str
    info_of: Callable[[Head], mne.Info]
    scale: float = 1.0


TEMPLATE = hw.template_head()
HELMET = Sensors("102 magnetometers", lambda _: helmet_info(TEMPLATE), MEG_SCALE)
EEG_61 = Sensors("easycap-M10", lambda head: hw.montage_info(head, "easycap-M10"))
EEG_32 = Sensors("biosemi32", lambda head: hw.montage_info(head, "biosemi32"))
EEG_128 = Sensors("biosemi128", lambda head: hw.montage_info(head, "biosemi128"))
TURNS = (EEG_61, HELMET, EEG_32, EEG_61, EEG_128, HELMET)


@dataclass(frozen=True, eq=False)
class FineSources:
    """Channels of the model, and the true positions of sources in the template."""

    info: mne.Info
    ch_names: list[str]
    ch_types: list[str]
    pos: np.ndarray


def draw_head(seed: int) -> pd.DataFrame:
    """Simulate and localise the recordings of one head."""
    sensors = TURNS[seed % len(TURNS)]
    head = TEMPLATE.varied(seed=seed)
    model = hw.make_leadfield(TEMPLATE, sensors.info_of(TEMPLATE), "volume", spacing=MODEL_MM, ico=ICO)
    fine = hw.make_leadfield(TEMPLATE, sensors.info_of(TEMPLATE), "volume", spacing=TRUTH_MM, ico=ICO)
    truth = counterpart(fine, TEMPLATE, head, sensors.info_of(head), ico=ICO, spacing=TRUTH_MM)
    told = FineSources(model.info, model.ch_names, model.ch_types, fine.pos)
    solvers = {"piunet": load_network(), "eloreta": ELORETA(lambda2="auto"), "sloreta": SLORETA(lambda2="auto")}
    solvers["lcmv"] = LCMV()
    rows = []
    for number in range(N_RECORDINGS):
        kind = "spoiled" if number % 6 == 5 else "sources"
        recording = simulate(kind, 1_000_000 + 1000 * (seed % 1000) + number, truth, told)
        recording.trials._data *= sensors.scale  # noqa: SLF001 - MNE-Python has no public way in place
        for name, solver in solvers.items():
            if name == "piunet" and number % 2:
                continue  # a network takes as long as all others together
            rows += [
                {"head": seed, "sensors": sensors.name, "kind": kind, "number": number, "solver": name} | row
                for row in findings_of(recording, solver, model)
            ]
    return pd.DataFrame(rows)


def findings_of(recording: Simulated, solver: hw.Solver, model: LeadField) -> list[dict[str, float]]:
    """Return a row with error and findings; none for recordings that are refused."""
    try:
        found = finish(prepare(recording.trials, forward=model, tmin=0.05, tmax=0.3), solver)
    except InputError:
        return []
    if found.trust is None:
        return []
    findings = found.trust.findings
    error_mm = 1e3 * np.linalg.norm(recording.truth - model.pos[found.peak_sources[0]], axis=1).min()
    values = {name: float(getattr(findings, name)) for name in FINDINGS}
    return [{"error_mm": float(error_mm), "p_value": findings.evidence.p_value, **values}]


def fit(rows: pd.DataFrame) -> Calibration:
    """Fit a logistic regression whose weights are not negative, with a penalty on their squares."""
    rows = rows[rows.p_value <= LEVEL]
    raw = rows[list(FINDINGS)].to_numpy(float)
    least, most = np.quantile(raw, [0.01, 0.99], axis=0)
    clipped = raw.clip(least, most)
    centre, scale = clipped.mean(axis=0), clipped.std(axis=0)
    inputs = (clipped - centre) / scale
    right = (rows.error_mm <= RIGHT_MM).to_numpy(float)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = weights[0] + inputs @ weights[1:]
        wrong = 1 / (1 + np.exp(-odds)) - right
        value = np.sum(np.logaddexp(0, odds) - right * odds) + PENALTY * np.sum(weights[1:] ** 2)
        return value, np.r_[wrong.sum(), inputs.T @ wrong + 2 * PENALTY * weights[1:]]

    found = minimize(loss, np.zeros(1 + raw.shape[1]), jac=True, bounds=[(None, None)] + [(0, None)] * raw.shape[1]).x
    weights = found[1:] / scale
    values = zip(FINDINGS, least, most, weights, strict=True)
    terms = tuple(Term(name, *(float(f"{value:.4g}") for value in rest)) for name, *rest in values)
    intercept = float(f"{found[0] - weights @ centre:.4g}")
    n_recordings = len(rows.drop_duplicates(["head", "number"]))
    return Calibration(intercept=intercept, terms=terms, n_recordings=n_recordings, n_heads=rows["head"].nunique())


def reliability(rows: pd.DataFrame) -> pd.DataFrame:
    """Compare probabilities with outcomes; each head is predicted from the others."""
    rows = rows[rows.p_value <= LEVEL].copy()
    rows["probability"] = np.nan
    for part in np.array_split(rows["head"].unique(), 8):
        held = rows["head"].isin(part)
        learned = fit(rows[~held])
        rows.loc[held, "probability"] = [learned.probability(row) for row in rows[held].itertuples()]
    rows["right"] = rows.error_mm <= RIGHT_MM
    groups = rows.groupby(pd.cut(rows.probability, [0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1]), observed=True)
    return groups.agg(n=("right", "size"), stated=("probability", "mean"), right=("right", "mean")).round(3)


def main() -> None:
    """Draw or fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    draw = commands.add_parser("draw")
    draw.add_argument("--heads", type=int, nargs=2, required=True, metavar=("FIRST", "END"))
    draw.add_argument("--out", type=Path, required=True)
    commands.add_parser("fit").add_argument("folder", type=Path)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    mne.set_log_level("error")
    if given.command == "draw":
        given.out.mkdir(parents=True, exist_ok=True)
        for seed in range(*given.heads):
            file = given.out / f"{seed}.csv"
            if not file.exists():
                draw_head(seed).to_csv(file, index=False)
        return
    rows = pd.concat([pd.read_csv(file) for file in sorted(given.folder.glob("*.csv"))], ignore_index=True)
    learned = fit(rows)
    print(reliability(rows))
    stored = {"intercept": learned.intercept, "terms": [vars(term) for term in learned.terms]}
    stored |= {"n_recordings": learned.n_recordings, "n_heads": learned.n_heads}
    TARGET.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    print(TARGET.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
