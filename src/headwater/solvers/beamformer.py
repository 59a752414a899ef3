"""Beamformers: one spatial filter per source, which passes its activity and suppresses interference."""

from __future__ import annotations

from typing import Self

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.algebra.matrices import symmetric_power
from headwater.solvers.base import Solver, check_data
from headwater.solvers.inputs.whitening import Rank, Whitened, as_covariance, whiten
from headwater.solvers.linear.kernel import apply_kernel

WEIGHT_NORMS = (None, "unit-noise-gain", "unit-noise-gain-invariant")
ORIENTATIONS = (None, "normal", "max-power")


class LCMV(Solver):
    """Linearly constrained minimum variance beamformer (Van Veen et al. 1997), as :func:`mne.beamformer.make_lcmv`.

    With the whitened gain ``G_s`` and the whitened, diagonally loaded data covariance ``C``, the filter of a source is
    ``(G_s' C^-1 G_s)^-1 G_s' C^-1``.

    Parameters
    ----------
    data_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
        Covariance of the data while the sources of interest are active. None: the second moment of the data
        passed to ``estimate`` or ``apply``, separately for each sample (epoch). Because of the loading, fewer time
        points than channels are sufficient, even a single one.
    reg : float
        Diagonal loading of the data covariance. If ``data_cov`` is given, a fraction of its mean eigenvalue (trace per
        channel), as in MNE-Python. If the covariance is computed from the data to be estimated, a fraction of its
        largest eigenvalue: these data are dominated by the source of interest, whose true topography always deviates
        from that of the head model, and with little loading the beamformer treats a strong source as interference and
        cancels it (Cox, Zeskind & Owen 1987, IEEE Trans. ASSP 35:1365). A source with ``reg`` times the power of the
        strongest one is still suppressed by half.
    weight_norm : None | "unit-noise-gain" | "unit-noise-gain-invariant"
        None: currents in A m. Otherwise the output for white noise has unit variance, so that noise does not dominate
        at deep sources; "invariant" makes the filter of a vector independent of the axes (Sekihara & Nagarajan 2008).
    pick_ori : None | "normal" | "max-power"
        Estimate all orientations, that of the cortical normal, or that with the largest output power.
    reduce_rank : bool
        Exclude the orientation to which the sensors are least sensitive: required for MEG with a spherical head model.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.
    """

    def __init__(
        self,
        *,
        data_cov: mne.Covariance | np.ndarray | None = None,
        reg: float = 0.05,
        weight_norm: str | None = "unit-noise-gain-invariant",
        pick_ori: str | None = None,
        reduce_rank: bool = False,
        rank: Rank = "info",
    ) -> None:
        self.data_cov = data_cov
        self.reg = reg
        self.weight_norm = weight_norm
        self.pick_ori = pick_ori
        self.reduce_rank = reduce_rank
        self.rank = rank

    @property
    def unit(self) -> str:  # type: ignore[override]
        """Unit of the estimate: ``"Am"`` for currents, ``"F"`` for filters of unit noise gain."""
        return "Am" if self.weight_norm is None else "F"

    @property
    def along_normals(self) -> bool:  # type: ignore[override]
        """Whether an estimate with one orientation is along the normal; False for that of maximum power."""
        return self.pick_ori != "max-power"

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance.

        Attributes
        ----------
        whitener_ : array of shape (rank, n_channels)
        gain_ : array of shape (n_sources, rank, n_orient)
            Whitened gain of the orientations that are estimated.
        filters_ : array of shape (n_sources, n_orient, rank) | None
            Filters for whitened data; None if they depend on the data to be estimated.
        """
        self._check_parameters()
        white = whiten(leadfield, noise_cov, self.rank)
        self.gain_ = np.ascontiguousarray(np.moveaxis(self._gain(white), 0, 1))
        self.whitener_ = white.whitener
        self.leadfield_ = white.leadfield
        self.filters_ = None
        if self.data_cov is not None:
            covariance = as_covariance(self.data_cov, leadfield, "data covariance")
            covariance = covariance.pick_channels(white.leadfield.ch_names, ordered=True, verbose="error")
            data_cov = np.diag(covariance["data"]) if covariance["diag"] else covariance["data"]
            data_cov = white.whitener @ data_cov @ white.whitener.T
            self.filters_ = self._filters(data_cov, self.reg * np.trace(data_cov) / self.leadfield_.n_channels)
        return self

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Apply the filters to data of shape (..., n_channels, n_times)."""
        data = check_data(data, self)
        white = self.whitener_.astype(data.dtype, copy=False) @ data
        if self.filters_ is not None:
            return _filtered(self.filters_, white)
        samples = white.reshape(-1, *white.shape[-2:])
        outputs = [_filtered(self._own_filters(sample), sample) for sample in samples]
        shape = (*white.shape[:-2], *_output_shape(self.gain_, self.pick_ori, white.shape[-1]))
        return np.reshape(np.stack(outputs), shape) if outputs else np.zeros(shape, data.dtype)

    def _check_parameters(self) -> None:
        if self.weight_norm not in WEIGHT_NORMS:
            raise InputError(f"weight_norm is {self.weight_norm!r}; choose one of {WEIGHT_NORMS}.")
        if self.pick_ori not in ORIENTATIONS:
            raise InputError(f"pick_ori is {self.pick_ori!r}; choose one of {ORIENTATIONS}.")
        if not 0 <= self.reg < np.inf:
            raise InputError(f"reg is {self.reg:g}; it must be finite and at least 0.")

    def _gain(self, white: Whitened) -> np.ndarray:
        """Return the whitened gain of the orientations to estimate, shape (rank, n_sources, n_orient)."""
        if white.leadfield.n_orient == 1:
            if self.pick_ori is not None:
                raise InputError("pick_ori requires free orientations, but the lead field is fixed; use pick_ori=None.")
            return white.gain
        if self.pick_ori == "normal":
            return np.einsum("csx,sx->cs", white.gain, white.leadfield.fixed().normals)[:, :, np.newaxis]
        left, singular, right = np.linalg.svd(np.moveaxis(white.gain, 0, 1), full_matrices=False)
        if self.reduce_rank:
            return np.moveaxis((left[:, :, :2] * singular[:, np.newaxis, :2]) @ right[:, :2], 1, 0)
        if (singular[:, 0] > 1e6 * singular[:, 2]).any():
            raise InputError("The sensors are insensitive to one orientation of some sources; use reduce_rank=True.")
        return white.gain

    def _own_filters(self, white: np.ndarray) -> np.ndarray:
        """Return the filters for the covariance of a whitened sample of shape (rank, n_times)."""
        white = white.astype(np.float64, copy=False)
        covariance = white @ white.T / white.shape[1]
        return self._filters(covariance, self.reg * float(np.linalg.norm(covariance, ord=2)))

    def _filters(self, covariance: np.ndarray, loading: float) -> np.ndarray:
        """Return the filters for whitened data with this covariance, shape (n_sources, n_orient, rank)."""
        inverse = loaded_inverse(covariance, loading)
        gain = self.gain_
        if self.pick_ori == "max-power":
            gain = gain @ self._max_power_orientation(inverse)[:, :, np.newaxis]
        numerator = np.swapaxes(gain, 1, 2) @ inverse
        if self.weight_norm == "unit-noise-gain-invariant":
            return symmetric_power(numerator @ np.swapaxes(numerator, 1, 2), -0.5) @ numerator
        drop = int(self.reduce_rank and gain.shape[2] == 3)
        filters = symmetric_power(numerator @ gain, -1.0, drop) @ numerator
        if self.weight_norm == "unit-noise-gain":
            norm = np.linalg.norm(filters, axis=2, keepdims=True)
            filters = filters / np.where(norm > 0, norm, np.inf)
        return filters

    def _max_power_orientation(self, inverse: np.ndarray) -> np.ndarray:
        """Return the unit vectors of maximum output power, shape (n_sources, 3); their sign follows the normals.

        Without weight normalisation, the output power along ``u`` is ``1 / (u' A u)`` with ``A = G' C^-1 G``; with it,
        ``(u' A u) / (u' B u)`` with ``B = G' C^-2 G`` (Sekihara & Nagarajan 2008, eq. 4.47).
        """
        numerator = np.swapaxes(self.gain_, 1, 2) @ inverse
        signal, noise = numerator @ self.gain_, numerator @ np.swapaxes(numerator, 1, 2)
        if self.weight_norm is None:
            signal, noise = np.broadcast_to(np.eye(3), signal.shape), signal
        root = symmetric_power(noise, -0.5, int(self.reduce_rank))
        direction = np.linalg.eigh(root @ signal @ root)[1][:, :, -1:]
        direction = (root @ direction)[:, :, 0]
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        leadfield = self.leadfield_
        # Sources without a normal point upwards, as in MNE-Python.
        outwards = np.where(leadfield.cortical[:, np.newaxis], leadfield.normals, [0.0, 0.0, 1.0])
        side = np.einsum("sx,sx->s", direction, outwards)
        return direction * np.where(side < 0, -1.0, 1.0)[:, np.newaxis]


def loaded_inverse(covariance: np.ndarray, loading: float) -> np.ndarray:
    """Return the inverse of a covariance, shape (rank, rank), after adding ``loading`` to its diagonal."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    values = values + loading
    if values[0] <= len(values) * np.finfo(values.dtype).eps * values[-1]:
        raise InputError("The data covariance is singular; use reg > 0, or non-zero data with more time points.")
    return (vectors / values) @ vectors.T


def _filtered(filters: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Apply filters (n_sources, n_orient, rank) to whitened data (..., rank, n_times)."""
    return apply_kernel(filters.reshape(-1, filters.shape[2]), filters.shape[1], white)


def _output_shape(gain: np.ndarray, pick_ori: str | None, n_times: int) -> tuple[int, int, int]:
    return len(gain), 1 if pick_ori == "max-power" else gain.shape[2], n_times
