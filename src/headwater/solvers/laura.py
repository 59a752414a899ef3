"""Local autoregressive averages."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.inputs.whitening import Rank
from headwater.solvers.linear.prior import Loose
from headwater.solvers.linear.smoothness import SmoothSolver, cube_neighbours, neighbour_weights, on_grid
from headwater.solvers.regularization.rules import Lambda2

CUBE_NEIGHBOURS = 26


class LAURA(SmoothSolver):
    """LAURA (Grave de Peralta et al. 2001, Brain Topogr. 14:131): local autoregression with distance-dependent weights.

    The roughness is ``|W A x|``. ``W`` is the sensitivity of the sensors to each source, and
    ``A_ii = c_i sum_k d_ik^-e``, ``A_ik = -d_ik^-e`` over the neighbours ``k`` at distances ``d_ik``: the field of a
    current decays with distance as a power ``e``. On a volume grid, the neighbours are the 26 other points of the
    surrounding cube, and ``c_i = 26 / N_i`` if only ``N_i`` of them exist. Elsewhere they are those of `LORETA`, and
    ``c_i = 1 / (1 - leak)``.

    Parameters
    ----------
    lambda2, loose, exponent, leak, rank
        As in `SmoothSolver`.
    drop_off : float
        ``e``: 2 for fields of current (vectors), 3 for potentials.
    """

    def __init__(
        self,
        *,
        lambda2: Lambda2 = 1 / 9,
        loose: Loose = "auto",
        exponent: float = 1.0,
        leak: float = 0.01,
        drop_off: float = 2.0,
        rank: Rank = None,
    ) -> None:
        super().__init__(lambda2=lambda2, loose=loose, exponent=exponent, leak=leak, rank=rank)
        self.drop_off = drop_off

    def roughness_of(self, leadfield: LeadField, strength: np.ndarray) -> sparse.csr_array:
        """Return ``W A``."""
        if self.drop_off < 0:
            raise InputError(f"drop_off is {self.drop_off:g}; it must be at least 0.")
        return sparse.csr_array(sparse.diags_array(strength) @ autoregression(leadfield, self.drop_off, self.leak))


def autoregression(leadfield: LeadField, drop_off: float, leak: float) -> sparse.csr_array:
    """Return ``A``, shape (n_sources, n_sources). Distances are in units of their mean, which only changes its scale.

    Parameters
    ----------
    leadfield : LeadField
    drop_off : float
    leak : float
        On the cortex, the diagonal exceeds the sum over the neighbours by the factor ``1 / (1 - leak)``.
    """
    cube = None if leadfield.grid is None else cube_neighbours(leadfield.grid, leadfield.n_sources)
    weights = neighbour_weights(leadfield, cube).tocoo()
    count = np.asarray(weights.sum(axis=1))
    distance = np.linalg.norm(leadfield.pos[weights.row] - leadfield.pos[weights.col], axis=1)
    weights.data = (distance / distance.mean()) ** -drop_off
    total = np.asarray(weights.sum(axis=1))
    alone = count == 0
    completion = np.where(on_grid(leadfield), CUBE_NEIGHBOURS / np.maximum(count, 1), 1 / (1 - leak))
    diagonal = np.where(alone, total[~alone].mean(), completion * total)
    return sparse.csr_array(sparse.diags_array(diagonal) - weights)
