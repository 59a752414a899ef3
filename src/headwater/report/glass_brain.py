"""The glass brain: all sources seen through the head from the left, from behind and from above."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import ndimage

from headwater.localization import Localization
from headwater.report.colors import HIDDEN_BELOW, ValueColors, draw_color_bar
from headwater.report.raster import render_xray, triangle_normals
from headwater.report.scene import Mesh, Scene, make_scene
from headwater.report.voxels import VOXEL_MM, VoxelImage, interpolate_volume, source_spacing

PIXEL_MM = 0.5
MARGIN_MM = 14.0  # room for the letters
BRAIN_GREY, SCALP_GREY, MARK = "#8a8f98", "#b5bac2", "#0b5fa5"


@dataclass(frozen=True)
class View:
    """One orthogonal projection.

    Attributes
    ----------
    title : str
    right, up : tuple of (axis, sign)
        Which axis of the frame (0 x to the right ear, 1 y to the nose, 2 z to the crown) points to the right and up.
    through : int
        The axis along which one looks.
    ends : tuple of str
        Letters at the left and right edge, and where they say something new at the lower and upper edge.
    """

    title: str
    right: tuple[int, int]
    up: tuple[int, int]
    through: int
    ends: tuple[str, ...]

    def project(self, pos: np.ndarray) -> np.ndarray:
        """Positions (..., 3) on the picture plane (..., 2)."""
        return np.stack([self.right[1] * pos[..., self.right[0]], self.up[1] * pos[..., self.up[0]]], axis=-1)


VIEWS = (
    View("From the left", (1, -1), (2, 1), 0, ("A", "P")),
    View("From behind", (0, 1), (2, 1), 1, ("L", "R")),
    View("From above", (0, 1), (1, 1), 2, ("L", "R", "P", "A")),
)


def plot_glass_brain(
    localization: Localization,
    source_value: np.ndarray,
    *,
    unit: str | None = None,
    title: str | None = None,
    scene: Scene | None = None,
) -> Figure:
    """Draw maximum-intensity projections of source values, with the peak marked.

    Parameters
    ----------
    localization : Localization
    source_value : array of shape (n_sources,)
        Magnitudes, or signed values: then the value of largest magnitude along each line of sight is drawn.
    unit : str | None
        For the colour bar; that of the localisation if None.
    title : str | None
        What the figure shows; only the peak's place if None.
    scene : Scene | None
        Made by `make_scene` and kept for several figures.

    Returns
    -------
    figure : matplotlib.figure.Figure
        Three axes with millimetres of the frame named below them, and a colour bar.
    """
    scene = make_scene(localization) if scene is None else scene
    colors = ValueColors.of(source_value)
    peak_mm = scene.pos_mm[np.abs(source_value).argmax()]
    volume = interpolate_volume(scene.pos_mm[~scene.cortical], source_value[~scene.cortical])

    figure = Figure(figsize=(11, 4.3), dpi=100, layout="constrained")
    axes = figure.subplots(1, len(VIEWS), width_ratios=_widths(scene))
    for axis, view in zip(axes, VIEWS, strict=True):
        _draw_anatomy(axis, view, scene)
        if volume is not None:
            _draw_volume(axis, view, volume, colors)
        _draw_cortex(axis, view, scene, source_value, colors)
        _draw_peak(axis, view, peak_mm)
        _label(axis, view, scene)
    draw_color_bar(figure, list(axes), colors, localization.unit if unit is None else unit)
    figure.suptitle(_title(title, peak_mm, scene), fontsize=11)
    return figure


def _title(title: str | None, peak_mm: np.ndarray, scene: Scene) -> str:
    x, y, z = peak_mm
    place = f"Peak at x = {x:.0f}, y = {y:.0f}, z = {z:.0f} mm ({scene.frame_label})"
    return place if title is None else f"{title}\n{place}"


def caption(scene: Scene) -> str:
    """Say in words what the picture is made of."""
    return (
        "Seen through the head: every point shows the strongest source along the line of sight. Brain outline: "
        f"{scene.brain_name}; frame: {scene.frame_label}, in mm. Cross hair: the peak. "
        f"Values below {HIDDEN_BELOW:.0%} of the maximum are not drawn."
    )


def _draw_volume(axis: Axes, view: View, volume: VoxelImage, colors: ValueColors) -> None:
    value, coverage = (
        ndimage.zoom(_face(view, projection), VOXEL_MM / PIXEL_MM, order=1, grid_mode=True, mode="nearest")
        for projection in volume.project(view.through)
    )
    picture = colors.rgba(value)
    picture[..., 3] *= np.clip(4 * (coverage - 0.5) + 0.5, 0, 1)  # a sharp edge without the steps of the voxels
    corners = np.sort(view.project(volume.edges_mm), axis=0)
    left, bottom, right, top = corners.ravel()
    axis.imshow(picture, extent=(left, right, bottom, top), origin="lower", zorder=3)


def _face(view: View, projection: np.ndarray) -> np.ndarray:
    """Turn a projection, indexed by the two remaining axes in order, into an image with rows up, columns right."""
    picture = projection if view.up[0] < view.right[0] else projection.T
    return picture[:: view.up[1], :: view.right[1]]


def _draw_cortex(axis: Axes, view: View, scene: Scene, value: np.ndarray, colors: ValueColors) -> None:
    if not scene.cortical.any():
        return
    value, plane = value[scene.cortical], view.project(scene.pos_mm[scene.cortical])
    order = np.argsort(np.abs(value))  # the strongest on top
    order = order[colors.opacity(value[order]) > 0]
    size = np.clip(3.5 * source_spacing(scene.pos_mm[scene.cortical]), 9, 60)
    axis.scatter(plane[order, 0], plane[order, 1], s=size, c=colors.rgba(value[order]), linewidths=0, zorder=4)


def _draw_peak(axis: Axes, view: View, peak_mm: np.ndarray) -> None:
    x, y = view.project(peak_mm)
    axis.axvline(x, color=MARK, linewidth=0.8, alpha=0.55, zorder=5)
    axis.axhline(y, color=MARK, linewidth=0.8, alpha=0.55, zorder=5)
    axis.plot(x, y, "o", color="none", markeredgecolor=MARK, markeredgewidth=1.6, markersize=11, zorder=6, gid="peak")


def _draw_anatomy(axis: Axes, view: View, scene: Scene) -> None:
    if scene.scalp is not None:
        _, covered, extent = _xray((scene.scalp,), view)
        _draw_outline(axis, covered, extent, SCALP_GREY)
    if scene.brain:
        absorption, covered, extent = _xray(scene.brain, view)
        shade = np.clip(absorption / np.percentile(absorption[covered], 99), 0, 1) ** 0.8
        picture = np.zeros((*covered.shape, 4))
        picture[..., :3] = 0.45
        picture[..., 3] = np.where(covered, 0.06 + 0.5 * shade, 0)
        axis.imshow(picture, extent=extent, origin="lower", zorder=1, interpolation="bilinear")
    else:
        covered, extent = _point_silhouette(view.project(scene.pos_mm), _reach(scene))
        picture = np.zeros((*covered.shape, 4))
        picture[..., 3] = 0.05 * covered
        axis.imshow(picture, extent=extent, origin="lower", zorder=1)
    _draw_outline(axis, covered, extent, BRAIN_GREY)


Extent = tuple[float, float, float, float]


def _xray(meshes: tuple[Mesh, ...], view: View) -> tuple[np.ndarray, np.ndarray, Extent]:
    """Absorption of thin shells: a sheet seen edge-on is thicker along the line of sight than one seen face-on."""
    plane = np.concatenate([view.project(mesh.rr_mm) for mesh in meshes])
    starts = np.cumsum([0] + [len(mesh.rr_mm) for mesh in meshes[:-1]])
    tris = np.concatenate([mesh.tris + start for mesh, start in zip(meshes, starts, strict=True)])
    rr = np.concatenate([mesh.rr_mm for mesh in meshes])
    normals = triangle_normals(rr, tris)
    facing = np.abs(normals[:, view.through]) / np.maximum(np.linalg.norm(normals, axis=1), np.finfo(float).tiny)
    low = plane.min(axis=0) - 2 * PIXEL_MM
    n_columns, n_rows = np.ceil((plane.max(axis=0) + 2 * PIXEL_MM - low) / PIXEL_MM).astype(int)
    absorption, covered = render_xray((plane - low) / PIXEL_MM, tris, (1 - facing) ** 2, (n_rows, n_columns))
    return absorption, ndimage.binary_fill_holes(covered), _pixel_extent(low, covered.shape)


def _reach(scene: Scene) -> float:
    """How far the outline of mere positions lies from them, in mm: far enough to close the gaps of a grid."""
    return 1.5 * source_spacing(scene.pos_mm)


def _point_silhouette(plane: np.ndarray, reach: float) -> tuple[np.ndarray, Extent]:
    """Area within reach of any projected source, its edge smoothed."""
    low = plane.min(axis=0) - 2 * reach
    n_columns, n_rows = np.ceil((plane.max(axis=0) + 2 * reach - low) / PIXEL_MM).astype(int)
    column, row = np.rint((plane - low) / PIXEL_MM).astype(int).T
    empty = np.ones((n_rows, n_columns), dtype=bool)
    empty[row, column] = False
    distance = PIXEL_MM * ndimage.distance_transform_edt(empty)
    covered = ndimage.gaussian_filter((distance < reach).astype(float), reach / 2 / PIXEL_MM) > 0.5
    return ndimage.binary_fill_holes(covered), _pixel_extent(low, empty.shape)


def _pixel_extent(low: np.ndarray, shape: tuple[int, ...]) -> Extent:
    """Edges of an image whose first pixel is centred at ``low``: left, right, bottom, top."""
    left, bottom = low - PIXEL_MM / 2
    return (left, left + shape[1] * PIXEL_MM, bottom, bottom + shape[0] * PIXEL_MM)


def _draw_outline(axis: Axes, covered: np.ndarray, extent: Extent, color: str) -> None:
    smooth = ndimage.gaussian_filter(np.pad(covered.astype(float), 4), 3)
    pad = 4 * PIXEL_MM
    left, right, bottom, top = extent
    wider = (left - pad, right + pad, bottom - pad, top + pad)
    axis.contour(smooth, levels=[0.5], colors=color, linewidths=1.1, extent=wider, origin="lower", zorder=2)


def _bounds(scene: Scene, view: View) -> np.ndarray:
    """Lower left and upper right corner of what is drawn, in mm."""
    everything = [scene.pos_mm, *(mesh.rr_mm for mesh in scene.brain)]
    plane = view.project(np.concatenate(everything))
    if scene.scalp is None:
        margin = MARGIN_MM if scene.brain else MARGIN_MM + _reach(scene)
        return np.stack([plane.min(axis=0) - margin, plane.max(axis=0) + margin])
    # The scalp down to a little below the brain: face and neck would only make the brain smaller.
    scalp = view.project(scene.scalp.rr_mm)
    low, high = scalp.min(axis=0), scalp.max(axis=0)
    if view.up[0] == 2:
        low[1] = max(low[1], plane[:, 1].min() - 25)
    return np.stack([low, high]) + [[-MARGIN_MM], [MARGIN_MM]]


def _widths(scene: Scene) -> list[float]:
    return [float(np.ptp(_bounds(scene, view)[:, 0]) / np.ptp(_bounds(scene, view)[:, 1])) for view in VIEWS]


def _label(axis: Axes, view: View, scene: Scene) -> None:
    (left, bottom), (right, top) = _bounds(scene, view)
    axis.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", title=view.title)
    axis.title.set_fontsize(10)
    axis.set_axis_off()
    places = [(0.0, 0.5, "left"), (1.0, 0.5, "right"), (0.5, 0.0, "center"), (0.5, 1.0, "center")]
    for letter, (x, y, align) in zip(view.ends, places[: len(view.ends)], strict=True):
        vertical = {0.0: "bottom", 1.0: "top"}.get(y, "center")
        axis.text(
            x, y, letter, transform=axis.transAxes, ha=align, va=vertical, fontsize=11, fontweight="bold", color="#444"
        )
