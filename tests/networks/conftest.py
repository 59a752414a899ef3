"""Small lead fields for networks."""

import mne
import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from headwater.forward.leadfield import LeadField
from spheres import electrodes, sphere_leadfield

SPACING = 0.025


@pytest.fixture(scope="session")
def info() -> mne.Info:
    """A montage of 32 electrodes."""
    return electrodes("biosemi32")


@pytest.fixture(scope="session")
def free_leadfield(info) -> LeadField:
    """Sources every 25 mm in a sphere, three orientations."""
    return sphere_leadfield(info, 1e3 * SPACING)


@pytest.fixture(scope="session")
def fixed_leadfield(free_leadfield) -> LeadField:
    """The same sources away from the middle, each along its radius."""
    pos = free_leadfield.pos - free_leadfield.pos.mean(0)
    distance = np.linalg.norm(pos, axis=1)
    outer = distance > SPACING / 2
    normals = pos[outer] / distance[outer, np.newaxis]
    gain = np.einsum("csx,sx->cs", free_leadfield.gain[:, outer], normals)
    neighbours = (cdist(pos[outer], pos[outer]) < 1.1 * SPACING) & ~np.eye(outer.sum(), dtype=bool)
    return LeadField.from_arrays(
        gain,
        free_leadfield.pos[outer],
        info=free_leadfield.info,
        normals=normals,
        adjacency=sparse.csr_array(neighbours.astype(float)),
    )
