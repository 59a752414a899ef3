"""Dipole scan: the positions of a few current dipoles that explain the data best."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Self

import mne
import numpy as np
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.algebra.topographies import Topographies, compact, orthonormal, without
from headwater.solvers.base import Solver, check_data
from headwater.solvers.inputs.whitening import Rank, whiten

# A position and its 26 neighbours on a grid of spacing 1; the position comes first.
NEIGHBOURS = np.array(sorted(product((-1.0, 0.0, 1.0), repeat=3), key=np.linalg.norm))

Gain = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class DipoleFit:
    """Current dipoles and their goodness of fit.

    Attributes
    ----------
    sources : int array of shape (n_dipoles,)
        Indices into the sources of the lead field. For refined positions, the index of the nearest source.
    pos : array of shape (n_dipoles, 3)
        Positions in head coordinates, in metres.
    moments : array of shape (n_dipoles, n_orient, n_times)
        Dipole moments in A m, along the axes of head coordinates, or along the normals of fixed sources.
    goodness_of_fit : float
        Fraction of the power of the whitened data that all dipoles together explain, between 0 and 1.
    """

    sources: np.ndarray
    pos: np.ndarray
    moments: np.ndarray
    goodness_of_fit: float

    def currents(self, n_sources: int) -> np.ndarray:
        """Return the currents of all sources, shape (n_sources, n_orient, n_times); zero where there is no dipole."""
        dense = np.zeros((n_sources, *self.moments.shape[1:]))
        np.add.at(dense, self.sources, self.moments)
        return dense


def explained_power(columns: np.ndarray, coefficients: np.ndarray, white: np.ndarray) -> float:
    """Return the goodness of fit ``1 - |z - A c|^2 / |z|^2``; 1 for data that are zero."""
    total = float(np.sum(white**2))
    return 1.0 - float(np.sum((white - columns @ coefficients) ** 2)) / total if total > 0 else 1.0


class DipoleScan(Solver):
    """Dipole scan: the current dipoles at positions of the source space that together explain the data best.

    A single dipole is fitted at each position, its moment by least squares on the whitened data, and the position with
    the largest goodness of fit is selected (Mosher, Lewis & Leahy 1992, IEEE Trans. Biomed. Eng. 39:541). Each
    additional dipole is the one that increases the goodness of fit most; all moments are fitted jointly. Each position
    in turn is then optimised again while the others are fixed, until none changes (alternating projection; Ziskind &
    Wax 1988, IEEE Trans. Acoust. Speech Signal Process. 36:1553). Moments may rotate over time. With several dipoles
    and few time points, the search may end in a local optimum.

    The estimate contains the moments of the dipoles in A m, and is zero everywhere else.

    Parameters
    ----------
    n_dipoles : int
    moving : bool
        False: one set of positions for all time points. True: separate positions for each time point.
    max_sweeps : int
        Maximum number of sweeps over all positions; a warning is issued if they do not converge.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.
    """

    title: ClassVar[str] = "dipole scan"

    def __init__(self, *, n_dipoles: int = 1, moving: bool = False, max_sweeps: int = 20, rank: Rank = None) -> None:
        self.n_dipoles = n_dipoles
        self.moving = moving
        self.max_sweeps = max_sweeps
        self.rank = rank

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance.

        Attributes
        ----------
        whitener_ : array of shape (rank, n_channels)
        topographies_ : Topographies
        """
        white = whiten(leadfield, noise_cov, self.rank)
        rank, n_sources, n_orient = white.gain.shape
        most = min(n_sources, rank // n_orient)
        if not 1 <= self.n_dipoles <= most:
            raise InputError(
                f"n_dipoles is {self.n_dipoles}; with {rank} independent channels, use a number from 1 to {most}."
            )
        self.topographies_ = Topographies.of(white.gain)
        self.whitener_ = white.whitener
        self.leadfield_ = white.leadfield
        return self

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Find the dipoles of data of shape (..., n_channels, n_times), each sample separately."""
        data = check_data(data, self)
        white = self.whitener_ @ data
        if self.moving:  # treat every time point as a sample
            white = np.moveaxis(white, -1, -2)[..., np.newaxis]
        n_sources, n_orient, rank = self.topographies_.basis.shape
        out = np.zeros((*white.shape[:-2], n_sources, n_orient, white.shape[-1]), data.dtype)
        samples = out.reshape(-1, *out.shape[-3:])
        for index, sample in enumerate(white.reshape(-1, rank, white.shape[-1])):
            found = self._fit(sample)
            samples[index, found.sources] = found.moments
        return np.moveaxis(out[..., 0], -3, -1) if self.moving else out

    def dipoles(self, data: np.ndarray) -> DipoleFit:
        """Find the dipoles of one sample of shape (n_channels, n_times), at positions that are constant over time."""
        data = check_data(data, self)
        if data.ndim != 2:
            raise InputError(f"The data have shape {data.shape}; provide one sample of shape (n_channels, n_times).")
        return self._fit(self.whitener_ @ data)

    def refine(
        self, data: np.ndarray, gain_at: Gain, *, step: float = 0.005, tolerance: float = 1e-5, reach: float = 0.01
    ) -> DipoleFit:
        """Optimise the positions of the dipoles of one sample between the grid points.

        Each dipole in turn moves to the best of its 26 neighbours at a distance of ``step``; all moments are fitted
        jointly. If no dipole improves, the step is halved (compass search). :func:`mne.fit_dipole` does this for one
        dipole per time point, in MNE-Python's head models.

        Parameters
        ----------
        data : array of shape (n_channels, n_times)
        gain_at : callable
            Takes positions of shape (n, 3) in head coordinates, in metres; returns the lead field of the channels
            ``leadfield_.ch_names`` at these positions, shape (n_channels, n, 3), along the axes of head coordinates.
        step, tolerance : float
            First and last step, in metres.
        reach : float
            Largest distance of a dipole from the nearest source of the lead field, in metres.
        """
        if self.leadfield_.n_orient != 3:
            raise InputError(
                "Refining positions requires free orientations; fit the solver on a lead field with free orientations."
            )
        start = self.dipoles(data)
        white = self.whitener_ @ data.astype(np.float64)
        tree = cKDTree(self.leadfield_.pos)
        pos = start.pos.copy()
        while step > tolerance:
            moved = False
            for index in range(len(pos)):
                candidates = pos[index] + step * NEIGHBOURS
                candidates = candidates[tree.query(candidates)[0] <= reach]
                best = self._best_of(white, self._topographies(gain_at, candidates), np.delete(pos, index, 0), gain_at)
                moved = moved or best > 0
                pos[index] = candidates[best]
            step = step if moved else step / 2
        found = self._topographies(gain_at, pos)
        return _least_squares(found, white, sources=tree.query(pos)[1], pos=pos)

    def _topographies(self, gain_at: Gain, pos: np.ndarray) -> Topographies:
        return Topographies.of(np.einsum("rc,csx->rsx", self.whitener_, gain_at(pos)))

    def _best_of(self, white: np.ndarray, candidates: Topographies, others: np.ndarray, gain_at: Gain) -> int:
        """Return the candidate that explains most in addition to the other dipoles; the first one in case of a tie."""
        found = np.zeros((len(white), 0))
        if len(others):
            found = orthonormal(np.concatenate(self._topographies(gain_at, others).basis).T)
        coordinates, _ = candidates.explained(compact(without(white, found)), found)
        power = np.einsum("sot,sot->s", coordinates, coordinates)
        return int(power.argmax()) if power.max() > power[0] * (1 + 1e-12) else 0

    def goodness_of_fit(self, data: np.ndarray) -> np.ndarray:
        """Return the goodness of fit of a single dipole: (..., n_channels, n_times) to (..., n_sources)."""
        white = self.whitener_ @ check_data(data, self).astype(np.float64)
        samples = white.reshape(-1, *white.shape[-2:])
        power = [np.sum(self.topographies_.coordinates(compact(sample)) ** 2, axis=(1, 2)) for sample in samples]
        total = np.sum(samples**2, axis=(1, 2))[:, np.newaxis]
        n_sources = self.leadfield_.n_sources
        fraction = np.reshape(power, (-1, n_sources)) / np.where(total > 0, total, 1.0)
        return fraction.reshape(*white.shape[:-2], n_sources)

    def _fit(self, white: np.ndarray) -> DipoleFit:
        """Search positions and fit moments by least squares, for one whitened sample (rank, n_times)."""
        white = white.astype(np.float64, copy=False)
        signals = compact(white)
        sources: list[int] = []
        for _ in range(self.n_dipoles):
            sources.append(self._best(signals, sources))
        if self.n_dipoles > 1:
            self._sweep(signals, sources)
        found = Topographies(self.topographies_.basis[sources], self.topographies_.moments[sources])
        return _least_squares(found, white, sources=np.array(sources), pos=self.leadfield_.pos[sources])

    def _best(self, signals: np.ndarray, others: list[int]) -> int:
        """Return the source that explains most of the signals in addition to the others."""
        basis = self.topographies_.basis
        found = orthonormal(basis[others].reshape(-1, basis.shape[2]).T)
        coordinates, _ = self.topographies_.explained(without(signals, found), found)
        power = np.einsum("sot,sot->s", coordinates, coordinates)
        power[others] = -1.0  # a second dipole at the same position explains nothing more
        return int(power.argmax())

    def _sweep(self, signals: np.ndarray, sources: list[int]) -> None:
        """Optimise each source with the others fixed, in place, until none changes."""
        for _ in range(self.max_sweeps):
            before = list(sources)
            for index in range(len(sources)):
                sources[index] = self._best(signals, sources[:index] + sources[index + 1 :])
            if sources == before:
                return
        warnings.warn(
            f"The positions of {len(sources)} dipoles still changed after {self.max_sweeps} sweeps; "
            "raise max_sweeps, or fit fewer dipoles.",
            RuntimeWarning,
            stacklevel=4,
        )


def _least_squares(found: Topographies, white: np.ndarray, *, sources: np.ndarray, pos: np.ndarray) -> DipoleFit:
    """Fit the moments of dipoles of known topographies jointly."""
    columns = np.concatenate(found.basis).T
    coefficients = np.linalg.lstsq(columns, white)[0]
    moments = found.moments @ coefficients.reshape(len(sources), found.basis.shape[1], -1)
    return DipoleFit(sources, pos, moments, explained_power(columns, coefficients, white))
