"""What differs between heads: shape, electrode positions, conductivities, drawn from a seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headwater.head.anatomy import Conductivities
from headwater.head.warp import Warp

MAX_SCALE = 0.05  # largest relative change of size along each axis
DISPLACEMENT = 0.005  # median length of the displacement field, metres
LENGTH = 0.05  # its correlation length, metres
JITTER = 0.003  # standard deviation of electrode positions along each direction of the scalp, metres

# Centre and largest factor of the log-uniform conductivities (S/m), which span the values in use: the skull at .0113 is
# 30 times less conductive than the brain; half and double that are 60 and 15 times.
CONDUCTIVITY = {"brain": (0.332, 1.5), "skull": (0.0113, 2.0), "scalp": (0.332, 1.5)}


def random_warp(
    points: np.ndarray, rng: np.random.Generator, strength: float, previous: Warp | None, n_waves: int = 64
) -> Warp:
    """Draw a displacement field, and scales along the axes about the mean of some points.

    Parameters
    ----------
    points : array of shape (n_points, 3)
        Where the displacement has its promised median length: the inner skull, in metres.
    rng : numpy.random.Generator
    strength : float
        1 for the scale and displacement above.
    previous : Warp | None
        The warp that led to ``points``.
    n_waves : int
    """
    warp = Warp(
        affine=np.eye(4),
        frequencies=rng.standard_normal((n_waves, 3)) / LENGTH,
        phases=rng.uniform(0, 2 * np.pi, n_waves),
        amplitudes=rng.standard_normal((n_waves, 3)),
        previous=previous,
    )
    median = np.median(np.linalg.norm(warp.displacement(points), axis=1))
    affine = np.diag([*(1 + strength * rng.uniform(-MAX_SCALE, MAX_SCALE, 3)), 1.0])
    affine[:3, 3] = (np.eye(3) - affine[:3, :3]) @ points.mean(axis=0)
    return replace(warp, affine=affine, amplitudes=warp.amplitudes * (strength * DISPLACEMENT / median))


def drawn_conductivities(own: Conductivities, seed: np.random.SeedSequence, strength: float) -> Conductivities:
    """Move conductivities towards a draw, by ``strength`` in the logarithm."""
    rng = np.random.default_rng(seed)
    values = {}
    for layer, (centre, factor) in CONDUCTIVITY.items():
        drawn = centre * factor ** rng.uniform(-1, 1)
        values[layer] = float(getattr(own, layer) * (drawn / getattr(own, layer)) ** strength)
    return Conductivities(**values)
