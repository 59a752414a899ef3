"""Draw the pictures of ``docs/finite-elements.md``: tissues and mesh, sensors, topographies.

    python tools/fem_pictures.py [tissues] [sensors] [topographies]

Without a name, all of them. The topographies take some minutes: two lead fields, kept in the cache.
"""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import mne
import numpy as np
from PIL import Image

from headwater.forward.carried import gain_at
from headwater.forward.fem.hexahedra import CORNERS
from headwater.forward.fem.meshing import hexahedra
from headwater.forward.fem.method import FEM
from headwater.head.anatomy import LabelVolume, Surface
from headwater.head.conductivity import (
    BRAINSTEM,
    CEREBELLAR_GREY,
    CEREBELLAR_WHITE,
    COMPACT,
    CSF,
    GREY,
    SCALP,
    SPONGY,
    WHITE,
)
from headwater.head.meg_arrays import sensors_info
from headwater.head.model import Head
from headwater.head.template import template_head
from headwater.head.tissue_volume import tissue_volume

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.collections import PolyCollection

DOCS = Path(__file__).resolve().parents[1] / "docs"
COLOURS = {
    SCALP: "#e8b89a",
    COMPACT: "#7a6a58",
    SPONGY: "#c9b79c",
    CSF: "#9ad0ec",
    GREY: "#8c8c8c",
    WHITE: "#f2f2f2",
    CEREBELLAR_GREY: "#c58bb5",
    CEREBELLAR_WHITE: "#ecd5e6",
    BRAINSTEM: "#e0c14c",
}
SLICES = (("sagittal, x = 6 mm", 0, 6.0), ("coronal, y = -20 mm", 1, -20.0), ("axial, z = 10 mm", 2, 10.0))
AXES = ("x (mm), right \N{RIGHTWARDS ARROW}", "y (mm), front \N{RIGHTWARDS ARROW}", "z (mm), up \N{RIGHTWARDS ARROW}")
Z = 2
WINDOW = ((28.0, 52.0), (66.0, 90.0))  # mm, x and z of the enlarged skull
AT_Y = -20.0  # mm
SENSORS = (
    ("biosemi256", "256 electrodes (BioSemi)"),
    ("neuromag306", "306 coils at 102 sites (Neuromag)"),
    ("ctf275", "275 axial gradiometers (CTF)"),
    ("opm128", "128 OPMs on the scalp"),
)
SOURCES = (
    ("superficial: left motor cortex", np.array([-0.036, -0.020, 0.055]), np.array([-0.55, 0.0, 0.84])),
    ("deep: left thalamus", np.array([-0.012, -0.019, 0.008]), np.array([0.0, 0.0, 1.0])),
)
MONTAGE, ELEMENT_MM = "biosemi32", 3.0


def tissues() -> None:
    """Draw slices of the template's tissues, and the mesh at the skull before and after its nodes are shifted."""
    volume = tissue_volume(template_head())[0]
    figure, axes = plt.subplots(1, 5, figsize=(15, 4.2), constrained_layout=True, width_ratios=[1.15, 1, 0.85, 1, 1])
    for ax, (title, axis, at) in zip(axes, SLICES, strict=False):
        _slice(ax, volume, axis, at)
        ax.set_title(title)
    (left, right), (low, high) = WINDOW
    axes[1].add_patch(mpl.patches.Rectangle((left, low), right - left, high - low, fill=False, edgecolor="crimson"))
    for ax, adapted in zip(axes[3:], (False, True), strict=True):
        _layer(ax, volume, adapted=adapted)
        ax.set_title("after: nodes shifted" if adapted else "before: cubes of 2 mm")
    patches = [mpl.patches.Patch(facecolor=colour, edgecolor="0.5", label=name) for name, colour in COLOURS.items()]
    figure.legend(handles=patches, loc="outside lower center", ncol=9, frameon=False)
    _save(figure, "fem-tissues.png")


def _slice(ax: plt.Axes, volume: LabelVolume, axis: int, at: float) -> None:
    """One slice, in mm."""
    others = [k for k in range(3) if k != axis]
    ticks = np.arange(-130.0, 130.0, 0.8)
    pos = np.zeros((len(ticks), len(ticks), 3))
    pos[..., others[0]], pos[..., others[1]] = np.meshgrid(ticks, ticks)
    pos[..., axis] = at
    label = volume.at(1e-3 * pos.reshape(-1, 3)).reshape(pos.shape[:2])
    picture = np.ones((*label.shape, 3))
    for number, name in enumerate(volume.names, start=1):
        picture[label == number] = mpl.colors.to_rgb(COLOURS[name])
    ax.imshow(picture, origin="lower", extent=(ticks[0], ticks[-1], ticks[0], ticks[-1]), interpolation="nearest")
    seen = [ticks[(label > 0).any(axis=k)] for k in (0, 1)]
    lowest = max(seen[1][0], -90.0) if others[1] == Z else seen[1][0]  # without the neck
    ax.set(xlim=(seen[0][0] - 4, seen[0][-1] + 4), ylim=(lowest - 4, seen[1][-1] + 4))
    ax.set(xlabel=AXES[others[0]], ylabel=AXES[others[1]])


def _layer(ax: plt.Axes, volume: LabelVolume, *, adapted: bool) -> None:
    """Faces of one layer of elements, in a window at the skull."""
    mesh = hexahedra(volume, 0.002, adapted=adapted)
    centres = 1e3 * mesh.centres
    (left, right), (low, high) = WINDOW
    near = (np.abs(centres[:, 0] - (left + right) / 2) < (right - left) / 2 + 2) & (
        np.abs(centres[:, 2] - (low + high) / 2) < (high - low) / 2 + 2
    )
    near &= np.abs(centres[:, 1] - AT_Y) < 1.0
    order = [
        int(np.flatnonzero((np.array([x, 0, z]) == CORNERS).all(axis=1))[0])
        for x, z in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    faces = 1e3 * mesh.nodes[mesh.elements[near][:, order]][:, :, [0, 2]]
    colours = [COLOURS[mesh.tissues[tissue]] for tissue in mesh.tissue[near]]
    ax.add_collection(PolyCollection(list(faces), facecolors=colours, edgecolors="0.35", linewidths=0.5))
    ax.set(xlim=(left, right), ylim=(low, high), aspect="equal", xlabel=AXES[0], ylabel=AXES[2])


def sensors() -> None:
    """Draw electrodes and MEG arrays over the template."""
    head = template_head()
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.9), constrained_layout=True)
    for ax, (name, title) in zip(axes, SENSORS, strict=True):
        info = sensors_info(head, name)
        pos = 1e3 * np.unique(np.array([channel["loc"][:3] for channel in info["chs"]]).round(6), axis=0)
        assert head.scalp is not None  # noqa: S101
        _from_the_left(ax, Surface(1e3 * head.to_head(head.scalp.rr), head.scalp.tris))
        far, near = pos[pos[:, 0] > 0], pos[pos[:, 0] <= 0]
        ax.scatter(far[:, 1], far[:, 2], s=9, color="#9db7d5", zorder=1)
        ax.scatter(near[:, 1], near[:, 2], s=11, color="#1f4e8c", zorder=3)
        ax.set_title(title)
        ax.set(xlim=(-130, 150), ylim=(-110, 180), aspect="equal", xlabel="y (mm), nose to the right")
    axes[0].set_ylabel("z (mm)")
    _save(figure, "fem-sensors.png")


def _from_the_left(ax: plt.Axes, scalp: Surface) -> None:
    """Scalp as seen from the left, lit from above."""
    corners = scalp.rr[scalp.tris]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    seen = np.flatnonzero(normal[:, 0] < 0)
    seen = seen[np.argsort(-corners[seen, :, 0].mean(axis=1))]
    # The nose points to the right, as in a mirror: sensors of the left side are in front.
    light = np.clip(0.55 + 0.45 * normal[seen] @ np.array([-0.6, 0.3, 0.74]), 0, 1)
    colours = light[:, np.newaxis] * np.array(mpl.colors.to_rgb("#f0cdb4"))
    faces = corners[seen][:, :, 1:]
    ax.add_collection(PolyCollection(list(faces), facecolors=colours, edgecolors=colours, linewidths=0.3, zorder=2))


def topographies() -> None:
    """Draw the potentials of a superficial and a deep dipole by boundary and by finite elements."""
    head = template_head()
    info = sensors_info(head, MONTAGE)
    pos = np.array([place for _, place, _ in SOURCES])
    moments = np.array([10e-9 * moment / np.linalg.norm(moment) for _, _, moment in SOURCES]) @ _rotation(head).T
    mri = head.to_mri(head.from_mni(pos))
    cases = (
        ("boundary elements,\nthree layers", gain_at(head, info, mri, ico=3)),
        ("finite elements,\nnine tissues", gain_at(head, info, mri, ico=3, method=FEM(resolution_mm=ELEMENT_MM))),
    )
    figure, axes = plt.subplots(len(SOURCES), 3, figsize=(8.5, 5.6), constrained_layout=True, width_ratios=[1, 1, 0.05])
    for row, (title, _, _) in enumerate(SOURCES):
        fields = [1e6 * np.einsum("cx,x->c", gain[:, row], moments[row]) for _, gain in cases]
        fields = [field - field.mean() for field in fields]
        largest = max(np.abs(field).max() for field in fields)
        for column, ((method, _), field) in enumerate(zip(cases, fields, strict=True)):
            ax = axes[row, column]
            image, _ = mne.viz.plot_topomap(field, info, axes=ax, show=False, vlim=(-largest, largest), contours=8)
            ax.set_title(f"{title}\n{method}" if row == 0 else f"{title}\n{method}", fontsize=9)
        figure.colorbar(image, cax=axes[row, 2], label="µV for 10 nAm")
        a, b = (field / np.linalg.norm(field) for field in fields)
        ratio = np.linalg.norm(fields[1]) / np.linalg.norm(fields[0])
        print(f"{title}: RDM {np.linalg.norm(a - b):.3f}, MAG {ratio:.2f}")
    _save(figure, "fem-topographies.png")


def _rotation(head: Head) -> np.ndarray:
    return np.asarray(head.mri_head_t["trans"][:3, :3])


def _save(figure: plt.Figure, name: str) -> None:
    """Write a picture of 256 colours."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100)
    buffer.seek(0)
    Image.open(buffer).convert("RGB").quantize(256).save(DOCS / name, optimize=True)
    print(f"{name}: {(DOCS / name).stat().st_size / 1e3:.0f} kB")


PICTURES: dict[str, Callable[[], None]] = {"tissues": tissues, "sensors": sensors, "topographies": topographies}


def main() -> None:
    """Draw the pictures that are named, or all."""
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()


if __name__ == "__main__":
    main()
