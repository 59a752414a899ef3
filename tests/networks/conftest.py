"""Small lead fields for networks."""

import mne
import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.distance import cdist

from headwater.forward.leadfield import LeadField

SPACING = 0.025


@pytest.fixture(scope="session")
def info() -> mne.Info:
    """A cap of 32 electrodes."""
    names = mne.channels.make_standard_montage("biosemi32").ch_names
    return mne.create_info(names, 100.0, "eeg").set_montage("biosemi32")


@pytest.fixture(scope="session")
def free_leadfield(info) -> LeadField:
    """Sources every 25 mm in a sphere, three orientations."""
    sphere = mne.make_sphere_model("auto", "auto", info, verbose="error")
    src = mne.setup_volume_source_space(sphere=sphere, pos=1e3 * SPACING, verbose="error")
    return LeadField.from_forward(mne.make_forward_solution(info, trans=None, src=src, bem=sphere, verbose="error"))


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
