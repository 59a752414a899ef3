"""The interface of every solver."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.estimate import source_estimate
from headwater.forward.leadfield import LeadField
from headwater.solvers.inputs.recording import check_recording, segments
from headwater.solvers.posterior.contract import Posterior

if TYPE_CHECKING:
    from headwater.solvers.posterior.calibration import Calibration

Kind = TypeVar("Kind", bound="Solver")


class Solver(ABC):
    """Estimate source currents from sensor data.

    Hyper-parameters are keyword arguments of the constructor, stored unchanged, and follow scikit-learn's contract:
    ``get_params``, ``set_params``, ``sklearn.base.clone`` and ``ParameterGrid`` work. Attributes set by ``fit`` end in
    ``_``. Final classes implement ``fit`` and ``estimate``; ``apply`` is implemented only here.

    Attributes
    ----------
    title : str
        Name of the solver in the literature. Default: the name of the class.
    unit : str
        Unit of the estimate: ``"Am"``, or ``"F"`` if it is normalised by its noise and therefore dimensionless.
    scales_with_nave : bool
        Whether the estimate of an evoked response grows with the square root of the number of trials, because the
        noise covariance is that of single trials.
    learned : bool
        Whether the solver was trained on simulations.
    morphed : bool
        Whether data are mapped to another head model, and estimates back.
    per_time_point : bool
        Whether each time point is estimated separately.
    has_posterior : bool
        Whether the estimate is the mean of a Gaussian distribution of the currents, see ``posterior``.
    along_normals : bool
        Whether an estimate with one orientation per source is along ``leadfield_.normals``.
    leadfield_ : LeadField
        The lead field passed to ``fit``, without bad channels. Its ``info`` contains the projections that the solver
        applies. Every ``fit`` sets it.
    """

    title: ClassVar[str] = ""
    unit: ClassVar[str] = "Am"
    scales_with_nave: ClassVar[bool] = False
    learned: ClassVar[bool] = False
    morphed: ClassVar[bool] = False
    per_time_point: ClassVar[bool] = False
    has_posterior: ClassVar[bool] = False
    along_normals: ClassVar[bool] = True
    leadfield_: LeadField

    def __init_subclass__(cls, **settings: Any) -> None:
        """Set the default title."""
        super().__init_subclass__(**settings)
        if "title" not in vars(cls):
            cls.title = cls.__name__

    @abstractmethod
    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance.

        Parameters
        ----------
        leadfield : LeadField
            Its bad channels are excluded, and its projections are applied.
        noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
            Noise covariance of single trials, in squared units of the channels. Channels that a
            :class:`mne.Covariance` marks as bad are excluded, and its projections are applied. None: independent noise
            of equal variance on all channels; for a single sensor type only.
        """

    @abstractmethod
    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Estimate currents from data.

        Parameters
        ----------
        data : array of shape (..., n_channels, n_times)
            Data of the channels ``leadfield_.ch_names``, in V, T and T/m; float32 or float64.

        Returns
        -------
        currents : array of shape (..., n_sources, n_orient, n_times)
            In ``unit``, in the precision of the data. If ``n_orient == 3``, along the axes of head coordinates.
        """

    def posterior(self, data: np.ndarray) -> Posterior:
        """Return the distribution of the currents of one recording; its mean is the estimate.

        Parameters
        ----------
        data : array of shape (n_channels, n_times)
            As for ``estimate``.

        Returns
        -------
        posterior : Posterior
            With ``mean``, ``sd``, ``covariance``, ``sample`` and ``interval``, in A m. Raises an error for solvers
            whose estimate is not the mean of a Gaussian distribution, see ``has_posterior``.
        """
        fitted_leadfield(self)
        if not self.has_posterior:
            raise InputError(
                f"The estimate of {type(self).__name__} is not the mean of a distribution of currents, so there is no "
                "posterior; use another solver, for example MinimumNorm, ELORETA or Champagne."
            )
        data = check_data(data, self)
        if data.ndim != 2 or not data.shape[1]:
            raise InputError(f"The data have shape {data.shape}; provide one recording of shape (n_channels, n_times).")
        return self._posterior(data.astype(np.float64, copy=False))

    def posterior_calibration(self) -> Calibration | None:
        """Return how its posterior is corrected, from simulations on other heads; None where nothing is known.

        ``solver.posterior_calibration().calibrated(posterior, whiten(leadfield, noise_cov), data)`` corrects a
        posterior, as `headwater.analyze` does.
        """
        from headwater.solvers.posterior.calibration import bundled  # pydantic takes longer to import than the solvers

        return bundled().get(type(self).__name__) if self.has_posterior else None

    def _posterior(self, data: np.ndarray) -> Posterior:
        """Compute the posterior; implemented where ``has_posterior`` is true."""
        raise NotImplementedError

    def adapted(self, data: np.ndarray, nave: int = 1) -> Self:  # noqa: ARG002
        """Return a solver whose data-dependent parameters are fixed; the solver itself if it has none.

        Parameters
        ----------
        data : array of shape (..., n_channels, n_times)
            As for ``estimate``; the parameters are chosen from all samples together.
        nave : int
            Number of averaged trials; the noise covariance is that of single trials.
        """
        return self

    def apply(
        self, inst: mne.Evoked | mne.BaseEpochs | mne.io.BaseRaw, *, pick_ori: str | None = None
    ) -> mne.BaseSourceEstimate | list[mne.BaseSourceEstimate]:
        """Estimate the sources of a recording and return an MNE-Python source estimate.

        Parameters
        ----------
        inst : mne.Evoked | mne.Epochs | mne.io.Raw
            Channels are selected by name; channels on which the solver was not fitted are ignored.
        pick_ori : None | "normal" | "vector"
            None: norm of the source vectors, or the signed amplitude of sources with fixed orientation. "normal":
            signed amplitude along the cortical normal. "vector": all three components.

        Returns
        -------
        stc : mne.SourceEstimate | mne.VolSourceEstimate | mne.MixedSourceEstimate | their Vector classes | list of them
            The class for this source space. For epochs, a list with one estimate per epoch.
        """
        leadfield = fitted_leadfield(self)
        check_recording(inst, leadfield)
        nave = inst.nave if isinstance(inst, mne.Evoked) else 1
        scale = np.sqrt(nave) if self.scales_with_nave else 1.0
        estimates = [
            source_estimate(
                self.adapted(data, nave).estimate(scale * data),
                leadfield,
                tmin=float(inst.times[0]),
                tstep=1.0 / inst.info["sfreq"],
                pick_ori=pick_ori,
                along_normals=self.along_normals,
            )
            for data in segments(inst, leadfield.ch_names)
        ]
        return estimates if isinstance(inst, mne.BaseEpochs) else estimates[0]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the hyper-parameters by name.

        Parameters
        ----------
        deep : bool
            Include the hyper-parameters of a nested solver, as ``solver__lambda2``.
        """
        names = [name for name in inspect.signature(type(self).__init__).parameters if name != "self"]
        params = {name: getattr(self, name) for name in names}
        for name, value in list(params.items()) if deep else []:
            if isinstance(value, Solver):
                params |= {f"{name}__{inner}": one for inner, one in value.get_params().items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Change hyper-parameters; call ``fit`` again afterwards.

        Parameters
        ----------
        **params
            Hyper-parameters, named as in ``get_params``.
        """
        known = self.get_params()
        if unknown := sorted(set(params) - set(known)):
            raise InputError(
                f"{type(self).__name__} has no hyper-parameter {', '.join(unknown)}; choose from {', '.join(known)}."
            )
        for name in sorted(params, key=lambda name: name.count("__")):  # a nested solver before its parameters
            outer, _, inner = name.partition("__")
            if inner:
                getattr(self, outer).set_params(**{inner: params[name]})
            else:
                setattr(self, name, params[name])
        return self

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.get_params(deep=False).items())
        return f"{type(self).__name__}({settings})"


def unfitted(solver: Kind) -> Kind:
    """Return an unfitted solver with the same hyper-parameters; nested solvers are copied, other values are shared."""
    params = solver.get_params(deep=False)
    return type(solver)(**{name: unfitted(one) if isinstance(one, Solver) else one for name, one in params.items()})


def fitted_leadfield(solver: Solver) -> LeadField:
    """Return the lead field of a fitted solver; raise an error if the solver has not been fitted."""
    if "leadfield_" not in vars(solver):
        raise InputError(f"{type(solver).__name__} has not been fitted yet; call fit(leadfield, noise_cov) first.")
    return solver.leadfield_


def check_data(data: np.ndarray, solver: Solver) -> np.ndarray:
    """Return sensor data as float32 or float64; raise an error if the fitted solver cannot use them."""
    n_channels = fitted_leadfield(solver).n_channels
    data = np.asarray(data)
    if data.dtype not in (np.float32, np.float64):
        if data.dtype.kind not in "iuf":
            raise InputError(f"The data are of type {data.dtype}; provide real numbers.")
        data = data.astype(np.float64)
    if data.ndim < 2 or data.shape[-2] != n_channels:
        raise InputError(
            f"The data have shape {data.shape}, but the solver was fitted on {n_channels} channels and expects shape "
            f"(..., {n_channels}, n_times); pick the channels leadfield_.ch_names."
        )
    if not np.isfinite(data).all():
        raise InputError(
            "The data contain NaN or infinite values; mark the affected channels as bad, or crop the affected time "
            "points."
        )
    return data
