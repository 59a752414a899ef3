"""Currents as a function of independent states, for a prior with correlated neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu

from headwater._utils.errors import InputError
from headwater.solvers.algebra.matrices import symmetric_power
from headwater.solvers.inputs.whitening import Whitened
from headwater.solvers.linear.prior import Loose, loose_per_source, orientation_blocks, oriented_gain
from headwater.solvers.linear.smoothness import source_strength
from headwater.solvers.loreta import laplacian


@dataclass(frozen=True, eq=False)
class WhitenedStates:
    """States ``u = B W D^-1 x / c``; if they are independent with unit variance, ``x`` has the prior of `LORETA`.

    ``B`` is the Laplacian, ``W`` the sensitivity of the sensors to each source, ``D`` the square root of the
    orientation prior, and ``c`` scales ``K K'`` to the trace of the identity. Only sparse matrices are stored.

    Attributes
    ----------
    gain : array of shape (rank, n_sources, n_orient)
        ``K = c G D (B W)^-1``: the whitened sensors measure ``K u``.
    roughness : sparse array of shape (n_sources, n_sources)
        ``B W``.
    root : array of shape (n_sources, n_orient, n_orient)
        ``D``.
    mean : sparse array of shape (n_sources, n_sources)
        ``M = I - B``, the mean over neighbours.
    scale : float
        ``c``, in A m.
    """

    gain: np.ndarray
    roughness: sparse.csc_array
    root: np.ndarray
    mean: sparse.csr_array
    scale: float

    @classmethod
    def of(cls, white: Whitened, loose: Loose, exponent: float, leak: float) -> Self:
        """Compute the states for a whitened lead field; the parameters are those of `LORETA`."""
        if not 0 < leak <= 1:
            raise InputError(f"leak is {leak:g}; it must be above 0 and at most 1.")
        tangential = loose_per_source(white.leadfield, loose)
        gain = oriented_gain(white, tangential)
        rank, n_sources, n_orient = gain.shape
        root = symmetric_power(orientation_blocks(tangential, white.leadfield.normals, n_orient), 0.5)
        difference = laplacian(white.leadfield, leak)
        roughness = sparse.csc_array(difference @ sparse.diags_array(source_strength(white, exponent)))
        seen = np.einsum("csi,sij->scj", gain, root, optimize=True).reshape(n_sources, -1)
        states = _factorized(roughness).solve(seen, trans="T").reshape(n_sources, rank, n_orient)
        scale = float(np.sqrt(rank / np.sum(states**2)))
        return cls(
            gain=np.ascontiguousarray(scale * np.moveaxis(states, 0, 1)),
            roughness=roughness,
            root=root,
            mean=sparse.csr_array(sparse.eye_array(n_sources) - difference),
            scale=scale,
        )

    def currents(self, states: np.ndarray) -> np.ndarray:
        """Convert states to currents in A m, both of shape (n_sources, n_orient, n)."""
        smooth = self._factors.solve(states.reshape(len(states), -1)).reshape(states.shape)
        return self.scale * np.einsum("sij,sjt->sit", self.root, smooth)

    def kernel(self, variance: np.ndarray, basis: np.ndarray) -> np.ndarray:
        """Return the currents of ``diag(variance) K' basis``, shape (n_sources, n_orient, n).

        Parameters
        ----------
        variance : array of shape (n_sources,)
        basis : array of shape (rank, n)
        """
        states = np.einsum("csi,cm->sim", self.gain, basis, optimize=True)
        return self.currents(variance[:, np.newaxis, np.newaxis] * states)

    @cached_property
    def _factors(self) -> SuperLU:
        return _factorized(self.roughness)

    def __getstate__(self) -> dict[str, Any]:
        # The factors cannot be pickled; they are computed again when needed.
        return {name: value for name, value in vars(self).items() if name != "_factors"}


def _factorized(roughness: sparse.csc_array) -> SuperLU:
    return splu(roughness, permc_spec="MMD_AT_PLUS_A")
