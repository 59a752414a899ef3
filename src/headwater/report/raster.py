"""Draw triangle meshes into images: a small vectorised rasteriser, because matplotlib has no depth buffer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Barycentric weights of a pixel on an edge may be a rounding error below zero.
EDGE_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Fragments:
    """Pixels covered by projected triangles; a pixel appears once for every triangle above it.

    Attributes
    ----------
    pixel : int array of shape (n_fragments,)
        Flat index into the image.
    triangle : int array of shape (n_fragments,)
    weights : array of shape (n_fragments, 3)
        Barycentric weights of the triangle's corners.
    """

    pixel: np.ndarray
    triangle: np.ndarray
    weights: np.ndarray


def rasterize(points: np.ndarray, tris: np.ndarray, shape: tuple[int, int]) -> Fragments:
    """Find all pixels under each triangle.

    Parameters
    ----------
    points : array of shape (n_vertices, 2)
        Column and row of each projected vertex, in pixels; pixel centres lie at whole numbers.
    tris : int array of shape (n_triangles, 3)
    shape : tuple of (n_rows, n_columns)
    """
    corners = points[tris]
    low = np.maximum(np.ceil(corners.min(axis=1)), 0).astype(int)
    high = np.minimum(np.floor(corners.max(axis=1)), np.array(shape[::-1]) - 1).astype(int)
    size = np.maximum(high - low + 1, 0)
    count = size.prod(axis=1)
    triangle = np.repeat(np.arange(len(tris)), count)
    within = np.arange(len(triangle)) - np.repeat(np.cumsum(count) - count, count)
    row_step, column_step = np.divmod(within, size[triangle, 0])
    column, row = low[triangle, 0] + column_step, low[triangle, 1] + row_step
    slopes = _barycentric_slopes(corners)
    first, second = (
        constant[triangle] + along_column[triangle] * column + along_row[triangle] * row
        for constant, along_column, along_row in slopes
    )
    third = 1 - first - second
    inside = np.minimum(np.minimum(first, second), third) >= -EDGE_TOLERANCE  # never so for NaN
    weights = np.column_stack([first[inside], second[inside], third[inside]])
    return Fragments((row * shape[1] + column)[inside], triangle[inside], weights)


def _barycentric_slopes(corners: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Constant, column and row coefficient of the barycentric weights of the first two corners (Cramer's rule).

    A weight is linear in the pixel's place: 1 at its corner, 0 along the opposite edge. NaN for triangles seen edge-on.
    """
    slopes = []
    for corner in (0, 1):
        start, end = corners[:, (corner + 1) % 3], corners[:, (corner + 2) % 3]
        across = np.column_stack([start[:, 1] - end[:, 1], end[:, 0] - start[:, 0]])
        height = (across * (corners[:, corner] - start)).sum(axis=1)
        height[height == 0] = np.nan
        across /= height[:, None]
        slopes.append((-(across * start).sum(axis=1), across[:, 0], across[:, 1]))
    return slopes


def render_nearest(
    points: np.ndarray, depth: np.ndarray, tris: np.ndarray, attributes: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Interpolate vertex attributes over the part of a closed surface that is nearest to the viewer.

    Parameters
    ----------
    points, shape
        As in `rasterize`.
    depth : array of shape (n_vertices,)
        Larger is nearer.
    tris : int array of shape (n_triangles, 3)
        Counter-clockwise seen from outside; those that show their back are not drawn.
    attributes : array of shape (n_vertices, n_attributes)

    Returns
    -------
    image : array of shape (n_rows, n_columns, n_attributes)
        NaN where no surface is.
    """
    tris = tris[_turning(points[tris]) > 0]
    covered = rasterize(points, tris, shape)
    corners = tris[covered.triangle]
    order = np.argsort((depth[corners] * covered.weights).sum(axis=1))
    front = np.full(shape[0] * shape[1], -1)
    front[covered.pixel[order]] = order  # of repeated pixels the last, nearest one stays
    seen = front >= 0
    image = np.full((len(front), attributes.shape[1]), np.nan)
    chosen = front[seen]
    image[seen] = np.einsum("fc,fca->fa", covered.weights[chosen], attributes[corners[chosen]])
    return image.reshape(*shape, -1)


def _turning(corners: np.ndarray) -> np.ndarray:
    """Twice the signed area of projected triangles: positive where they run counter-clockwise."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]


def render_xray(
    points: np.ndarray, tris: np.ndarray, opacity: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Add up the opacity of all sheets above each pixel, and say where there is any.

    Parameters
    ----------
    points, tris, shape
        As in `rasterize`.
    opacity : array of shape (n_triangles,)

    Returns
    -------
    absorption : array of shape (n_rows, n_columns)
    covered : bool array of shape (n_rows, n_columns)
    """
    covered = rasterize(points, tris, shape)
    n_pixels = shape[0] * shape[1]
    absorption = np.bincount(covered.pixel, weights=opacity[covered.triangle], minlength=n_pixels)
    return absorption.reshape(shape), (np.bincount(covered.pixel, minlength=n_pixels) > 0).reshape(shape)


def triangle_normals(rr: np.ndarray, tris: np.ndarray) -> np.ndarray:
    """Outward normals of length twice the triangle's area, shape (n_triangles, 3)."""
    corners = rr[tris]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
