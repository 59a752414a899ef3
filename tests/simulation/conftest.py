"""Small lead fields with known geometry."""

import mne
import numpy as np
import pytest
from scipy import sparse
from scipy.spatial.transform import Rotation

from headwater.forward.leadfield import LeadField

RADIUS = 0.07  # m, of the spherical "cortex"


def _eeg_info(n_channels: int) -> mne.Info:
    return mne.create_info([f"EEG{i:03d}" for i in range(n_channels)], 100.0, "eeg")


def _gain(n_channels: int, pos: np.ndarray, n_orient: int, seed: int) -> np.ndarray:
    """Potential of dipoles in an infinite medium at random places of a sphere: smooth, and of the right size."""
    rng = np.random.default_rng(seed)
    sensors = rng.standard_normal((n_channels, 3))
    sensors *= 0.1 / np.linalg.norm(sensors, axis=1, keepdims=True)
    away = sensors[:, None] - pos
    gain = away / (4 * np.pi * 0.3 * np.linalg.norm(away, axis=2, keepdims=True) ** 3)
    return (
        gain
        if n_orient == 3
        else np.einsum("cnx,nx->cn", gain, pos / np.linalg.norm(pos, axis=1, keepdims=True))[..., None]
    )


def _sphere(grade: int) -> tuple[np.ndarray, sparse.csr_array]:
    surface = mne.surface._get_ico_surface(grade)
    tilt = Rotation.from_euler("xyz", [0.3, 0.2, 0.1])  # so that no normal is exactly the z axis, which marks a volume
    i, j = np.concatenate([surface["tris"][:, [0, 1]], surface["tris"][:, [1, 2]], surface["tris"][:, [2, 0]]]).T
    graph = sparse.csr_array((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), shape=(surface["np"],) * 2)
    graph.data[:] = 1.0
    return tilt.apply(surface["rr"]) * RADIUS, graph


def _grid(spacing: float, radius: float) -> tuple[np.ndarray, sparse.csr_array]:
    axis = np.arange(-radius, radius + spacing / 2, spacing)
    index = np.stack(np.meshgrid(*[np.arange(len(axis))] * 3, indexing="ij"), -1).reshape(-1, 3)
    pos = axis[index]
    index, pos = index[np.linalg.norm(pos, axis=1) <= radius], pos[np.linalg.norm(pos, axis=1) <= radius]
    step = np.abs(index[:, None] - index[None]).sum(2)
    return pos, sparse.csr_array((step == 1).astype(float))


@pytest.fixture(scope="session")
def volume() -> LeadField:
    """Free orientation on a 10 mm grid within 60 mm, 20 EEG channels."""
    pos, graph = _grid(0.010, 0.06)
    return LeadField.from_arrays(
        _gain(20, pos, 3, seed=0), pos, info=_eeg_info(20), adjacency=graph,
        regions=["left" if x < -1e-6 else "right" for x in pos[:, 0]],
    )  # fmt: skip


@pytest.fixture(scope="session")
def cortex() -> LeadField:
    """Fixed orientation on a sphere of 642 vertices, upper and lower region, 20 EEG channels."""
    pos, graph = _sphere(3)
    return LeadField.from_arrays(
        _gain(20, pos, 1, seed=1), pos, info=_eeg_info(20), normals=pos, adjacency=graph,
        regions=["upper" if z > 0 else "lower" for z in pos[:, 2]],
    )  # fmt: skip


@pytest.fixture(scope="session")
def mixed() -> LeadField:
    """Free orientation: a sphere with normals around two small grids of deep nuclei, 30 EEG channels."""
    sphere, surface_graph = _sphere(3)
    nucleus, nucleus_graph = _grid(0.003, 0.010)
    shift = np.array([0.015, 0.0, 0.0])
    pos = np.concatenate([sphere, nucleus - shift, nucleus + shift])
    normals = np.concatenate([sphere / RADIUS, np.zeros((2 * len(nucleus), 3))])
    regions = ["upper" if z > 0 else "lower" for z in sphere[:, 2]]
    regions += ["Left-Thalamus"] * len(nucleus) + ["Right-Thalamus"] * len(nucleus)
    return LeadField.from_arrays(
        _gain(30, pos, 3, seed=2), pos, info=_eeg_info(30), normals=normals, regions=regions,
        adjacency=sparse.csr_array(sparse.block_diag([surface_graph, nucleus_graph, nucleus_graph])),
    )  # fmt: skip
