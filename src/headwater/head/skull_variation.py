"""What differs between skulls, and between a skull and its segmentation, drawn from a seed.

Only the three surfaces change: sources, cortex and MNI coordinates stay where they are.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from headwater.head.anatomy import Surface
from headwater.head.geometry import NearestPoint, vertex_normals

THICKNESS = 0.25  # standard deviation of the logarithm of the thickness of the skull
THICKNESS_LENGTH = 0.04  # correlation length of the thickness, metres
N_THIN, THIN_RADIUS = 12, 0.008  # thin places (foramina, sutures, burr holes): number, and radius in metres
ERROR, ERROR_LENGTH = 0.001, 0.015  # of a segmented surface: standard deviation and correlation length, metres
THINNEST_SKULL, THINNEST_SCALP = 0.0025, 0.0025  # metres, at vertices
CLEARANCE = 0.0002  # metres from vertices of the white surface to the inner skull
NEAR_SKULL = 0.012  # metres from vertices of the inner skull to those of the white surface that it might cut off
N_WAVES = 64
PUSHES = 20

Layers = tuple[Surface, Surface, Surface]  # inner skull, outer skull, scalp


def with_thickness(layers: Layers, rng: np.random.Generator, strength: float) -> Layers:
    """Multiply the thickness of the skull by a smooth random field, on the outside; the scalp moves along.

    Parameters
    ----------
    layers : tuple of three Surface
        Inner skull, outer skull, scalp.
    rng : numpy.random.Generator
    strength : float
        1 for a standard deviation of 25 %.
    """
    inner, outer, scalp = layers
    factor = np.exp(strength * THICKNESS * smooth_field(outer.rr, rng, THICKNESS_LENGTH))
    thicker = _with_thickness(inner, outer, factor)
    moved = thicker.rr - outer.rr
    _, nearest = cKDTree(outer.rr).query(scalp.rr)
    return inner, thicker, Surface(scalp.rr + moved[nearest], scalp.tris)


def with_thin_places(layers: Layers, rng: np.random.Generator, strength: float) -> Layers:
    """Thin the skull at random places, from outside, to its least thickness at their middle (for a strength of 1)."""
    inner, outer, scalp = layers
    centres = outer.rr[rng.choice(len(outer.rr), N_THIN, replace=False)]
    distance = np.linalg.norm(outer.rr[:, np.newaxis] - centres, axis=2).min(axis=1)
    factor = 1 - min(strength, 1.0) * np.exp(-0.5 * (distance / THIN_RADIUS) ** 2)
    return inner, _with_thickness(inner, outer, factor), scalp


def with_errors(layers: Layers, white: np.ndarray, rng: np.random.Generator, strength: float) -> Layers:
    """Displace each surface by smooth noise of its own, as segmentations do, and keep the surfaces apart.

    Parameters
    ----------
    layers : tuple of three Surface
    white : array of shape (n_vertices, 3)
        Vertices of the white surface, which must stay inside the inner skull; may be empty.
    rng : numpy.random.Generator
    strength : float
        1 for a standard deviation of 1 mm.
    """
    inner, outer, scalp = (_displaced(surface, rng, strength * ERROR) for surface in layers)
    inner = _around(white, layers[0], inner)
    outer = _apart(inner, outer, THINNEST_SKULL)
    return inner, outer, _apart(outer, scalp, THINNEST_SCALP)


def smooth_field(points: np.ndarray, rng: np.random.Generator, length: float) -> np.ndarray:
    """Draw a Gaussian random field of mean 0 and variance 1, shape (n_points,), as `headwater.head.warp` does."""
    frequencies = rng.standard_normal((N_WAVES, 3)) / length
    phases = rng.uniform(0, 2 * np.pi, N_WAVES)
    amplitudes = rng.standard_normal(N_WAVES)
    field: np.ndarray = np.cos(points @ frequencies.T + phases) @ amplitudes * np.sqrt(2 / N_WAVES)
    return field


def _with_thickness(inner: Surface, outer: Surface, factor: np.ndarray) -> Surface:
    """Multiply the distance of the outer surface's vertices from the inner one, down to the least thickness."""
    nearest, thickness, _ = NearestPoint(inner.rr, inner.tris)(outer.rr)
    least = np.minimum(THINNEST_SKULL / thickness, 1.0)
    return Surface(nearest + np.maximum(factor, least)[:, np.newaxis] * (outer.rr - nearest), outer.tris)


def _displaced(surface: Surface, rng: np.random.Generator, deviation: float) -> Surface:
    shift = deviation * smooth_field(surface.rr, rng, ERROR_LENGTH)
    return Surface(surface.rr + shift[:, np.newaxis] * vertex_normals(surface.rr, surface.tris), surface.tris)


def _around(white: np.ndarray, before: Surface, after: Surface) -> Surface:
    """Take back the shift of the inner skull where it would cut off vertices of the white surface."""
    if not len(white):
        return after
    tree, shift = cKDTree(before.rr), after.rr - before.rr
    close = white[tree.query(white)[0] < NEAR_SKULL]
    for _ in range(PUSHES):
        cut = NearestPoint(before.rr + shift, before.tris)(close)[1] > -CLEARANCE
        if not cut.any():
            break
        shift[np.unique(tree.query(close[cut], k=4)[1])] *= 0.5
    return Surface(before.rr + shift, before.tris)


def _apart(inner: Surface, outer: Surface, least: float) -> Surface:
    """Push the outer surface outwards along its normals where it is too near to the inner one."""
    distance, rr = NearestPoint(inner.rr, inner.tris), outer.rr
    normals = vertex_normals(rr, outer.tris)
    for _ in range(PUSHES):
        short = least - distance(rr)[1]
        if (short <= 0).all():
            break
        rr = rr + np.maximum(short, 0)[:, np.newaxis] * normals
    return Surface(rr, outer.tris)
