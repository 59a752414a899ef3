"""EEG lead field from the rows of a boundary-element solution at the electrodes."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from headwater.forward.layers import Layers

CHUNK = 256  # sources at a time: their distances from all vertices of an ico4 model take 16 MB


def eeg_gain(rows: np.ndarray, layers: Layers, pos: np.ndarray) -> np.ndarray:
    """Potentials at electrodes due to unit dipoles along x, y, z.

    A dipole q at s has the infinite-medium potential ``q . (r - s) / |r - s|^3 / (4 pi sigma)`` at a vertex r. The sum
    over vertices splits into parts that depend on the source by the distance alone, so that it is a matrix product:

        sum_r w_r (r - s) / |r - s|^3 = sum_r (w_r r) d_r^-3 - s sum_r w_r d_r^-3

    Parameters
    ----------
    rows : array of shape (n_electrodes, n_vertices)
        Of the solution, see `headwater.forward.bem`.
    layers : Layers
    pos : array of shape (n_sources, 3)
        In MRI coordinates, in metres.

    Returns
    -------
    gain : array of shape (n_electrodes, n_sources, 3)
        In V/(A m), along the axes of the MRI.
    """
    sizes = [len(surface.rr) for surface in layers.surfaces]
    weights = rows * np.repeat(layers.source_mult / (4 * np.pi), sizes)
    centre = layers.surfaces[-1].rr.mean(axis=0)  # as origin it keeps the difference above free of cancellation
    vertices, pos = layers.vertices - centre, pos - centre
    moments = np.concatenate([weights * vertices[:, axis] for axis in range(3)] + [weights])
    gain = np.empty((len(rows), len(pos), 3))
    for start in range(0, len(pos), CHUNK):
        some = slice(start, start + CHUNK)
        cubed = cdist(pos[some], vertices, "sqeuclidean")
        cubed *= np.sqrt(cubed)
        x, y, z, plain = np.split(moments @ np.reciprocal(cubed, out=cubed).T, 4)
        gain[:, some] = np.stack([x, y, z], axis=-1) - plain[..., np.newaxis] * pos[some]
    return gain
