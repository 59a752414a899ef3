"""Concentric spheres as label volumes and as heads, for comparison with the exact series."""

from dataclasses import replace

import mne
import numpy as np

from headwater.head.anatomy import LabelVolume
from headwater.head.conductivity import COMPACT, CSF, SCALP, WHITE
from headwater.head.model import Head

TISSUES = (WHITE, CSF, COMPACT, SCALP)


def sphere_labels(radii: np.ndarray, voxel: float, centre: np.ndarray | None = None) -> LabelVolume:
    """Label voxels by the shell that holds their middle, innermost shell first."""
    centre = np.zeros(3) if centre is None else centre
    n = int(np.ceil(radii[-1] / voxel)) + 1
    axis = (np.arange(2 * n) - n + 0.5) * voxel + 0.2 * voxel  # the sphere lies oddly on the grid
    distance = np.linalg.norm(np.stack(np.meshgrid(axis, axis, axis, indexing="ij")), axis=0)
    shell = np.searchsorted(radii, distance)
    affine = np.diag([voxel, voxel, voxel, 1.0])
    affine[:3, 3] = axis[0] + centre
    return LabelVolume(np.where(shell < len(radii), shell + 1, 0).astype(np.uint8), affine, TISSUES)


def sphere_head(ball: Head, radii: np.ndarray, voxel: float) -> Head:
    """Give the ball a segmentation."""
    centre = ball.inner_skull.rr.mean(axis=0)
    return replace(ball, tissues=sphere_labels(radii, voxel, centre))


def errors(found: np.ndarray, exact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RDM and MAG of each dipole, against the average reference; gains (n_channels, n_dipoles)."""
    found, exact = found - found.mean(axis=0), exact - exact.mean(axis=0)
    sizes = np.linalg.norm(found, axis=0), np.linalg.norm(exact, axis=0)
    return np.linalg.norm(found / sizes[0] - exact / sizes[1], axis=0), sizes[0] / sizes[1]


def dipoles(eccentricity: float, radius: float, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Places and unit moments of dipoles: half of them radial, half tangential."""
    rng = np.random.default_rng(seed)
    outwards = rng.normal(size=(n, 3))
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    across = np.cross(outwards, rng.normal(size=(n, 3)))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return eccentricity * radius * outwards, np.where(np.arange(n)[:, np.newaxis] < n // 2, outwards, across)


def scalp_points(radius: float, n: int, seed: int = 1) -> np.ndarray:
    """Electrodes on the upper half of a sphere."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3))
    points[:, 2] = np.abs(points[:, 2])
    return radius * points / np.linalg.norm(points, axis=1, keepdims=True)


def eeg_info(electrodes: np.ndarray) -> mne.Info:
    """Electrodes at points in head coordinates."""
    info = mne.create_info(len(electrodes), 1.0, "eeg")
    for channel, place in zip(info["chs"], electrodes, strict=True):
        channel["loc"][:3] = place
    return info
