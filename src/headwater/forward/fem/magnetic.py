"""Magnetic fields of the source current and of the currents that it drives through the head.

A coil with integration points r_k, directions n_k and weights w_k sees of a current density J

    y = int J . V,    V(r') = mu_0 / 4 pi sum_k w_k (r_k - r') x n_k / |r_k - r'|^3

(Biot and Savart). For the dipole itself that is q . V at its position. For the volume current J = -sigma grad u it is
a linear functional of the nodal potentials, ``s_i = - int sigma grad phi_i . V``, and so has a transfer matrix as an
electrode has. V is taken at the centres of the elements, which are far smaller than their distance from the coils.
"""

from __future__ import annotations

from dataclasses import dataclass

import mne
import numpy as np
from mne.forward._make_forward import _create_meg_coils
from scipy import sparse

from headwater._utils.errors import InputError
from headwater.forward.placement import meg_positions
from headwater.forward.sphere import MU0_4PI


@dataclass(frozen=True, eq=False)
class Coil:
    """Integration points of a MEG sensor, in the frame of the mesh.

    Attributes
    ----------
    points, directions : array of shape (n_points, 3)
    weights : array of shape (n_points,)
    """

    points: np.ndarray
    directions: np.ndarray
    weights: np.ndarray

    def sees(self, pos: np.ndarray) -> np.ndarray:
        """Field of unit current dipoles along x, y, z at positions (n, 3), without volume currents, shape (n, 3)."""
        seen = np.zeros_like(pos)
        for point, direction, weight in zip(self.points, self.directions, self.weights, strict=True):
            offset = point - pos
            distance = np.sqrt(np.einsum("nx,nx->n", offset, offset))
            seen += np.cross(offset, direction) * (MU0_4PI * weight / distance**3)[:, np.newaxis]
        return seen


def coils_of(info: mne.Info, picks: np.ndarray, head_mri: np.ndarray) -> list[Coil]:
    """Coils of MEG channels, with MNE-Python's integration points, carried by ``head_mri`` (4, 4) to the mesh."""
    if any(comp["data"]["data"].any() for comp in info["comps"]):
        raise InputError(
            "method='fem' cannot compute fields with the compensation of reference sensors; undo it with "
            "raw.apply_gradient_compensation(0), or use method='bem'."
        )
    meg = _create_meg_coils([info["chs"][pick] for pick in picks], "accurate", info["dev_head_t"])
    turn, shift = head_mri[:3, :3], head_mri[:3, 3]
    return [Coil(coil["rmag"] @ turn.T + shift, coil["cosmag"] @ turn.T, coil["w"]) for coil in meg]


def check_outside(info: mne.Info, picks: np.ndarray, distance: np.ndarray) -> None:
    """Refuse MEG sensors inside the head, by their signed distances (n_sensors,) from the scalp."""
    if inside := [info["ch_names"][pick] for pick, off in zip(picks, distance, strict=True) if off < 0]:
        raise InputError(
            f"The MEG sensors {', '.join(inside)} are inside the head; check info['dev_head_t'] and the coregistration."
        )


def sensor_places(info: mne.Info, picks: np.ndarray) -> np.ndarray:
    """Positions of MEG sensors in head coordinates, shape (n_sensors, 3)."""
    return meg_positions(info, picks)


def functionals(current: sparse.csr_array, centres: np.ndarray, coils: list[Coil]) -> np.ndarray:
    """Functionals of the nodal potentials, shape (n_nodes, n_coils).

    Parameters
    ----------
    current : sparse array of shape (n_nodes, 3 n_elements)
        See `headwater.forward.fem.stiffness.current_matrix`.
    centres : array of shape (n_elements, 3)
    coils : list of Coil
    """
    return np.stack([-(current @ coil.sees(centres).ravel()) for coil in coils], axis=1)
