"""Anisotropic conductivity from an image of diffusion tensors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from mne.transforms import apply_trans

from headwater._utils.cache import content_hash
from headwater._utils.errors import InputError
from headwater.forward.fem.hexahedra import HexMesh
from headwater.head.conductivity import BRAINSTEM, CEREBELLAR_WHITE, WHITE
from headwater.head.model import Head

ANISOTROPIC = (WHITE, CEREBELLAR_WHITE, BRAINSTEM)
UPPER = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))  # order of the six volumes, as FSL and dcm2niix write them
LEAST_RATIO = 1e-3  # of the smallest to the largest eigenvalue of a tensor that is used


@dataclass(frozen=True, eq=False)
class TensorVolume:
    """Diffusion tensors on a voxel grid.

    A tensor D of an element of white matter becomes ``sigma D / det(D)^(1/3)``: it has the eigenvectors of D and the
    volume of the isotropic conductivity sigma (Wolters et al. 2006, NeuroImage 30, 813).

    Attributes
    ----------
    tensors : array of shape (n_i, n_j, n_k, 3, 3)
        In any unit, along the axes of the reference MRI frame; zero where unknown.
    affine : array of shape (4, 4)
        From voxel indices to the head's reference MRI frame, in metres.
    """

    tensors: np.ndarray
    affine: np.ndarray

    @property
    def fingerprint(self) -> str:
        """Hash of the tensors."""
        return content_hash(self.tensors, self.affine)

    def conductivities(self, mesh: HexMesh, sigma: np.ndarray, head: Head) -> np.ndarray:
        """Tensors of the elements (n_elements, 3, 3), isotropic where there is no usable one."""
        tensors = sigma[:, np.newaxis, np.newaxis] * np.eye(3)
        chosen = np.flatnonzero(np.isin([mesh.tissues[k] for k in mesh.tissue], ANISOTROPIC))
        voxel = np.rint(apply_trans(np.linalg.inv(self.affine), head.to_reference(mesh.centres[chosen]))).astype(int)
        held = ((voxel >= 0) & (voxel < self.tensors.shape[:3])).all(axis=1)
        chosen, voxel = chosen[held], voxel[held]
        found = self.tensors[tuple(voxel.T)]
        values = np.linalg.eigvalsh(found)
        usable = (values[:, 0] > LEAST_RATIO * values[:, 2]) & (values[:, 2] > 0)
        chosen, found, values = chosen[usable], found[usable], values[usable]
        if not len(chosen):
            raise InputError("No element of white matter has a diffusion tensor; check the affine of the tensor image.")
        tensors[chosen] = sigma[chosen, np.newaxis, np.newaxis] * found / np.cbrt(values.prod(axis=1))[:, None, None]
        return tensors


def read_tensors(path: str | Path) -> TensorVolume:
    """Read a NIfTI image of six volumes xx, xy, xz, yy, yz, zz whose world is the head's MRI frame, in mm."""
    image = nib.load(path)
    if len(image.shape) != 4 or image.shape[3] != 6:
        raise InputError(f"{Path(path).name} has the shape {image.shape}; give six volumes xx, xy, xz, yy, yz, zz.")
    six = np.nan_to_num(np.asarray(image.dataobj, float))
    tensors = np.zeros((*six.shape[:3], 3, 3))
    for volume, (row, column) in enumerate(UPPER):
        tensors[..., row, column] = tensors[..., column, row] = six[..., volume]
    affine = image.affine.astype(float)
    affine[:3] /= 1000
    return TensorVolume(tensors, affine)
