"""Source values on the inflated cortex: both hemispheres from outside and from inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import sparse
from scipy.spatial import cKDTree

from headwater.head.anatomy import Surface
from headwater.head.geometry import neighbour_mean, vertex_normals
from headwater.head.model import Head
from headwater.localization import Localization
from headwater.report.colors import HIDDEN_BELOW, ValueColors, draw_color_bar
from headwater.report.raster import render_nearest
from headwater.report.voxels import source_spacing

REACH_MM = 10.0
WIDTH_PX = 440
SUPERSAMPLING = 2
GYRUS_GREY, SULCUS_GREY = 0.84, 0.62
HEMISPHERES = ("Left", "Right")
PEAK_COLOR = "#0b5fa5"


@dataclass(frozen=True)
class Side:
    """From where one looks at a hemisphere: ``towards`` is +1 from the right and -1 from the left."""

    hemisphere: int
    name: str
    towards: int

    @property
    def title(self) -> str:
        """Title of the axes."""
        return f"{HEMISPHERES[self.hemisphere]} hemisphere, {self.name}"

    def plane(self, rr: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions on the picture plane (n, 2), y or -y to the right and z up, and their depth (larger is nearer)."""
        return np.column_stack([self.towards * rr[:, 1], rr[:, 2]]), self.towards * rr[:, 0]


SIDES = (Side(0, "lateral", -1), Side(1, "lateral", 1), Side(0, "medial", 1), Side(1, "medial", -1))


def plot_cortex(
    localization: Localization, time_index: int, *, unit: str | None = None, title: str | None = None
) -> Figure | None:
    """Draw the magnitude at one time on the inflated cortex.

    Parameters
    ----------
    localization : Localization
    time_index : int
    unit : str | None
        For the colour bar; that of the localisation if None.
    title : str | None

    Returns
    -------
    figure : matplotlib.figure.Figure | None
        Four axes (lateral above, medial below; left hemisphere left) and a colour bar. None without a cortex.
    """
    head = localization.head
    if head is None or head.cortex is None:
        return None
    value = localization.magnitude[:, time_index]
    colors = ValueColors.of(value)
    maps = values_on_cortex(localization, head, value)
    peak = _peak_vertex(localization, head, int(np.abs(value).argmax()))

    figure = Figure(figsize=(10, 7), dpi=100, layout="constrained")
    axes = figure.subplots(2, 2)
    for axis, side in zip(axes.flat, SIDES, strict=True):
        surfaces = (head.cortex.white[side.hemisphere], head.cortex.inflated[side.hemisphere])
        marked = peak[1] if peak is not None and peak[0] == side.hemisphere else None
        _draw_side(axis, side, surfaces, maps[side.hemisphere], colors, marked)
    draw_color_bar(figure, list(axes.flat), colors, localization.unit if unit is None else unit)
    if title is not None:
        figure.suptitle(title, fontsize=11)
    return figure


def caption(localization: Localization, head: Head, time_index: int) -> str:
    """Say in words how the values came onto the cortex."""
    how = (
        "Cortical sources, spread along the surface to the vertices between them."
        if (_hemisphere_of(localization) >= 0).any()
        else f"Every point of the cortex shows the volume sources within {REACH_MM:.0f} mm of it, so that one source "
        "may appear on both banks of a sulcus, and deep sources do not appear."
    )
    peak = _peak_vertex(localization, head, int(localization.magnitude[:, time_index].argmax()))
    ring = (
        "Blue ring: the peak." if peak else f"The peak is not marked: it lies over {REACH_MM:.0f} mm from the cortex."
    )
    return (
        f"Inflated cortex: light grey gyri, dark grey sulci. {how} "
        f"Values below {HIDDEN_BELOW:.0%} of the maximum are not drawn. {ring}"
    )


def values_on_cortex(localization: Localization, head: Head, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Source values at the vertices of both hemispheres; NaN where no source is near, and on the medial wall."""
    left, right = (_mixed(matrix, value) for matrix in cortex_matrices(localization, head))
    return left, right


def _mixed(matrix: sparse.csr_array, value: np.ndarray) -> np.ndarray:
    return np.where(np.diff(matrix.indptr) > 0, matrix @ value, np.nan)


def cortex_matrices(localization: Localization, head: Head) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Matrices that give the vertices of both hemispheres their values from those of the sources.

    Cortical sources are spread along the surface. Without any, those of the volume are carried over to the middle of
    the cortical sheet. Rows add up to 1; vertices without a source nearby, and those of the medial wall, have none.
    """
    cortex = head.cortex
    assert cortex is not None
    if (_hemisphere_of(localization) >= 0).any():
        matrices = [_spread_along(localization, head, side) for side in (0, 1)]
    else:
        sheets = zip(cortex.white, cortex.pial, strict=True)
        pos = localization.leadfield.pos
        matrices = [carried(head.to_head((white.rr + pial.rr) / 2), pos) for white, pial in sheets]
    if cortex.region_names:  # with a parcellation, what belongs to no region is the medial wall
        matrices = [_rows_kept(matrix, ids >= 0) for matrix, ids in zip(matrices, cortex.region_ids, strict=True)]
    return matrices[0], matrices[1]


def _rows_kept(matrix: sparse.csr_array, kept: np.ndarray) -> sparse.csr_array:
    rows = sparse.csr_array(sparse.diags_array(kept.astype(float)) @ matrix)
    rows.eliminate_zeros()
    return rows


def _white_in_head(head: Head, side: int) -> np.ndarray:
    assert head.cortex is not None
    return head.to_head(head.cortex.white[side].rr)


def _hemisphere_of(localization: Localization) -> np.ndarray:
    """0 for sources on the left cortex, 1 on the right, -1 in the volume: surfaces come first, left before right."""
    src = localization.leadfield.src
    side = [index if space["type"] == "surf" else -1 for index, space in enumerate(src)]
    return np.repeat(side, [space["nuse"] for space in src])


def _spread_along(localization: Localization, head: Head, side: int) -> sparse.csr_array:
    """Spread values from the sources' vertices along one hemisphere, one ring of neighbours at a time."""
    assert head.cortex is not None
    tris, rr = head.cortex.white[side].tris, _white_in_head(head, side)
    sources = np.flatnonzero(_hemisphere_of(localization) == side)
    pos = localization.leadfield.pos
    shape = (len(rr), len(pos))
    if not len(sources):
        return sparse.csr_array(shape)
    vertices = cKDTree(rr).query(pos[sources])[1]
    total = sparse.csr_array((np.ones(len(sources)), (vertices, sources)), shape=shape)
    known = np.bincount(vertices, minlength=len(rr)).astype(float)
    average = sparse.csr_array(neighbour_mean(tris, len(rr)))
    while (known == 0).any():
        further = average @ (known > 0)
        fill = (known == 0) & (further > 0)
        if not fill.any():
            break  # parts of the mesh that no source touches
        ring = sparse.diags_array(fill.astype(float)) @ average
        total = sparse.csr_array(total + ring @ sparse.diags_array(_inverse(known)) @ total)
        known = np.where(fill, further, known)
    return sparse.csr_array(sparse.diags_array(_inverse(known)) @ total)


def _inverse(known: np.ndarray) -> np.ndarray:
    return np.divide(1.0, known, out=np.zeros_like(known), where=known > 0)


def carried(to: np.ndarray, pos: np.ndarray) -> sparse.csr_array:
    """Matrix of the Gaussian-weighted mean of the sources at ``pos`` around each point of ``to``, all in metres."""
    spacing = 1e-3 * source_spacing(1e3 * pos)
    reach = max(1e-3 * REACH_MM, spacing)
    neighbours = np.arange(1, min(8, len(pos)) + 1)
    distance, index = cKDTree(pos).query(to, k=neighbours, distance_upper_bound=reach)
    weight = np.exp(-0.5 * (distance / (0.5 * spacing)) ** 2)  # 0 beyond reach: distance is then infinite
    total = weight.sum(axis=1, keepdims=True)
    weight = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    row, column = np.nonzero(weight)
    return sparse.csr_array((weight[row, column], (row, index[row, column])), shape=(len(to), len(pos)))


def sulcal_shade(white: Surface) -> np.ndarray:
    """Grey level from the curvature of the white surface: light on gyri, dark in sulci.

    The umbrella operator points inwards on a crown and outwards in a fundus; its part along the normal is the mean
    curvature up to scale (Taubin 1995). Smoothed over a few rings of neighbours.
    """
    average = neighbour_mean(white.tris, len(white.rr))
    inward = -((average @ white.rr - white.rr) * vertex_normals(white.rr, white.tris)).sum(axis=1)
    for _ in range(4):
        inward = average @ inward
    convexity = np.tanh(inward / (0.5 * inward.std()))
    return SULCUS_GREY + (GYRUS_GREY - SULCUS_GREY) * (convexity + 1) / 2


def _peak_vertex(localization: Localization, head: Head, source: int) -> tuple[int, int] | None:
    """Hemisphere and vertex nearest to the strongest source; None if the cortex is out of reach."""
    pos = localization.leadfield.pos[source]
    distance, vertex = zip(*(cKDTree(_white_in_head(head, side)).query(pos) for side in (0, 1)), strict=True)
    nearest = int(np.argmin(distance))
    return (nearest, int(vertex[nearest])) if distance[nearest] <= 1e-3 * REACH_MM else None


def _draw_side(
    axis: Axes, side: Side, surfaces: tuple[Surface, Surface], value: np.ndarray, colors: ValueColors, peak: int | None
) -> None:
    white, inflated = surfaces
    plane, depth = side.plane(inflated.rr)
    low, high = plane.min(axis=0), plane.max(axis=0)
    pixel = (high[0] - low[0]) / (WIDTH_PX * SUPERSAMPLING)
    shape = tuple(int(n) for n in np.ceil((high - low)[::-1] / pixel) + 3)
    normals = vertex_normals(inflated.rr, inflated.tris)
    attributes = np.column_stack([np.nan_to_num(value), np.isfinite(value), sulcal_shade(white), normals])
    image = render_nearest((plane - low) / pixel + 1, depth, inflated.tris, attributes, (shape[0], shape[1]))
    axis.imshow(_shaded(image, side, colors), origin="lower", extent=_extent(low, pixel, shape), aspect="equal")
    axis.set_title(side.title, fontsize=10)
    axis.set_axis_off()
    if peak is not None and _is_visible(image, (plane[peak] - low) / pixel + 1, normals[peak], side):
        axis.plot(
            *plane[peak], "o", color="none", markeredgecolor=PEAK_COLOR, markeredgewidth=1.8, markersize=13, gid="peak"
        )


def _extent(low: np.ndarray, pixel: float, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    left, bottom = low - 1.5 * pixel
    return (left, left + shape[1] * pixel, bottom, bottom + shape[0] * pixel)


def _shaded(image: np.ndarray, side: Side, colors: ValueColors) -> np.ndarray:
    """Colours under a lamp at the viewer's upper left, averaged over blocks of pixels to smooth the edges."""
    value, known, grey, normal = image[..., 0], image[..., 1], image[..., 2], image[..., 3:]
    colored = colors.over(np.where(known > 0.5, value, np.nan), np.repeat(grey[..., None], 3, axis=2))
    lamp = np.array([side.towards * 0.85, -side.towards * 0.25, 0.46])
    light = np.clip(normal @ lamp / np.linalg.norm(lamp), 0, 1) / np.linalg.norm(normal, axis=2)
    picture = np.zeros((*grey.shape, 4))
    picture[..., :3] = np.clip(colored * (0.45 + 0.62 * light)[..., None], 0, 1)
    picture[..., 3] = np.isfinite(grey)
    return _downsample(np.nan_to_num(picture))


def _downsample(picture: np.ndarray) -> np.ndarray:
    n_rows, n_columns = (size // SUPERSAMPLING * SUPERSAMPLING for size in picture.shape[:2])
    blocks = picture[:n_rows, :n_columns].reshape(
        n_rows // SUPERSAMPLING, SUPERSAMPLING, n_columns // SUPERSAMPLING, SUPERSAMPLING, 4
    )
    opacity = blocks[..., 3:].mean(axis=(1, 3))
    color = (blocks[..., :3] * blocks[..., 3:]).mean(axis=(1, 3)) / np.maximum(opacity, 1e-9)
    return np.concatenate([color, opacity], axis=-1)


def _is_visible(image: np.ndarray, at: np.ndarray, normal: np.ndarray, side: Side) -> bool:
    """Whether the surface drawn at a vertex faces the viewer as the vertex itself does."""
    column, row = np.rint(at).astype(int)
    drawn = image[row, column, 3:]
    return bool(side.towards * normal[0] > 0 and drawn @ normal > 0.5)
