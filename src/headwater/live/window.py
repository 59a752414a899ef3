"""From a window of data to currents and their uncertainty."""

from __future__ import annotations

import numpy as np

from headwater.localization.uncertainty import posterior_at
from headwater.solvers.base import Solver, fitted_leadfield
from headwater.solvers.inputs.whitening import Whitened
from headwater.solvers.posterior.calibrated import CalibratedPosterior
from headwater.solvers.posterior.features import dipole_bases, features_of


class WindowEstimator:
    """Estimate the sources at the last time point of a window, with a fitted solver; nothing is fitted here.

    Parameters
    ----------
    solver : Solver
        Fitted, with a number as ``lambda2``.
    white : Whitened
        Its lead field, whitened by the noise covariance of the fit.

    Attributes
    ----------
    leadfield : LeadField
    unit : str
        Of amplitudes: ``"nAm"``, or ``"F"`` for estimates without a unit.
    """

    def __init__(self, solver: Solver, white: Whitened) -> None:
        self.leadfield = fitted_leadfield(solver)
        self.unit = "nAm" if solver.unit == "Am" else solver.unit
        self._solver, self._white = solver, white
        self._calibration = solver.posterior_calibration()
        self._bases = [] if self._calibration is None else list(dipole_bases(white.gain))

    def __call__(self, window: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Estimate the last time point.

        Parameters
        ----------
        window : array of shape (n_channels, n_times)
            Channels of ``leadfield``, in V, T and T/m.

        Returns
        -------
        amplitude : array of shape (n_sources,)
            Length of the estimate of each source, in ``unit``.
        sd : array of shape (n_sources,) | None
            Posterior standard deviation of its component along one direction, as the root mean square over directions;
            corrected where the solver has a calibration. None for solvers without a posterior.
        """
        if not self._solver.has_posterior:
            return self._length(self._solver.estimate(window)[..., -1]), None
        posterior = posterior_at(self._solver, window, np.array([window.shape[1] - 1]))
        if self._calibration is not None:
            features = features_of(self._white, window[:, -1:], bases=self._bases)
            posterior = CalibratedPosterior(posterior, self._calibration.widths(features))
        sd = posterior.sd[..., 0]
        return self._length(posterior.mean[..., 0]), self._length(sd) / np.sqrt(sd.shape[1])

    def level(self, window: np.ndarray) -> float:
        """Return the root mean square of the last time point, relative to the noise of the calibration."""
        return float(np.sqrt(np.mean((self._white.whitener @ window[:, -1]) ** 2)))

    def _length(self, currents: np.ndarray) -> np.ndarray:
        """Length of vectors of shape (n_sources, n_orient), in ``unit``."""
        return np.asarray((1e9 if self._solver.unit == "Am" else 1.0) * np.linalg.norm(currents, axis=1))
