"""MUSIC and RAP-MUSIC: sources whose topographies lie in the signal subspace of the data."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Self

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.algebra.topographies import Topographies, largest_eigenvalue, orthonormal, without
from headwater.solvers.base import Solver, check_data
from headwater.solvers.dipole import DipoleFit, explained_power
from headwater.solvers.inputs.whitening import Rank, whiten

# Singular values below this fraction of the largest are rounding errors: the data may be in single precision.
RELATIVE_ZERO = 1e-6

CountRule = Callable[[np.ndarray, int], int]


@dataclass(frozen=True)
class ExplainedPower:
    """Number of sources: the principal components needed to explain a fraction of the power of the whitened data.

    Parameters
    ----------
    fraction : float
    at_most : int
    """

    fraction: float = 0.9
    at_most: int = 5

    def __call__(self, power: np.ndarray, n_times: int) -> int:  # noqa: ARG002
        """Return the number, given the power of each component in descending order and the number of time points."""
        carried = np.cumsum(power) / np.sum(power)
        return min(int(np.searchsorted(carried, self.fraction * (1 - 1e-9))) + 1, self.at_most)


@dataclass(frozen=True)
class MinimumDescriptionLength:
    """Number of sources of minimum description length, for white noise of unknown level.

    Wax & Kailath 1985 (IEEE Trans. Acoust. Speech Signal Process. 33:387), equation 17 with the degrees of freedom of
    real data. Requires more time points than channels. Brain noise that is not part of the noise covariance is counted
    as sources.

    Parameters
    ----------
    at_most : int
    """

    at_most: int = 10

    def __call__(self, power: np.ndarray, n_times: int) -> int:
        """Return the number, given the power of each component in descending order and the number of time points."""
        n = len(power)
        lengths = []
        for k in range(n):
            rest = power[k:]
            ratio = np.mean(np.log(rest)) - np.log(np.mean(rest))
            lengths.append(-n_times * (n - k) * ratio / 2 + (k * (2 * n - k + 1) / 2) * np.log(n_times) / 2)
        return int(np.clip(np.argmin(lengths), 1, self.at_most))


class SubspaceSolver(Solver):
    """Base class of MUSIC and RAP-MUSIC: the signal subspace, and the currents of the dipoles.

    Orientations are constant over time. The estimate contains the moments of the dipoles in A m, fitted by least
    squares, and is zero everywhere else. The signal subspace of a single time point has one dimension.
    """

    n_sources: int | CountRule
    rank: Rank

    def fit(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> Self:
        """Prepare the solver for one lead field and one noise covariance.

        Attributes
        ----------
        whitener_ : array of shape (rank, n_channels)
        gain_ : array of shape (rank, n_sources, n_orient)
        topographies_ : Topographies
        """
        white = whiten(leadfield, noise_cov, self.rank)
        if not callable(self.n_sources) and not 1 <= self.n_sources <= len(white.whitener):
            raise InputError(
                f"n_sources is {self.n_sources}; with {len(white.whitener)} independent channels, use a number from 1 "
                f"to {len(white.whitener)}, or a rule such as ExplainedPower()."
            )
        self.whitener_, self.gain_ = white.whitener, white.gain
        self.topographies_ = Topographies.of(white.gain)
        self.leadfield_ = white.leadfield
        return self

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Find the dipoles of data of shape (..., n_channels, n_times), each sample separately."""
        data = check_data(data, self)
        white = self.whitener_ @ data
        _, n_sources, n_orient = self.gain_.shape
        out = np.zeros((*data.shape[:-2], n_sources, n_orient, data.shape[-1]), data.dtype)
        samples = out.reshape(-1, *out.shape[-3:])
        for index, sample in enumerate(white.reshape(-1, *white.shape[-2:])):
            found = self._fit(sample.astype(np.float64, copy=False))
            np.add.at(samples[index], found.sources, found.moments.astype(data.dtype))
        return out

    def dipoles(self, data: np.ndarray) -> DipoleFit:
        """Find the dipoles of one sample of shape (n_channels, n_times), in the order in which they are found."""
        data = check_data(data, self)
        if data.ndim != 2:
            raise InputError(f"The data have shape {data.shape}; provide one sample of shape (n_channels, n_times).")
        return self._fit(self.whitener_ @ data.astype(np.float64, copy=False))

    def signal_space(self, white: np.ndarray) -> tuple[np.ndarray, int]:
        """Return an orthonormal basis (rank, dimension) of the signal subspace of whitened data, and the source count.

        The dimension is at most the rank of the data; for a single time point it is one.
        """
        left, singular, _ = np.linalg.svd(white, full_matrices=False)
        power = singular[singular > RELATIVE_ZERO * singular.max(initial=0.0)] ** 2
        if not len(power):
            return left[:, :0], 0
        n_sources = self.n_sources(power, white.shape[1]) if callable(self.n_sources) else self.n_sources
        return left[:, : min(n_sources, len(power))], n_sources

    def _fit(self, white: np.ndarray) -> DipoleFit:
        """Search positions and orientations, and fit amplitudes by least squares."""
        sources, directions = self._search(*self.signal_space(white))
        columns = np.einsum("cko,ko->ck", self.gain_[:, sources], directions)
        amplitudes = np.linalg.lstsq(columns, white)[0]
        return DipoleFit(
            sources=sources,
            pos=self.leadfield_.pos[sources],
            moments=directions[:, :, np.newaxis] * amplitudes[:, np.newaxis],
            goodness_of_fit=explained_power(columns, amplitudes, white),
        )

    @abstractmethod
    def _search(self, signal: np.ndarray, n_sources: int) -> tuple[np.ndarray, np.ndarray]:
        """Find sources (n_found,) and their directions (n_found, n_orient) from the signal subspace."""

    def _direction(self, source: int, coordinates: np.ndarray, root: np.ndarray) -> np.ndarray:
        """Return the unit moment (n_orient,) for which the topography of a source is closest to the signal subspace."""
        strongest = np.linalg.eigh(coordinates[source] @ coordinates[source].T)[1][:, -1]
        moment = self.topographies_.moments[source] @ root[source] @ strongest
        return moment / np.linalg.norm(moment)


class MUSIC(SubspaceSolver):
    """Multiple signal classification: dipoles at the peaks of the correlation with the signal subspace.

    The spectrum is the subspace correlation, the cosine of the angle between the topographies of a source and the
    signal subspace (Schmidt 1986; Mosher, Lewis & Leahy 1992, IEEE Trans. Biomed. Eng. 39:541). It is 1 if the
    topography of the source, for some orientation, lies in the signal subspace. ``spectrum`` returns it; ``estimate``
    returns currents at its highest peaks. Two sources with the same time course span only one dimension and are not
    found.

    Parameters
    ----------
    n_sources : int | rule
        Number of sources, or a rule such as `ExplainedPower` or `MinimumDescriptionLength`.
    min_distance : float
        Minimum distance between peaks, in metres.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.
    """

    def __init__(
        self, *, n_sources: int | CountRule = ExplainedPower(), min_distance: float = 0.02, rank: Rank = None
    ) -> None:
        self.n_sources = n_sources
        self.min_distance = min_distance
        self.rank = rank

    def spectrum(self, data: np.ndarray) -> np.ndarray:
        """Return the subspace correlation of every source, 0 to 1: (..., n_channels, n_times) to (..., n_sources)."""
        white = self.whitener_ @ check_data(data, self).astype(np.float64)
        samples = white.reshape(-1, *white.shape[-2:])
        spectra = [self._spectrum(self.topographies_.coordinates(self.signal_space(each)[0])) for each in samples]
        return np.reshape(spectra, (*white.shape[:-2], self.leadfield_.n_sources))

    def _spectrum(self, coordinates: np.ndarray) -> np.ndarray:
        return np.sqrt(np.clip(largest_eigenvalue(coordinates), 0.0, 1.0))

    def _search(self, signal: np.ndarray, n_sources: int) -> tuple[np.ndarray, np.ndarray]:
        coordinates, root = self.topographies_.explained(signal, signal[:, :0])
        spectrum, pos = self._spectrum(coordinates), self.leadfield_.pos
        sources: list[int] = []
        for _ in range(n_sources):
            source = int(spectrum.argmax())
            if spectrum[source] <= 0:
                break
            sources.append(source)
            spectrum[np.linalg.norm(pos - pos[source], axis=1) < self.min_distance] = 0.0
            spectrum[source] = 0.0
        directions = [self._direction(source, coordinates, root) for source in sources]
        return np.array(sources, int), np.reshape(directions, (-1, coordinates.shape[1]))


class RAPMUSIC(SubspaceSolver):
    """Recursively applied and projected MUSIC: one dipole at a time, after projecting out those found before.

    The source with the largest subspace correlation is selected, its topography is projected out of the gain and of the
    signal subspace, and the search is repeated (Mosher & Leahy 1999, IEEE Trans. Signal Process. 47:332). As in
    :func:`mne.beamformer.rap_music`, the projected signal subspace is not normalised, so that directions already
    explained have less weight.

    With fewer time points than sources, the search continues in the remaining signal subspace. With a single time
    point, this is orthogonal matching pursuit.

    Parameters
    ----------
    n_sources : int | rule
        Number of sources, or a rule such as `ExplainedPower` or `MinimumDescriptionLength`.
    truncate : bool
        Normalise the projected signal subspace, and reduce its dimension by one for each source found: TRAP-MUSIC
        (Mäkelä, Stenroos, Sarvas & Ilmoniemi 2018, NeuroImage 167:73). Better for close sources and low noise.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.
    """

    title: ClassVar[str] = "RAP-MUSIC"

    def __init__(
        self, *, n_sources: int | CountRule = ExplainedPower(), truncate: bool = False, rank: Rank = None
    ) -> None:
        self.n_sources = n_sources
        self.truncate = truncate
        self.rank = rank

    def _search(self, signal: np.ndarray, n_sources: int) -> tuple[np.ndarray, np.ndarray]:
        sources: list[int] = []
        directions: list[np.ndarray] = []
        columns = np.zeros((len(signal), 0))
        for _ in range(n_sources):
            found = orthonormal(columns)
            left = self._left(signal, found)
            if not left.any():
                break
            coordinates, root = self.topographies_.explained(left, found)
            sources.append(int(largest_eigenvalue(coordinates).argmax()))
            directions.append(self._direction(sources[-1], coordinates, root))
            columns = np.column_stack([columns, self.gain_[:, sources[-1]] @ directions[-1]])
        return np.array(sources, int), np.reshape(directions, (-1, self.gain_.shape[2]))

    def _left(self, signal: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Return the signal subspace without the topographies found; zero if only rounding errors remain."""
        left = without(signal, found)
        vectors, singular, _ = np.linalg.svd(left, full_matrices=False)
        if singular.max(initial=0.0) <= RELATIVE_ZERO:
            return np.zeros_like(left)
        if not self.truncate:
            return left
        return vectors[:, : max(signal.shape[1] - found.shape[1], 1)]
