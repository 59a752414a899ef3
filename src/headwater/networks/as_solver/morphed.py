"""A solver of one lead field applied to another one: data are mapped to its own lead field, and currents back."""

from __future__ import annotations

import math
from copy import copy
from typing import ClassVar, Self

import mne
import numpy as np
from scipy import sparse
from scipy.spatial import KDTree

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.base import Solver, check_data
from headwater.solvers.inputs.whitening import whiten
from headwater.solvers.minimum_norm import MinimumNorm

NEIGHBOURS = 4
SAME_PLACE = 1e-4  # metres


class Morphed(Solver):
    r"""Use a solver that belongs to one lead field (``home``) on another one.

    Sources correspond by their positions in MNI space. For each source of the recording's lead field, ``W`` contains
    the weights of the nearest sources of ``home`` (inverse squared distance), multiplied by the cosines between their
    orientations. The currents ``x`` of the solver are mapped back as ``W x`` and multiplied by the factor with which
    they explain the sample best. The input of the solver is ``L W' x``: the signals that the minimum-norm estimate
    ``x`` of the recording would cause at the channels of ``home``, with the lead field ``L`` of ``home``, as in the
    interpolation of channels.

    Parameters
    ----------
    solver : Solver
        For example a network of one lead field, ``headwater.load_network("direct-unet")``.
    home : LeadField
        The lead field of the solver.

    Attributes
    ----------
    at_home_ : Solver
        Solver fitted to ``home``.
    carry_ : sparse array of shape (n_sources * n_orient, n_home_sources * n_home_orient)
        ``W``.
    seen_ : array of shape (n_home_channels, n_channels)
        Matrix from data to the signals at the channels of ``home``.
    """

    morphed: ClassVar[bool] = True
    at_home_: Solver
    carry_: sparse.csr_array
    seen_: np.ndarray

    def __init__(self, *, solver: Solver, home: LeadField) -> None:
        self.solver = solver
        self.home = home

    @property
    def title(self) -> str:  # type: ignore[override]
        """Title of the morphed solver."""
        return self.solver.title

    @property
    def learned(self) -> bool:  # type: ignore[override]
        """Whether the morphed solver was trained on simulations."""
        return self.solver.learned

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Fit the solver to ``home`` and compute the correspondence of the sources.

        The solver is fitted without a noise covariance; that of the recording is used for the minimum-norm estimate.
        """
        leadfield, noise_cov = self._same_types(leadfield, noise_cov)
        white = whiten(leadfield, noise_cov)
        self.leadfield_ = white.leadfield
        self.whitener_, self.gain_ = white.whitener, white.gain.reshape(len(white.gain), -1)
        self.carry_ = self._correspondence()
        self.at_home_ = copy(self.solver).fit(self.home)
        kernel = MinimumNorm().fit(leadfield, noise_cov).kernel_
        self.seen_ = self.at_home_.leadfield_.matrix @ (self.carry_.T @ kernel)
        return self

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Estimate currents in A m."""
        data = check_data(data, self)
        found = self.at_home_.estimate(self.seen_.astype(data.dtype) @ data)
        (n_here, n_home), n_samples, n_times = self.carry_.shape, math.prod(data.shape[:-2]), data.shape[-1]
        flat = found.reshape(n_samples, n_home, n_times).swapaxes(0, 1).reshape(n_home, n_samples * n_times)
        carried = (self.carry_ @ flat).reshape(n_here, n_samples, n_times).swapaxes(0, 1)
        explained = self.gain_ @ carried
        white = self.whitener_ @ data.reshape(n_samples, data.shape[-2], n_times)
        power = np.maximum(np.sum(explained**2, axis=(1, 2)), np.finfo(float).tiny)
        factor = np.abs(np.sum(explained * white, axis=(1, 2))) / power  # keeps the sign of the solver's estimate
        shape = (*data.shape[:-2], self.leadfield_.n_sources, self.leadfield_.n_orient, n_times)
        return (factor[:, np.newaxis, np.newaxis] * carried).reshape(shape).astype(data.dtype)

    def _same_types(
        self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None
    ) -> tuple[LeadField, mne.Covariance | np.ndarray | None]:
        """Exclude channels of types that ``home`` lacks; raise an error if a type of ``home`` is missing."""
        wanted = set(self.home.ch_types)
        if missing := wanted - set(leadfield.ch_types):
            raise InputError(
                f"The solver needs channels of the types {', '.join(sorted(wanted))}, but the recording has no "
                f"{', '.join(sorted(missing))}; use another solver."
            )
        picks = [row for row, kind in enumerate(leadfield.ch_types) if kind in wanted]
        if isinstance(noise_cov, np.ndarray):
            noise_cov = noise_cov[np.ix_(picks, picks)]
        return leadfield.pick([leadfield.ch_names[row] for row in picks]), noise_cov

    def _correspondence(self) -> sparse.csr_array:
        """Compute ``W``."""
        here, there = _places(self.leadfield_), _places(self.home)
        distance, source = KDTree(there).query(here, k=min(NEIGHBOURS, len(there)))
        weight = np.maximum(distance, SAME_PLACE) ** -2
        weight[distance[:, 0] < SAME_PLACE, 1:] = 0
        weight /= weight.sum(axis=1, keepdims=True)
        cosines = np.einsum("jax,jkbx->jkab", _axes(self.leadfield_), _axes(self.home)[source])
        blocks = weight[:, :, np.newaxis, np.newaxis] * cosines
        starts = np.arange(0, source.size + 1, source.shape[1])
        shape = (len(here) * blocks.shape[2], len(there) * blocks.shape[3])
        return sparse.csr_array(
            sparse.bsr_array((blocks.reshape(-1, *blocks.shape[2:]), source.ravel(), starts), shape=shape)
        )


def _places(leadfield: LeadField) -> np.ndarray:
    """Return the source positions in MNI space, shape (n_sources, 3)."""
    if leadfield.pos_mni is None:
        raise InputError(
            f"The source positions of {leadfield!r} in MNI space are unknown, so data cannot be morphed; "
            "compute the lead field with headwater.make_leadfield, or pass the head to LeadField.from_forward."
        )
    return leadfield.pos_mni


def _axes(leadfield: LeadField) -> np.ndarray:
    """Return the unit vectors of the orientations of each source, shape (n_sources, n_orient, 3)."""
    if leadfield.n_orient == 1:
        return leadfield.normals[:, np.newaxis]
    return np.broadcast_to(np.eye(3), (leadfield.n_sources, 3, 3))
