"""The dictionary: what the sensors see of single sources and of bells, and sums over all of it at once.

An atom ``a`` is a bell of sources, each orientation of which has the prior variance ``g_a``. Its topographies ``F_a``
have one column for each orientation and are scaled to a sum of squares equal to the number of whitened channels, so
that ``g_a`` is the share of the data's power that the atom is expected to explain, whatever its depth.

All sums over atoms that sparse Bayesian learning needs are linear in the matrices ``F_a F_a'``:
``S = s I + sum_a g_a F_a F_a'`` and ``tr(F_a' M F_a)``. These are kept as rows of one matrix, so that a batch takes one
product each, for free and fixed orientation and for any number of time points.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headwater.networks.relevance.bells import lattice_positions, make_bells
from headwater.networks.relevance.cells import Cells, Placed
from headwater.solvers.inputs.whitening import Whitened

# Relative to the root mean square of its family: atoms seen less than this are not scaled up any further. A magnetic
# sensor hardly sees the middle of the head, and what it sees there is the error of the head model.
HARDLY_SEEN = 1e-2
BARELY = 1e-3  # power of an orientation, relative to the best one, that is treated as half seen


class Dictionary(nn.Module):
    """Atoms of a lead field.

    Parameters
    ----------
    white : Whitened
    widths_mm : tuple of float
        Standard deviations of the bells. Those no wider than a voxel are centred about one voxel apart, others one
        cell. Single sources are always part of the dictionary.
    voxel_mm : float
    modes : int
        Sensors are combined to as many leading modes of the dictionary at most.
    multiple : int
        See `Cells`.

    Attributes
    ----------
    families : list of Placed
        Single sources, then the bells of each width.
    sizes : list of int
        Atoms of each family.
    rank : int
        Whitened channels.
    n_modes, n_atoms, n_orient : int
    """

    whitener: torch.Tensor
    modes: torch.Tensor
    topographies: torch.Tensor
    spans: torch.Tensor
    squares: torch.Tensor
    unit: torch.Tensor
    profile: torch.Tensor
    sensitivity: torch.Tensor
    start: torch.Tensor
    packing: torch.Tensor

    def __init__(
        self, white: Whitened, *, widths_mm: tuple[float, ...], voxel_mm: float, modes: int, multiple: int
    ) -> None:
        super().__init__()
        leadfield = white.leadfield
        positions = lattice_positions(leadfield)
        self.cells = Cells(positions, 1e-3 * voxel_mm, multiple)
        fine = [True, *(width <= voxel_mm for width in widths_mm)]
        bells = [
            make_bells(leadfield, 1e-3 * width, (1e-3 if small else 2e-3) * voxel_mm)
            for width, small in zip(widths_mm, fine[1:], strict=True)
        ]
        centers = [positions, *(one.centers for one in bells)]
        self._placed = nn.ModuleList(
            Placed(self.cells, where, fine=small) for where, small in zip(centers, fine, strict=True)
        )
        self.sizes = [len(where) for where in centers]
        self.rank, self.n_sources, self.n_orient = white.gain.shape
        profile = np.concatenate([np.zeros((self.n_sources, 0)), *(one.profile for one in bells)], axis=1)
        seen = np.concatenate([white.gain, np.einsum("msx,sa->max", white.gain, profile, optimize=True)], axis=1)
        unit, sensitivity = self._scales(seen)
        topographies, vectors = _in_modes(seen * unit[:, np.newaxis], modes)
        self.n_modes, self.n_atoms = len(topographies), sum(self.sizes)
        self._keep("whitener", white.whitener)
        self._keep("modes", vectors.T)
        self._keep("unit", unit)
        self._keep("profile", profile)
        self._keep("sensitivity", sensitivity)
        self._keep("start", np.concatenate([np.full(n, -np.log(len(self.sizes) * n)) for n in self.sizes]))
        self._keep("topographies", topographies.transpose(1, 2, 0))
        self._keep("spans", _spans(topographies.transpose(1, 2, 0)))
        upper = torch.triu_indices(self.n_modes, self.n_modes)
        self.register_buffer("packing", upper, persistent=False)
        self.register_buffer("squares", self._squares(), persistent=False)

    @property
    def families(self) -> list[Placed]:
        """Where the atoms of each family are."""
        return [one for one in self._placed if isinstance(one, Placed)]

    def _keep(self, name: str, values: np.ndarray) -> None:
        self.register_buffer(name, torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32), persistent=False)

    def _scales(self, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the unit of each atom in A m, and the logarithm of its sensitivity relative to its family's."""
        size = np.linalg.norm(seen, axis=(0, 2))
        parts = np.split(size, np.cumsum(self.sizes)[:-1])
        typical = np.concatenate([np.full(len(part), np.sqrt(np.mean(part**2))) for part in parts])
        relative = np.maximum(size / typical, HARDLY_SEEN)
        return np.sqrt(self.rank) / (relative * typical), np.log(relative)

    def _squares(self) -> torch.Tensor:
        """Upper triangles of ``F_a F_a'``, shape (n_atoms, n_modes * (n_modes + 1) / 2)."""
        rows, columns = self.packing
        found = torch.zeros(self.n_atoms, len(rows))
        for one in self.topographies.unbind(1):
            found += one[:, rows] * one[:, columns]
        return found

    def covariance(self, variance: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Model covariance of the data, shape (batch, n_modes, n_modes), in double precision.

        Parameters
        ----------
        variance : tensor of shape (batch, n_atoms)
        noise : tensor of shape (batch,)
        """
        packed = (variance @ self.squares).double()
        rows, columns = self.packing
        full = packed.new_zeros(len(packed), self.n_modes, self.n_modes)
        full[:, rows, columns] = packed
        full = full + full.triu(1).mT
        return full + noise.double()[:, None, None] * torch.eye(self.n_modes, dtype=full.dtype, device=full.device)

    def traces(self, matrix: torch.Tensor) -> torch.Tensor:
        """Return ``tr(F_a' M F_a)`` of symmetric matrices (batch, n_modes, n_modes): shape (batch, n_atoms)."""
        rows, columns = self.packing
        packed = matrix[:, rows, columns] * torch.where(rows == columns, 1.0, 2.0)
        return packed.to(self.squares.dtype) @ self.squares.T

    def scanned(self, data: torch.Tensor) -> torch.Tensor:
        """Return the power of data (batch, n_modes, n) in the span of each atom's topographies: (batch, n_atoms)."""
        flat = self.spans.flatten(0, 1) @ data.transpose(0, 1).flatten(1)
        by_atom = flat.reshape(*self.spans.shape[:2], len(data), -1)
        return by_atom.square().sum((1, 3)).T

    def spread(self, coefficients: torch.Tensor) -> torch.Tensor:
        """Turn coefficients of atoms, shape (batch, n_atoms, n), into currents in A m, shape (batch, n_sources, n)."""
        scaled = (coefficients * self.unit[:, None]).transpose(0, 1)
        wide = self.profile @ scaled[self.n_sources :].flatten(1)
        return (scaled[: self.n_sources] + wide.reshape(-1, *scaled.shape[1:])).transpose(0, 1)

    def seen(self, weights: torch.Tensor) -> torch.Tensor:
        """Return ``F_a' w`` of weights (batch, n_modes, n): shape (batch, n_atoms, n_orient, n)."""
        flat = self.topographies.flatten(0, 1) @ weights.transpose(0, 1).flatten(1)
        by_atom = flat.reshape(*self.topographies.shape[:2], len(weights), -1)
        return by_atom.permute(2, 0, 1, 3)

    def rows(self, vertices: torch.Tensor) -> torch.Tensor:
        """Currents of some sources in the unit of each atom, shape (n_vertices, n_atoms)."""
        single = nn.functional.one_hot(vertices, self.n_sources).to(self.profile.dtype)
        return torch.cat([single, self.profile[vertices]], 1) * self.unit


def _spans(topographies: np.ndarray) -> np.ndarray:
    """Orthogonalise the topographies (n_atoms, n_orient, n_modes) of each atom; what is hardly seen becomes short."""
    gram = topographies @ topographies.transpose(0, 2, 1)
    values, vectors = np.linalg.eigh(gram)
    floor = BARELY * values[:, -1:]
    return (vectors / np.sqrt(values.clip(min=0) + floor)[:, np.newaxis]).transpose(0, 2, 1) @ topographies


def _in_modes(seen: np.ndarray, modes: int) -> tuple[np.ndarray, np.ndarray]:
    """Combine whitened channels to the leading modes of all atoms.

    Returns
    -------
    seen : array of shape (n_modes, n_atoms, n_orient)
    vectors : array of shape (rank, n_modes)
    """
    flat = seen.reshape(len(seen), -1)
    _, vectors = np.linalg.eigh(flat @ flat.T)
    vectors = vectors[:, ::-1][:, :modes]
    return (vectors.T @ flat).reshape(-1, *seen.shape[1:]), vectors
