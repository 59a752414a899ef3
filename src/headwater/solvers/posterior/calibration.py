"""What simulations on other heads have taught about a solver's posterior."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter

from headwater.solvers.inputs.whitening import Whitened
from headwater.solvers.posterior.calibrated import CalibratedPosterior, Widths
from headwater.solvers.posterior.contract import Posterior
from headwater.solvers.posterior.features import Features, features_of

BUNDLED = "calibrations.json"


class Calibration(BaseModel):
    """Corrections of standard deviations and of regions around peaks.

    The logarithms of temperature, share and floor (see `Widths`) are linear in `terms` of the features. A region is the
    ball of the posterior's own radius plus a constant for its class of recordings (split conformal prediction). Classes
    follow from ``diffuse_db``, which rises with noise, with the number of sources and with their width.

    Attributes
    ----------
    temperature, share, floor : tuple of float
        Coefficients of the terms.
    snr_db, diffuse_db : tuple of two float
        Range of the features in the calibration; others count as the nearest within it.
    limits_db : tuple of float
        Limits of ``diffuse_db`` between the classes, ascending.
    added_mm : tuple of float
        For each class, what is added to the radius around the strongest peak.
    added_others_mm : float
        What is added to the radius around other peaks.
    n_recordings : int
        Simulated recordings of the calibration.
    heads : tuple of int
        Seeds of the heads that made them.
    command : str
        What computed it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: tuple[float, ...]
    share: tuple[float, ...]
    floor: tuple[float, ...]
    snr_db: tuple[float, float]
    diffuse_db: tuple[float, float]
    limits_db: tuple[float, ...]
    added_mm: tuple[float, ...]
    added_others_mm: float
    n_recordings: int
    heads: tuple[int, ...]
    command: str

    def widths(self, features: Features) -> Widths:
        """Return the corrections of the standard deviation at each time point."""
        snr_db, diffuse_db = np.clip(features.snr_db, *self.snr_db), np.clip(features.diffuse_db, *self.diffuse_db)
        values = terms(Features(snr_db, diffuse_db, features.meg))
        used = values[: len(self.temperature)]
        return Widths(*(np.exp(np.asarray(one) @ used) for one in (self.temperature, self.share, self.floor)))

    def radius_mm(self, own_mm: float, diffuse_db: float, *, strongest: bool) -> float:
        """Return the radius of the region around a peak from that of the posterior itself."""
        kind = int(np.searchsorted(self.limits_db, diffuse_db))
        return max(0.0, own_mm + (self.added_mm[kind] if strongest else self.added_others_mm))

    def calibrated(self, posterior: Posterior, white: Whitened, data: np.ndarray, nave: int = 1) -> CalibratedPosterior:
        """Correct a posterior of data of shape (n_channels, n_times), see `features_of`."""
        return CalibratedPosterior(posterior, self.widths(features_of(white, data, nave)))


def terms(features: Features) -> np.ndarray:
    """Return the terms of a calibration, shape (7, n): constant, linear and quadratic in scaled features."""
    u, v = features.snr_db / 20.0 - 1.0, features.diffuse_db / 10.0 + 1.0
    return np.stack([np.ones_like(u), np.full_like(u, features.meg), u, v, u**2, u * v, v**2])


@cache
def bundled() -> dict[str, Calibration]:
    """Read the calibrations of the classical solvers, by the name of their class."""
    content = files(__package__).joinpath(BUNDLED).read_bytes()
    return TypeAdapter(dict[str, Calibration]).validate_json(content)
