"""One record for each simulated recording and solver: errors, standard deviations and peaks.

Every recording is one file, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

import headwater as hw
from headwater._utils.files import atomic_file
from headwater.localization.peak_regions import SHARE, net_currents, scatter
from headwater.localization.peaks import find_peaks
from headwater.simulation.distributions import Uniform
from headwater.simulation.noise import White
from headwater.simulation.preset_files import read_preset
from headwater.simulation.presets import Preset
from headwater.simulation.simulator import simulate
from headwater.solvers import ELORETA, Champagne, MinimumNorm, Solver
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.posterior.features import features_of
from headwater.training.bundled import PRESETS
from headwater.training.pairs import TrainingPair
from headwater.training.recipe import HELMET, Heads

MONTAGES = {"EEG": "easycap-M10", "MEG": HELMET}
# Heads of three kinds, none of which any network was trained or scored on.
HEADS = {
    "calibration": (3001, 3002, 3003, 3004, 3005, 3006),
    "validation": (3101, 3102),
    "test": (3301, 3302, 3303, 3304),
}
PRESET = PRESETS / "few-bells.yaml"
SEED = 30_000_000
N_DRAWS = 100
MOST_PEAKS = 3


def solvers(weights: Path | None) -> dict[str, Solver]:
    """Return the solvers of the table; RelevanceNet with weights only."""
    classical = {"eLORETA": ELORETA(lambda2="auto"), "MNE": MinimumNorm(lambda2="auto"), "Champagne": Champagne()}
    return classical if weights is None else {**classical, "RelevanceNet": hw.load_network(weights)}


def preset() -> Preset:
    """Return 1 to 5 bells of 4 to 80 mm, at 0 to 40 dB."""
    return replace(read_preset(PRESET), noise=White(Uniform(0.0, 40.0)))


@dataclass(frozen=True)
class Draw:
    """One simulated recording.

    Attributes
    ----------
    modality, role : str
        Keys of `MONTAGES` and `HEADS`.
    index : int
        Number of the recording; its head and its seed follow from it.
    """

    modality: str
    role: str
    index: int

    @property
    def head(self) -> int:
        """Seed of the head that makes the data."""
        heads = HEADS[self.role]
        return heads[self.index % len(heads)]

    @property
    def seed(self) -> int:
        """Seed of the sample."""
        return SEED + 100_000 * list(HEADS).index(self.role) + 10_000 * list(MONTAGES).index(self.modality) + self.index

    def file(self, folder: Path, solver: str) -> Path:
        """File of the record of one solver."""
        return folder / f"{self.modality}-{self.role}-{self.index:04d}-{solver}.npz"


@cache
def pair(modality: str, head: int) -> TrainingPair:
    """Lead fields of the template, which solvers assume, and of the head that makes the data."""
    (found,) = Heads(montage=MONTAGES[modality], spacing=10.0, data=(head,)).pairs()
    return found


def record(draw: Draw, folder: Path, methods: dict[str, Solver]) -> None:
    """Compute the records of one recording that are missing."""
    missing = {name: one for name, one in methods.items() if not draw.file(folder, name).exists()}
    if not missing:
        return
    lead_fields = pair(draw.modality, draw.head)
    samples = simulate(lead_fields.truth, preset(), 1, draw.seed)
    level = float(samples.noise_level[0])
    data = samples.y[0].double().numpy() / level
    true = samples.x[0, ..., 0].double().numpy() / level
    model = lead_fields.model
    features = features_of(whiten(model, None), data)
    common = {
        "snr_db": features.snr_db[0],
        "diffuse_db": features.diffuse_db[0],
        "meg": features.meg,
        "true_snr_db": float(samples.truth.snr_db[0, 0]),
        "n_sources": int(samples.truth.n_sources[0]),
        "true_length": np.linalg.norm(true, axis=1).astype(np.float32),
    }
    for name, solver in missing.items():
        if vars(solver).get("leadfield_") is None or solver.leadfield_.ch_names != model.ch_names:
            solver.fit(model)
        posterior = solver.posterior(data)
        mean, sd = posterior.mean[..., 0], posterior.sd[..., 0]
        content = {**common, "error": np.abs(true - mean), "sd": sd, "length": np.linalg.norm(mean, axis=1)}
        small = {key: np.asarray(value, np.float32) for key, value in content.items()}
        small |= peaks_of(posterior.sample(N_DRAWS, seed=draw.index)[..., 0], mean, true, model)
        with atomic_file(draw.file(folder, name)) as temporary, temporary.open("wb") as file:
            np.savez(file, **small)


def peaks_of(draws: np.ndarray, mean: np.ndarray, true: np.ndarray, model: hw.LeadField) -> dict[str, np.ndarray]:
    """Distance of each peak from the nearest place whose true net current is at least half of the strongest.

    And the radius that holds the peaks of 90 % of the samples.
    """
    found, _ = find_peaks(np.linalg.norm(mean, axis=1)[:, np.newaxis], model.pos, most=MOST_PEAKS)
    length = net_currents(true[np.newaxis], model)[0]
    active = np.flatnonzero(length >= SHARE * length.max())
    distance = 1e3 * np.linalg.norm(model.pos[found][:, np.newaxis] - model.pos[active], axis=2)
    return {
        "peak_error_mm": distance.min(axis=1, initial=np.inf),
        "radius_mm": np.array([np.quantile(scatter(draws, model, one), 0.9) for one in found]),
    }


def draws(modality: str, role: str, n: int) -> list[Draw]:
    """Return ``n`` recordings for calibration and test, and a third as many for validation."""
    return [Draw(modality, role, index) for index in range(-(-n // 3) if role == "validation" else n)]


def read(folder: Path, modality: str, role: str, solver: str, n: int) -> list[dict[str, np.ndarray]]:
    """Read the records of one solver."""
    return [dict(np.load(draw.file(folder, solver))) for draw in draws(modality, role, n)]
