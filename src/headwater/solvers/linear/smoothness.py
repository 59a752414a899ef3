"""Smooth priors: neighbouring sources are correlated.

The prior precision of the currents is ``M' M``; the sparse matrix ``M`` compares each source with its neighbours. The
prior covariance ``R = (M' M)^-1`` would be dense, with as many elements as the number of sources squared. Only ``R G'``
is needed; it is computed by two sparse triangular solves per channel and orientation.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError
from headwater.forward.grid import Grid
from headwater.forward.leadfield import LeadField
from headwater.solvers.algebra.matrices import symmetric_power
from headwater.solvers.inputs.whitening import Rank, Whitened
from headwater.solvers.linear.prior import Loose, depth_variance, loose_per_source, orientation_blocks, oriented_gain
from headwater.solvers.linear.regularized import PriorGain, Regularized
from headwater.solvers.posterior.source_prior import SmoothPrior
from headwater.solvers.regularization.rules import Lambda2


class SmoothSolver(Regularized):
    """Base class of LORETA and LAURA: ``x = R G' (G R G' + lambda2 I)^-1 y`` with ``R = D (M' M)^-1 D'``.

    ``M`` acts on each direction separately; ``D`` is the square root of the orientation prior. ``R`` is scaled as in
    the minimum-norm family, so that ``lambda2`` has the same meaning.

    Parameters
    ----------
    lambda2 : float | "auto" | Rule
        As in `MinimumNorm`.
    loose : float | "auto" | dict
        As in `MinimumNorm`. Unless it is 0, vectors are compared in head coordinates, regardless of the folding of the
        cortex.
    exponent : float
        Exponent of the depth weights. 1: a priori, all sources contribute equally to the whitened data; 0: no
        weighting.
    leak : float
        In a volume, currents are zero outside the boundary. The cortex has no boundary, and the prior would not
        constrain the mean current of a hemisphere. There, the weight of the mean of the neighbours is therefore
        ``1 - leak``. The correlation length is then about ``0.5 / sqrt(leak)`` neighbours.
    rank : dict | str | None
        As in :func:`mne.compute_rank`.
    """

    def __init__(
        self,
        *,
        lambda2: Lambda2 = 1 / 9,
        loose: Loose = "auto",
        exponent: float = 1.0,
        leak: float = 0.01,
        rank: Rank = None,
    ) -> None:
        self.lambda2 = lambda2
        self.loose = loose
        self.exponent = exponent
        self.leak = leak
        self.rank = rank

    def _prior(self, white: Whitened, lambda2: float) -> PriorGain:  # noqa: ARG002
        if not 0 < self.leak <= 1:
            raise InputError(f"leak is {self.leak:g}; it must be above 0 and at most 1.")
        loose = loose_per_source(white.leadfield, self.loose)
        gain = oriented_gain(white, loose)
        root = symmetric_power(orientation_blocks(loose, white.leadfield.normals, gain.shape[2]), 0.5)
        roughness = self.roughness_of(white.leadfield, source_strength(white, self.exponent))
        return smooth_prior_gain(gain, root, roughness)

    @abstractmethod
    def roughness_of(self, leadfield: LeadField, strength: np.ndarray) -> sparse.csr_array:
        """Return ``M``, shape (n_sources, n_sources), given the sensitivity of the sensors to each source."""


def source_strength(white: Whitened, exponent: float) -> np.ndarray:
    """Return the sensitivity to each source, ``|G_s| ** exponent`` (whitened, Frobenius norm), shape (n_sources,)."""
    options = {"exp": exponent, "limit": None, "limit_depth_chs": "whiten", "combine_xyz": "fro"}
    return depth_variance(white, options) ** -0.5


def smooth_prior_gain(gain: np.ndarray, root: np.ndarray, roughness: sparse.sparray) -> PriorGain:
    """Apply the prior ``R = D (M' M)^-1 D'``, scaled as in `PriorGain`.

    Parameters
    ----------
    gain : array of shape (rank, n_sources, n_orient)
    root : array of shape (n_sources, n_orient, n_orient)
        ``D``, symmetric.
    roughness : sparse array of shape (n_sources, n_sources)
        ``M``.
    """
    rank, n_sources, n_orient = gain.shape
    factors = splu(sparse.csc_array(roughness), permc_spec="MMD_AT_PLUS_A")
    seen = np.einsum("csi,sij->scj", gain, root, optimize=True).reshape(n_sources, rank * n_orient)
    half = factors.solve(seen, trans="T")
    whole = factors.solve(half).reshape(n_sources, rank, n_orient)
    half = half.reshape(n_sources, rank, n_orient)
    gram = np.einsum("scj,sdj->cd", half, half, optimize=True)
    scale = rank / np.trace(gram)
    weighted = scale * np.einsum("scj,sji->csi", whole, root, optimize=True)
    return PriorGain(gain, SmoothPrior(root, factors, scale), weighted, scale * gram)


def neighbour_weights(leadfield: LeadField, grid_neighbours: sparse.csr_array | None) -> sparse.csr_array:
    """Return a matrix that is 1.0 for each pair of neighbours, shape (n_sources, n_sources).

    On the cortex, neighbours are those of the mesh; on the grid, the given ones (None: the six along its axes). For
    discrete sources, which have no adjacency, they are the six nearest sources.
    """
    if leadfield.adjacency is None:
        return nearest_neighbours(leadfield.pos)
    if grid_neighbours is None:
        return leadfield.adjacency
    elsewhere = sparse.diags_array((~on_grid(leadfield)).astype(float))
    return sparse.csr_array(elsewhere @ leadfield.adjacency @ elsewhere + grid_neighbours)


def nearest_neighbours(pos: np.ndarray, count: int = 6) -> sparse.csr_array:
    """Return a matrix that is 1.0 where one of two points is among the ``count`` nearest points of the other."""
    _, nearest = cKDTree(pos).query(pos, k=min(count + 1, len(pos)))
    i, j = np.repeat(np.arange(len(pos)), nearest.shape[1]), nearest.ravel()
    i, j = i[i != j], j[i != j]
    graph = sparse.csr_array((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(len(pos), len(pos)))
    graph.data[:] = 1.0  # mutual neighbours were counted twice
    return graph


def on_grid(leadfield: LeadField) -> np.ndarray:
    """Return whether each source lies on the volume grid: bool array of shape (n_sources,)."""
    inside = np.zeros(leadfield.n_sources, bool)
    if leadfield.grid is not None:
        inside[leadfield.grid.sources] = True
    return inside


def cube_neighbours(grid: Grid, n_sources: int) -> sparse.csr_array:
    """Return a matrix that is 1.0 for the up to 26 neighbours of each grid source in its cube of 3 x 3 x 3 points."""
    lookup = np.full(np.add(grid.shape, 2), -1)
    lookup[tuple(grid.index.T + 1)] = grid.sources
    steps = [step for step in np.ndindex(3, 3, 3) if step != (1, 1, 1)]
    shifted = np.stack([lookup[tuple((grid.index + step).T)] for step in steps])
    there = shifted >= 0
    i, j = np.broadcast_to(grid.sources, shifted.shape)[there], shifted[there]
    return sparse.csr_array((np.ones(len(i)), (i, j)), shape=(n_sources, n_sources))
