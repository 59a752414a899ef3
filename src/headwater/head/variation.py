"""Another head: a different shape, misplaced electrodes, other conductivities.

A method that is tested on the head it was made with is tested too kindly ("inverse crime"); a varied head is as far
from its original as one person's head is from another's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from mne.transforms import Transform, get_ras_to_neuromag_trans

from headwater._utils.errors import InputError
from headwater.head.geometry import NearestPoint
from headwater.head.model import Conductivities, Head, Surface
from headwater.head.warp import Warp

MAX_SCALE = 0.05  # largest relative change of size along each axis
DISPLACEMENT = 0.005  # median length of the displacement field, metres
LENGTH = 0.05  # its correlation length, metres
JITTER = 0.003  # standard deviation of electrode positions along each direction of the scalp, metres

# Centre and largest factor of the log-uniform conductivities (S/m), which span the values in use: the skull at .0113 is
# 30 times less conductive than the brain; half and double that are 60 and 15 times.
CONDUCTIVITY = {"brain": (0.332, 1.5), "skull": (0.0113, 2.0), "scalp": (0.332, 1.5)}

# Least distances between the surfaces of a head that is accepted, metres.
LEAST_SKULL, LEAST_SCALP = 0.002, 0.0015


def varied(head: Head, seed: int, *, geometry: float = 1.0, electrodes: float = 1.0, conductivity: float = 1.0) -> Head:
    """Make another head.

    Parameters
    ----------
    head : Head
    seed : int
        The same seed gives the same head.
    geometry : float
        Strength of the change of shape: 1 for a scale of up to 5 % along each axis and a smooth displacement of 5 mm
        (median), 0 for none.
    electrodes : float
        Strength of the electrode misplacement that the head carries: 1 for a standard deviation of 3 mm.
    conductivity : float
        Strength of the change of conductivities, in the logarithm: 1 for log-uniform draws around .332, .0113 and .332
        S/m, 0 for those of ``head``.

    Returns
    -------
    other : Head
        Vertex i of its cortex is vertex i of ``head``'s; region names and MNI coordinates follow through its ``warp``.
    """
    shape_seed, electrode_seed, conductivity_seed = np.random.SeedSequence(seed).spawn(3)
    other = head if geometry == 0 else _reshaped(head, shape_seed, geometry)
    return replace(
        other,
        name=f"{head.name}, varied with seed {seed}",
        conductivities=_drawn_conductivities(head.conductivities, conductivity_seed, conductivity),
        conductor=head.conductor if geometry == conductivity == 0 else None,
        electrode_jitter=JITTER * electrodes,
        electrode_seed=int(electrode_seed.generate_state(1)[0]),
    )


def warped(head: Head, warp: Warp) -> Head:
    """Carry every surface of a head along; ``warp.previous`` must be the head's own warp."""
    step = replace(warp, previous=None)

    def carried(surface: Surface | None) -> Surface | None:
        return None if surface is None else Surface(step.forward(surface.rr), surface.tris)

    def carried_pair(pair: tuple[Surface, Surface]) -> tuple[Surface, Surface]:
        left, right = (Surface(step.forward(surface.rr), surface.tris) for surface in pair)
        return left, right

    cortex = head.cortex
    if cortex is not None:
        cortex = replace(cortex, white=carried_pair(cortex.white), pial=carried_pair(cortex.pial))
    fiducials = {name: step.forward(pos) for name, pos in head.fiducials.items()}
    return replace(
        head,
        inner_skull=Surface(step.forward(head.inner_skull.rr), head.inner_skull.tris),
        outer_skull=carried(head.outer_skull),
        scalp=carried(head.scalp),
        cortex=cortex,
        fiducials=fiducials,
        mri_head_t=_carried_frame(head, fiducials),
        warp=warp,
        conductor=None,
    )


def is_nested(head: Head) -> bool:
    """Whether the surfaces lie inside each other with enough room, and the cortex inside the inner skull."""
    layers = [(head.inner_skull, head.outer_skull, LEAST_SKULL), (head.outer_skull, head.scalp, LEAST_SCALP)]
    for within, outside, least in layers:
        if within is None or outside is None:
            continue
        if (NearestPoint(outside.rr, outside.tris)(within.rr)[1] > -least).any():
            return False
    if head.cortex is None:
        return True
    inner = NearestPoint(head.inner_skull.rr, head.inner_skull.tris, n_candidates=8)
    return all((inner(white.rr)[1] < 0).all() for white in head.cortex.white)


def _reshaped(head: Head, seed: np.random.SeedSequence, strength: float) -> Head:
    """Return the head under the first random warp that keeps its surfaces nested."""
    for child in seed.spawn(20):
        other = warped(head, _random_warp(head, np.random.default_rng(child), strength))
        if is_nested(other):
            return other
    raise InputError(f"No head of geometry={strength:g} keeps its surfaces inside each other; use a smaller geometry.")


def _random_warp(head: Head, rng: np.random.Generator, strength: float, n_waves: int = 64) -> Warp:
    """Draw scales along the axes (about the middle of the inner skull) and a displacement field."""
    warp = Warp(
        affine=np.eye(4),
        frequencies=rng.standard_normal((n_waves, 3)) / LENGTH,
        phases=rng.uniform(0, 2 * np.pi, n_waves),
        amplitudes=rng.standard_normal((n_waves, 3)),
        previous=head.warp,
    )
    points = head.inner_skull.rr
    median = np.median(np.linalg.norm(warp.displacement(points), axis=1))
    affine = np.diag([*(1 + strength * rng.uniform(-MAX_SCALE, MAX_SCALE, 3)), 1.0])
    affine[:3, 3] = (np.eye(3) - affine[:3, :3]) @ points.mean(axis=0)
    return replace(warp, affine=affine, amplitudes=warp.amplitudes * (strength * DISPLACEMENT / median))


def _carried_frame(head: Head, fiducials: dict[str, np.ndarray]) -> Transform:
    """Head coordinates that move with the fiducials, by as much as the frames that old and new fiducials define differ.

    For a head whose own coordinates are those of its fiducials, these are simply the new fiducials' coordinates.
    """
    if len(fiducials) < 3:
        return head.mri_head_t
    old, new = (
        get_ras_to_neuromag_trans(found["nasion"], found["lpa"], found["rpa"]) for found in (head.fiducials, fiducials)
    )
    return Transform("mri", "head", head.mri_head_t["trans"] @ np.linalg.inv(old) @ new)


def _drawn_conductivities(own: Conductivities, seed: np.random.SeedSequence, strength: float) -> Conductivities:
    """Move the head's conductivities towards a draw, by ``strength`` in the logarithm."""
    rng = np.random.default_rng(seed)
    values = {}
    for layer, (centre, factor) in CONDUCTIVITY.items():
        drawn = centre * factor ** rng.uniform(-1, 1)
        values[layer] = float(getattr(own, layer) * (drawn / getattr(own, layer)) ** strength)
    return Conductivities(**values)
