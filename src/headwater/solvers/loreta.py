"""Low-resolution electromagnetic tomography."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from headwater.forward.leadfield import LeadField
from headwater.solvers.linear.smoothness import SmoothSolver, neighbour_weights, on_grid

GRID_NEIGHBOURS = 6


class LORETA(SmoothSolver):
    """LORETA (Pascual-Marqui, Michel & Lehmann 1994): the smoothest currents that explain the data.

    The roughness is ``|B W x|``. ``W`` is the sensitivity of the sensors to each source. ``B = I - A`` is the discrete
    Laplacian: a source minus the mean of its neighbours. On a volume grid, the neighbours are the six grid points along
    the axes. At the boundary, ``A`` is the average of two means: that over the existing neighbours, and that over six
    neighbours of which the missing ones are zero (Pascual-Marqui 1999, Int. J. Bioelectromagn. 1:75). On the cortex,
    the neighbours are those on the mesh; for discrete sources, the six nearest. There, their mean has the weight
    ``1 - leak``.

    Parameters
    ----------
    lambda2, loose, exponent, leak, rank
        As in `SmoothSolver`.
    """

    def roughness_of(self, leadfield: LeadField, strength: np.ndarray) -> sparse.csr_array:
        """Return ``B W``."""
        return sparse.csr_array(laplacian(leadfield, self.leak) @ sparse.diags_array(strength))


def laplacian(leadfield: LeadField, leak: float) -> sparse.csr_array:
    """Return ``B = I - A``, shape (n_sources, n_sources): each source minus the mean of its neighbours.

    Parameters
    ----------
    leadfield : LeadField
    leak : float
        On the cortex, the weight of the mean is ``1 - leak``.
    """
    neighbours = neighbour_weights(leadfield, None)
    count = np.asarray(neighbours.sum(axis=1))
    alone = count == 0
    mean = np.where(alone, 0.0, 1.0 / np.where(alone, 1.0, count))
    at_boundary = 0.5 * (mean + np.where(alone, 0.0, 1.0 / GRID_NEIGHBOURS))
    share = np.where(on_grid(leadfield), at_boundary, (1 - leak) * mean)
    return sparse.csr_array(sparse.eye_array(len(count)) - sparse.diags_array(share) @ neighbours)
