"""Draw the surfaces and deep structures of the template: ``python tools/template_picture.py`` (docs/template.png)."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

from headwater.head.anatomy import Surface
from headwater.head.structures import STRUCTURES
from headwater.head.template import template_head

mpl.use("Agg")
import matplotlib.pyplot as plt

OUT = Path(__file__).resolve().parents[1] / "docs" / "template.png"
STEP = 0.5  # mm
SLICES = (("sagittal, x = 10 mm", 0, 10.0), ("coronal, y = -14 mm", 1, -14.0), ("axial, z = -6 mm", 2, -6.0))
TITLES = {
    "VentralDC": "ventral diencephalon",
    "Accumbens-area": "accumbens",
    "Brain-Stem": "brainstem",
    "Cerebellum-Cortex": "cerebellar cortex",
    "Cerebellum-White-Matter": "cerebellar white matter",
}
SHOWN = {
    "Thalamus": "tab:blue",
    "Caudate": "tab:cyan",
    "Putamen": "tab:green",
    "Pallidum": "tab:olive",
    "Accumbens-area": "gold",
    "Hippocampus": "tab:orange",
    "Amygdala": "tab:red",
    "VentralDC": "tab:purple",
    "Brain-Stem": "tab:brown",
    "Cerebellum-Cortex": "tab:pink",
    "Cerebellum-White-Matter": "mistyrose",
}


def outline(surface: Surface, axis: int, at: float) -> np.ndarray:
    """Segments (n, 2, 2), in mm, in which a surface meets the plane of a slice."""
    corners = 1e3 * surface.rr[surface.tris]
    height = corners[:, :, axis] - at
    others = [k for k in range(3) if k != axis]
    crossed = (height > 0).any(axis=1) & (height < 0).any(axis=1)
    found = []
    for triangle, level in zip(corners[crossed], height[crossed], strict=True):
        points = [
            triangle[a] + (triangle[b] - triangle[a]) * level[a] / (level[a] - level[b])
            for a, b in ((0, 1), (1, 2), (2, 0))
            if (level[a] > 0) != (level[b] > 0)
        ]
        found.append(np.array(points)[:, others])
    return np.array(found)


def main() -> None:
    """Draw and write."""
    head = template_head()
    assert head.structures is not None  # noqa: S101
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 4.3), constrained_layout=True)
    for ax, (title, axis, at) in zip(axes, SLICES, strict=True):
        others = [k for k in range(3) if k != axis]
        ticks = np.arange(-120, 120, STEP)
        pos = np.zeros((len(ticks), len(ticks), 3))
        pos[..., others[0]], pos[..., others[1]] = np.meshgrid(ticks, ticks)
        pos[..., axis] = at
        label = head.structures.at(1e-3 * pos.reshape(-1, 3)).reshape(pos.shape[:2])
        picture = np.ones((*label.shape, 4))
        for number, name in enumerate(head.structures.names, start=1):
            color = next(color for part, color in SHOWN.items() if name.endswith(part))
            picture[label == number] = mpl.colors.to_rgba(color)
        ax.imshow(picture, origin="lower", extent=(ticks[0], ticks[-1], ticks[0], ticks[-1]))
        lines = {"0.15": [head.scalp, head.outer_skull, head.inner_skull], "0.6": []}
        lines["0.6"] = [] if head.cortex is None else [*head.cortex.pial]
        for color, surfaces in lines.items():
            for surface in surfaces:
                if surface is not None:
                    ax.add_collection(
                        mpl.collections.LineCollection(list(outline(surface, axis, at)), colors=color, linewidths=0.8)
                    )
        ax.set(title=title, xlabel=f"{'xyz'[others[0]]} (mm)", ylabel=f"{'xyz'[others[1]]} (mm)")
        ax.set_aspect("equal")
        ax.set(xlim=(-125, 105) if axis == 0 else (-90, 90), ylim=(-90, 110) if axis != 2 else (-125, 100))
    patches = [mpl.patches.Patch(color=color, label=TITLES.get(name, name.lower())) for name, color in SHOWN.items()]
    figure.legend(handles=patches, loc="outside lower center", ncol=6, frameon=False, fontsize=8)
    figure.savefig(OUT, dpi=100)
    print(f"{OUT.name}: {len(STRUCTURES)} structures, {OUT.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
