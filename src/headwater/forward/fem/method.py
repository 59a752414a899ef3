"""The finite-element method as a forward method: from a head, sensors and sources to a gain."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real

import mne
import numpy as np
from scipy import sparse

from headwater._utils.cache import cached_arrays, content_hash
from headwater._utils.errors import InputError
from headwater.forward.electrodes import against_reference, electrodes_of
from headwater.forward.fem.hexahedra import HexMesh, Locator, shape_functions
from headwater.forward.fem.magnetic import Coil, check_outside, coils_of, functionals
from headwater.forward.fem.meshing import hexahedra
from headwater.forward.fem.source_models import SourceModel, StVenant
from headwater.forward.fem.stiffness import current_matrix, stiffness
from headwater.forward.fem.tensors import TensorVolume
from headwater.forward.fem.transfer import transfer_matrix
from headwater.forward.placement import meg_positions, sensor_picks
from headwater.head.conductivity import BONE_TISSUES, BRAIN_TISSUES, CSF, TEN_TISSUES, TissueConductivities
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.tissue_volume import tissue_fingerprint, tissue_volume, tissue_volume_names

VERSION = 5  # of the numbers in the cache
FINEST, COARSEST = 0.5, 10.0  # mm
WITHIN = 1.0  # edges of an element: a source farther than this from the mesh of the brain and CSF lies outside


@dataclass(frozen=True)
class FEM:
    """Finite elements on hexahedra with nodes shifted to the boundaries of tissues.

    Parameters
    ----------
    resolution_mm : float
        Length of the edges: 2, or less for more exact fields in thin layers (time and memory grow with its cube).
    conductivities : TissueConductivities
    source_model : SourceModel
        ``StVenant()`` or ``PartialIntegration()``.
    tensors : TensorVolume | None
        Diffusion tensors for an anisotropic white matter.
    adapted : bool
        False: cubes, for comparison.

    Examples
    --------
    >>> import headwater as hw
    >>> hw.FEM(resolution_mm=3.0).resolution_mm
    3.0
    """

    resolution_mm: float = 2.0
    conductivities: TissueConductivities = TEN_TISSUES
    source_model: SourceModel = field(default_factory=StVenant)
    tensors: TensorVolume | None = None
    adapted: bool = True

    def __post_init__(self) -> None:
        if not (isinstance(self.resolution_mm, Real) and FINEST <= self.resolution_mm <= COARSEST):
            raise InputError(
                f"`resolution_mm` cannot be {self.resolution_mm!r}; give a length between {FINEST:g} and "
                f"{COARSEST:g} mm."
            )
        if not isinstance(self.conductivities, TissueConductivities):
            raise InputError(
                f"`conductivities` cannot be {self.conductivities!r}; give a table of tissues, for example "
                "headwater.head.conductivity.TEN_TISSUES."
            )

    def in_words(self) -> str:
        """Conductivities and mesh, for reports."""
        values = ", ".join(f"{tissue} {value:g}" for tissue, value in self.conductivities.values.items())
        tensors = "" if self.tensors is None else "; white matter anisotropic"
        return f"{values} S/m{tensors}; elements of {self.resolution_mm:g} mm"

    def gain(self, head: Head, info: mne.Info, pos: np.ndarray) -> np.ndarray:
        """Gain along x, y, z of head coordinates, kept on disk.

        Parameters
        ----------
        head : Head
        info : mne.Info
        pos : array of shape (n_sources, 3)
            In the head's MRI frame, in metres.

        Returns
        -------
        gain : array of shape (n_channels, n_sources, 3)
            V/(A m), T/(A m) or T/m/(A m); the channels of ``sensor_picks(info)``.
        """
        model = Discretised(head, self)
        eeg, meg = sensor_picks(info, meg=False), sensor_picks(info, eeg=False)
        sensors = [np.array([info["chs"][pick]["loc"] for pick in (*eeg, *meg)]), head.mri_head_t["trans"]]
        sensors += [] if info["dev_head_t"] is None else [info["dev_head_t"]["trans"]]
        coils = repr([int(info["chs"][pick]["coil_type"]) for pick in meg])
        key = content_hash(model.key, repr(self.source_model), pos, coils, *sensors)

        def compute() -> dict[str, np.ndarray]:
            gain = np.empty((len(info["ch_names"]), len(pos), 3))
            model.check_sources(pos)
            loads = self.source_model.loads(model.mesh, pos)
            if len(eeg):
                gain[eeg] = model.electric(info, eeg, loads)
            if len(meg):
                gain[meg] = model.magnetic(info, meg, pos, loads)
            return {"gain": gain[sensor_picks(info)] @ head.mri_head_t["trans"][:3, :3].T}

        return cached_arrays("gain", key, compute, shapes={"gain": (len(eeg) + len(meg), len(pos), 3)})["gain"]


class Discretised:
    """Mesh and matrices of a head; each is made when it is first needed.

    Parameters
    ----------
    head : Head
    fem : FEM
    """

    def __init__(self, head: Head, fem: FEM) -> None:
        self.head, self.fem = head, fem
        self.mesh_key = content_hash(VERSION, tissue_fingerprint(head), fem.resolution_mm, fem.adapted)
        values = sorted(fem.conductivities.values.items())
        tensors = "isotropic" if fem.tensors is None else fem.tensors.fingerprint
        self.key = content_hash(self.mesh_key, repr(values), tensors)

    @cached_property
    def mesh(self) -> HexMesh:
        """The mesh in the head's MRI frame, kept on disk."""
        arrays = cached_arrays(
            "mesh",
            self.mesh_key,
            self._mesh_arrays,
            shapes={"nodes": (None, 3), "elements": (None, 8), "tissue": (None,), "size": (1,)},
        )
        names = tissue_volume_names(self.head)
        return HexMesh(arrays["nodes"], arrays["elements"], arrays["tissue"], names, float(arrays["size"][0]))

    def _mesh_arrays(self) -> dict[str, np.ndarray]:
        volume, carried = tissue_volume(self.head)
        mesh = hexahedra(volume, 1e-3 * self.fem.resolution_mm, adapted=self.fem.adapted)
        nodes = self.head.from_reference(mesh.nodes) if carried else mesh.nodes
        return {"nodes": nodes, "elements": mesh.elements, "tissue": mesh.tissue, "size": np.array([mesh.size])}

    @cached_property
    def sigma(self) -> np.ndarray:
        """Conductivity of each element (n_elements,), or its tensor (n_elements, 3, 3)."""
        present, which = np.unique(self.mesh.tissue, return_inverse=True)  # not air, which is in no mesh
        sigma = self.fem.conductivities.of(tuple(self.mesh.tissues[k] for k in present))[which]
        return sigma if self.fem.tensors is None else self.fem.tensors.conductivities(self.mesh, sigma, self.head)

    @cached_property
    def nodes(self) -> np.ndarray:
        """Nodes that can bear the load of a source."""
        return self.fem.source_model.nodes(self.mesh)

    def check_sources(self, pos: np.ndarray) -> None:
        """Refuse sources outside brain and CSF."""
        chosen = np.isin([*self.mesh.tissues], (*BRAIN_TISSUES, CSF))[self.mesh.tissue]
        within = HexMesh(
            self.mesh.nodes, self.mesh.elements[chosen], self.mesh.tissue[chosen], self.mesh.tissues, self.mesh.size
        )
        outside = int((Locator(within)(pos)[2] > WITHIN).sum())
        if outside:
            raise InputError(
                f"{outside} sources lie outside the brain of the finite-element mesh; raise `mindist`, or use "
                "`within='brain'`."
            )

    def electric(self, info: mne.Info, picks: np.ndarray, loads: sparse.csr_array) -> np.ndarray:
        """Gain of EEG channels along the axes of the MRI, shape (n_channels, n_sources, 3)."""
        electrodes, referenced, which = electrodes_of(info, picks)
        electrodes = self._on_scalp(self.head.to_mri(electrodes))
        keys = [content_hash(self.key, "electrode", place) for place in electrodes]
        rows = transfer_matrix(
            self.stiffness,
            lambda some: self._electrode_loads(electrodes[some]),
            keys,
            self.nodes,
        )
        return against_reference(_applied(rows, loads, self.nodes), referenced, which)

    def magnetic(self, info: mne.Info, picks: np.ndarray, pos: np.ndarray, loads: sparse.csr_array) -> np.ndarray:
        """Gain of MEG channels along the axes of the MRI, shape (n_channels, n_sources, 3)."""
        surface = self.head.inner_skull if self.head.scalp is None else self.head.scalp
        off = NearestPoint(surface.rr, surface.tris)(self.head.to_mri(meg_positions(info, picks)))[1]
        check_outside(info, picks, off)
        coils = coils_of(info, picks, np.linalg.inv(self.head.mri_head_t["trans"]))
        keys = [content_hash(self.key, "coil", coil.points, coil.directions, coil.weights) for coil in coils]
        rows = transfer_matrix(
            self.stiffness, lambda some: self._coil_loads([coils[k] for k in some]), keys, self.nodes
        )
        return _applied(rows, loads, self.nodes) + np.stack([coil.sees(pos) for coil in coils])

    def stiffness(self) -> sparse.csr_array:
        """Assemble the stiffness matrix."""
        return stiffness(self.mesh, self.sigma)

    @cached_property
    def _current(self) -> sparse.csr_array:
        return current_matrix(self.mesh, self.sigma)

    @cached_property
    def _locator(self) -> Locator:
        return Locator(self.mesh)

    def _on_scalp(self, electrodes: np.ndarray) -> np.ndarray:
        """Move electrodes (n, 3) that are in skull or brain to the nearest place of the scalp, as boundary elements do.

        Measured positions lie some millimetres inside a head that is not their own.
        """
        if self.head.scalp is None:
            return electrodes
        elements = self._locator(electrodes)[0]
        within = [k for k, name in enumerate(self.mesh.tissues) if name in (*BRAIN_TISSUES, *BONE_TISSUES, CSF)]
        deep = np.isin(self.mesh.tissue[elements], within)
        nearest = NearestPoint(self.head.scalp.rr, self.head.scalp.tris)(electrodes)[0]
        return np.where(deep[:, np.newaxis], nearest, electrodes)

    def _electrode_loads(self, electrodes: np.ndarray) -> np.ndarray:
        """Potential at points of the scalp, minus the mean over all nodes, shape (n_nodes, n_electrodes)."""
        elements, local, _ = self._locator(electrodes)
        loads = np.zeros((len(self.mesh.nodes), len(electrodes)))
        weights = shape_functions(np.clip(local, 0, 1))
        np.put_along_axis(loads, self.mesh.elements[elements].T.astype(int), weights.T, axis=0)
        return loads - 1 / len(loads)

    def _coil_loads(self, coils: list[Coil]) -> np.ndarray:
        return functionals(self._current, self.mesh.centres, coils)


def _applied(rows: np.ndarray, loads: sparse.csr_array, nodes: np.ndarray) -> np.ndarray:
    """Compute what sensors see of loads, shape (n_sensors, n_sources, 3)."""
    seen = sparse.csr_array(loads[nodes].T) @ rows.T.astype(float)
    return seen.T.reshape(len(rows), -1, 3)
