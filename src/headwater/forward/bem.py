"""Potentials in a head of nested homogeneous compartments, by the boundary-element method.

Linear collocation with deflation and the isolated-problem approach for a poorly conducting skull (Hamalainen and Sarvas
1989, IEEE Trans. Biomed. Eng. 36, 165; Mosher, Leahy and Lewis 1999, IEEE Trans. Biomed. Eng. 46, 245), as in
MNE-Python and with its numbers, but an order of magnitude faster to set up. With Omega the solid angles of
`headwater.forward.collocation`, the vertex potentials due to infinite-medium potentials ``v`` are ``S (m v) / 4 pi``,

    S = (I + 1/n - gamma Omega / 2 pi)^-1,    gamma_ij = (inside_j - outside_j) / (inside_i + outside_i)

and ``m`` is 2 / (inside + outside) on each surface. EEG needs the rows of S at the electrodes only (one LU
factorisation); MEG needs all of S (its inverse).
"""

from __future__ import annotations

import mne
import numpy as np
import scipy.linalg
from mne.io.constants import FIFF

from headwater._utils.cache import cached_arrays, content_hash
from headwater._utils.errors import InputError
from headwater._utils.progress import track
from headwater.forward.collocation import PreparedMesh, add_own_triangles, potential_matrix
from headwater.forward.layers import Layers, check_closed, head_layers
from headwater.head.anatomy import Surface
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head

VERSION = 1  # of the numbers in the cache
# Relative skull conductivity up to which the isolated-problem approach is used, as in MNE-Python.
ISOLATED_PROBLEM_LIMIT = 0.1


def make_bem(head: Head, *, n_layers: int = 3, ico: int = 4, solver: str = "own") -> mne.bem.ConductorModel:
    """Solve the boundary-element model of a head, ready for ``mne.make_forward_solution``.

    Parameters
    ----------
    head : Head
        Its own ``conductor`` is returned if it has one.
    n_layers : int
        3, or 1 for MEG alone.
    ico : int
        Grade of the icosahedra to which surfaces are thinned out. Median errors of EEG against concentric spheres:
        relative difference .03 and magnitude .92 at 3, .008 and .98 at 4.
    solver : str
        ``"own"`` or ``"openmeeg"`` (symmetric BEM: more exact and slower; ``pip install openmeeg``).

    Returns
    -------
    bem : mne.bem.ConductorModel
        In MRI coordinates. Kept on disk, so that the same model is solved once.
    """
    if head.conductor is not None:
        return head.conductor
    layers = head_layers(head, n_layers=n_layers, ico=ico)
    if solver == "openmeeg":
        return _openmeeg_model(layers)
    if solver != "own":
        raise InputError(f"There is no BEM solver {solver!r}; choose 'own' or 'openmeeg'.")
    key = content_hash(layers.fingerprint, VERSION)
    # Single precision, as in MNE's own files: relative rounding 6e-8, far below the error of the method.
    n = len(layers.vertices)
    solution = cached_arrays(
        "bem", key, lambda: {"solution": solve(layers).astype(np.float32)}, shapes={"solution": (n, n)}
    )["solution"]
    return conductor_model(layers, solution)


def electrode_rows(layers: Layers, electrodes: np.ndarray) -> np.ndarray:
    """Rows of the solution at electrodes on the scalp, shape (n_electrodes, n_vertices); kept on disk.

    Parameters
    ----------
    layers : Layers
        Three of them.
    electrodes : array of shape (n_electrodes, 3)
        In MRI coordinates, in metres; moved to the nearest point of the scalp surface.
    """
    key = content_hash(layers.fingerprint, electrodes, VERSION)
    return cached_arrays(
        "bem-eeg",
        key,
        lambda: {"rows": solve_rows(layers, electrodes)},
        shapes={"rows": (len(electrodes), len(layers.vertices))},
    )["rows"]


def conductor_layers(conductor: mne.bem.ConductorModel) -> Layers:
    """Surfaces and conductivities of a boundary-element model that came from elsewhere."""
    surfaces = tuple(Surface(rr=surface["rr"], tris=surface["tris"]) for surface in conductor["surfs"])
    return Layers(surfaces, np.asarray(conductor["sigma"], dtype=float))


def conductor_rows(conductor: mne.bem.ConductorModel, electrodes: np.ndarray) -> np.ndarray:
    """Rows of a solution at electrodes on the scalp, shape (n_electrodes, n_vertices)."""
    scalp = conductor_layers(conductor).surfaces[0]
    triangles, weights = on_surface(electrodes, scalp)
    return np.einsum("ek,ekv->ev", weights, conductor["solution"][scalp.tris[triangles]])


def solve(layers: Layers) -> np.ndarray:
    """Solution matrix of all vertices, shape (n_vertices, n_vertices)."""
    system, brain = _system(layers)
    solution = _inverse(system)
    if brain is not None:
        _isolate(solution, layers, brain)
    return solution


def solve_rows(layers: Layers, electrodes: np.ndarray) -> np.ndarray:
    """Rows of `solve` at electrodes on the scalp, shape (n_electrodes, n_vertices)."""
    weights = np.zeros((len(electrodes), len(layers.vertices)))
    triangles, corner_weights = on_surface(electrodes, layers.surfaces[0])
    np.put_along_axis(weights, layers.surfaces[0].tris[triangles], corner_weights, axis=1)
    system, brain = _system(layers)
    rows = _solve_left(system, weights)
    if brain is not None:
        inner = layers.slices[-1]
        rows[:, inner] -= 2 * _solve_left(brain, rows[:, inner])
        rows *= layers.sigma[1] / layers.sigma[2]
    return rows


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Invert a matrix, destroying it."""
    # The transpose of a row-major matrix is column-major: LAPACK then works in its place.
    return scipy.linalg.inv(matrix.T, overwrite_a=True, check_finite=False).T


def _solve_left(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Solve ``x matrix = rows``, destroying the matrix."""
    factors = scipy.linalg.lu_factor(matrix.T, overwrite_a=True, check_finite=False)
    return scipy.linalg.lu_solve(factors, rows.T, check_finite=False).T


def _system(layers: Layers) -> tuple[np.ndarray, np.ndarray | None]:
    """Matrix of the boundary-element equations and, for a poorly conducting skull, that of the brain alone."""
    check_closed(layers)
    meshes = [PreparedMesh.from_surface(surface) for surface in layers.surfaces]
    slices = layers.slices
    n = slices[-1].stop
    system = np.empty((n, n))
    brain = None
    isolated = len(slices) == 3 and layers.sigma[1] <= ISOLATED_PROBLEM_LIMIT * layers.sigma[2]
    pairs = [(i, j) for i in range(len(slices)) for j in range(len(slices))]
    for i, j in track(pairs, "Boundary elements", total=len(pairs)):
        block = system[slices[i], slices[j]]
        for rows, values in potential_matrix(meshes[i], meshes[j]):
            block[rows] = values
        if i == j:
            add_own_triangles(block, layers.surfaces[i])
        elif abs(i - j) == 1:
            _check_nested(block, layers, i, j)
        if isolated and i == j == 2:
            brain = block.copy()
            _deflate(brain, 1.0, len(brain))
            np.fill_diagonal(brain, brain.diagonal() + 1.0)
        _deflate(block, (layers.sigma[j] - layers.outside[j]) / (layers.sigma[i] + layers.outside[i]), n)
    np.fill_diagonal(system, system.diagonal() + 1.0)
    return system, brain


def _deflate(angles: np.ndarray, gamma: float, n: int) -> None:
    """Turn solid angles into ``1/n - gamma Omega / 2 pi``, in place."""
    angles *= -gamma / (2 * np.pi)
    angles += 1.0 / n


def _isolate(solution: np.ndarray, layers: Layers, brain: np.ndarray) -> None:
    """Add the isolated-problem correction to a solution, in place."""
    inner = layers.slices[-1]
    ratio = layers.sigma[1] / layers.sigma[2]
    isolated = _inverse(brain)
    solution[:, inner] -= 2 * (solution[:, inner] @ isolated)
    solution[inner, inner] += (1 + ratio) / ratio * isolated
    solution *= ratio


def _check_nested(angles: np.ndarray, layers: Layers, i: int, j: int) -> None:
    """Refuse surfaces that cut each other: seen from inside a closed surface fills 4 pi, from outside 0."""
    expected = 4 * np.pi if i > j else 0.0
    if np.abs(angles.sum(axis=1) - expected).max() > 1e-3:
        inner, outer = (layers.names[max(i, j)], layers.names[min(i, j)])
        raise InputError(
            f"The {inner} surface is not completely inside the {outer} surface; smooth or shrink one of them."
        )


def on_surface(points: np.ndarray, surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    """Nearest points of a surface.

    Returns
    -------
    triangles : int array of shape (n_points,)
    weights : array of shape (n_points, 3)
        Barycentric coordinates in the triangle.
    """
    return NearestPoint(surface.rr, surface.tris).on_triangles(points)


def conductor_model(layers: Layers, solution: np.ndarray) -> mne.bem.ConductorModel:
    """Solution in the form that MNE's forward computation reads."""
    inside, outside = layers.sigma, layers.outside
    return mne.bem.ConductorModel(
        is_sphere=False,
        surfs=layers.mne_surfaces(),
        sigma=inside,
        source_mult=layers.source_mult,
        field_mult=inside - outside,
        gamma=(inside - outside) / (inside + outside)[:, np.newaxis],
        solution=solution,
        nsol=len(solution),
        bem_method=FIFF.FIFFV_BEM_APPROX_LINEAR,
        solver="mne",
    )


def _openmeeg_model(layers: Layers) -> mne.bem.ConductorModel:
    """Solve with OpenMEEG, through MNE."""
    try:
        import openmeeg  # noqa: F401
    except ImportError as error:
        raise InputError(
            "OpenMEEG is not installed; pip install 'headwater[openmeeg]', or use solver='own'."
        ) from error
    model = conductor_model(layers, np.empty((0, 0)))
    key = content_hash(layers.fingerprint, "openmeeg")
    solution = cached_arrays(
        "bem",
        key,
        lambda: {
            "solution": mne.make_bem_solution(layers.mne_surfaces(), solver="openmeeg", verbose="error")["solution"]
        },
        shapes={"solution": (None,)},  # packed
    )["solution"]
    # OpenMEEG keeps a packed symmetric matrix whose size also counts the normal currents.
    model.update(solution=solution, nsol=int((np.sqrt(8 * solution.size + 1) - 1) / 2), solver="openmeeg")
    return model
