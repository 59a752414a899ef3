"""Finite elements against exact series and boundary elements, and what they cost.

``python benchmarks/bench_fem.py`` compares meshes of several sizes with the exact series of four spheres and of Sarvas
(``--sizes`` in mm, ``--cubes`` without shifted nodes); ``--template`` measures time and memory of the template with 61
and 256 electrodes and with eight and six tissues, and compares it with its boundary elements; ``--parts`` chooses some
of that. Time of one core is that of the processor, which other programs hardly change; the time by the clock is that
of all cores the process may use, shared with whatever else runs.
Nothing is read from or written to the user's cache.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import mne
import numpy as np
from record import recorded

from headwater.forward.fem.hexahedra import Locator, shape_functions
from headwater.forward.fem.magnetic import Coil, functionals
from headwater.forward.fem.meshing import hexahedra
from headwater.forward.fem.method import FEM, Discretised
from headwater.forward.fem.multigrid import Multigrid
from headwater.forward.fem.source_models import PartialIntegration, StVenant
from headwater.forward.fem.stiffness import current_matrix, stiffness
from headwater.forward.make import make_leadfield
from headwater.forward.sphere import sphere_eeg, sphere_meg
from headwater.head.anatomy import LabelVolume
from headwater.head.conductivity import BRAINSTEM, CEREBELLAR_GREY, CEREBELLAR_WHITE, GREY, WHITE, three_shells
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.head.tissue_volume import tissue_volume

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "forward" / "fem"))
from spheres import dipoles, errors, scalp_points, sphere_labels

RADII = 1e-3 * np.array([78.0, 80.0, 86.0, 92.0])  # brain, CSF, skull, scalp
SIGMA = np.array([0.33, 1.79, 0.01, 0.43])
ECCENTRICITIES = (0.3, 0.6, 0.8, 0.9, 0.95, 0.98)
N_SENSORS, N_DIPOLES = 12, 200
EIGHT = {BRAINSTEM: WHITE}  # the template has nine
SIX = {**EIGHT, CEREBELLAR_WHITE: WHITE, CEREBELLAR_GREY: GREY}


def spheres(size_mm: float, *, adapted: bool) -> list[tuple[float, str, float, float, float, float]]:
    """Print errors by eccentricity; rows of eccentricity, kind, RDM (median, 95 %), MAG (median, half the spread)."""
    start = time.process_time()
    mesh = hexahedra(sphere_labels(RADII, 0.5e-3 * size_mm), 1e-3 * size_mm, adapted=adapted)
    sigma = SIGMA[mesh.tissue]
    solver = Multigrid(stiffness(mesh, sigma))
    electrodes = scalp_points(RADII[-1], N_SENSORS)
    elements, local, _ = Locator(mesh)(electrodes)
    loads = np.zeros((len(mesh.nodes), N_SENSORS))
    np.put_along_axis(loads, mesh.elements[elements].T.astype(int), shape_functions(np.clip(local, 0, 1)).T, axis=0)
    rows = solver.solve(loads - 1 / len(loads)).T
    points = scalp_points(0.12, N_SENSORS, seed=2)
    coils = [Coil(point[np.newaxis], point[np.newaxis] / 0.12, np.ones(1)) for point in points] if adapted else []
    if coils:
        magnetic = solver.solve(functionals(current_matrix(mesh, sigma), mesh.centres, coils)).T
    nodes = "shifted" if adapted else "cubes"
    print(f"{size_mm:g} mm, {nodes}: {len(mesh.elements)} elements, {time.process_time() - start:.0f} s of one core")
    found = []
    for eccentricity in ECCENTRICITIES:
        pos, moments = dipoles(eccentricity, RADII[0], N_DIPOLES)
        exact = sphere_eeg(electrodes, pos, RADII, SIGMA)
        for model in (StVenant(), PartialIntegration()):
            gain = _seen(rows, model.loads(mesh, pos))
            found.append(_row(eccentricity, f"EEG {type(model).__name__}", gain, exact, moments))
        if not coils:
            continue
        across = slice(N_DIPOLES // 2, None)  # radial dipoles are silent in MEG
        gain = _seen(magnetic, StVenant().loads(mesh, pos)) + np.stack([coil.sees(pos) for coil in coils])
        exact = sphere_meg(points, points / 0.12, pos)
        found.append(_row(eccentricity, "MEG StVenant", gain[:, across], exact[:, across], moments[across]))
    for eccentricity, kind, rdm, high, mag, spread in sorted(found, key=lambda row: row[1]):
        print(
            f"  {kind:22s} eccentricity {eccentricity:.2f}: RDM {rdm:.4f} (95 %: {high:.3f})  "
            f"MAG {mag:.3f} +- {spread:.3f}"
        )
    return found


def _seen(rows, loads):
    return (loads.T @ rows.T).T.reshape(len(rows), -1, 3)


def _row(eccentricity, kind, gain, exact, moments):
    rdm, mag = errors(*(np.einsum("csx,sx->cs", field, moments) for field in (gain, exact)))
    half = float(np.subtract(*np.percentile(mag, [95, 5])) / 2)
    return eccentricity, kind, float(np.median(rdm)), float(np.percentile(rdm, 95)), float(np.median(mag)), half


def draw(errors_by_size: dict, path: Path) -> None:
    """Plot the median RDM and MAG of St Venant against eccentricity, one line a mesh."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), constrained_layout=True)
    for (size, adapted), rows in errors_by_size.items():
        chosen = [row for row in rows if row[1] == "EEG StVenant"]
        style = {"label": f"{size:g} mm, {'shifted nodes' if adapted else 'cubes'}", "marker": "o"}
        style["linestyle"] = "-" if adapted else ":"
        axes[0].plot([row[0] for row in chosen], [row[2] for row in chosen], **style)
        axes[1].plot([row[0] for row in chosen], [row[4] for row in chosen], **style)
    axes[0].set(xlabel="eccentricity", ylabel="RDM (median)", yscale="log")
    axes[1].set(xlabel="eccentricity", ylabel="MAG (median)")
    axes[1].axhline(1, color="0.7", linewidth=1)
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def montage(name: str, size_mm: float) -> None:
    """Measure mesh and lead field of the template with a montage, and the lead field of other sources afterwards."""
    head, fem = template_head(), FEM(resolution_mm=size_mm)
    mesh = _timed("mesh", lambda: Discretised(head, fem).mesh)
    volumes = 1e6 * mesh.volumes()
    parts = ", ".join(f"{name} {volumes[mesh.tissue == k].sum():.0f}" for k, name in enumerate(mesh.tissues))
    print(f"  {len(mesh.elements)} elements; volumes in ml: {parts}")
    info = montage_info(head, name)
    count = len(info["ch_names"])
    _timed(f"lead field, {count} electrodes", lambda: make_leadfield(head, info, within="brain", method=fem))
    many = _timed(
        "other sources afterwards", lambda: make_leadfield(head, info, within="brain", spacing=4.8, method=fem)
    )
    print(f"  {many.n_sources} sources")


def numbers_of_tissues(size_mm: float) -> None:
    """Measure mesh and lead field of 16 electrodes with eight and with six tissues."""
    head, fem = template_head(), FEM(resolution_mm=size_mm)
    few = montage_info(head, "biosemi16")
    tissues = tissue_volume(head)[0]
    for count, merged in (("eight", EIGHT), ("six", SIX)):
        coarser = replace(head, name=f"{count} tissues", tissues=_merged(tissues, merged))
        _timed(
            f"{count} tissues, mesh and lead field, 16 electrodes",
            lambda coarser=coarser: make_leadfield(coarser, few, within="brain", method=fem),
        )


def against_boundary_elements(size_mm: float) -> None:
    """Compare 31 electrodes with boundary elements, with three shells and with all tissues."""
    head = template_head()
    info = montage_info(head, "easycap-M10")
    half = mne.pick_info(info, np.arange(0, len(info["ch_names"]), 2))
    boundary = make_leadfield(head, half, within="brain")
    shells = FEM(resolution_mm=size_mm, conductivities=three_shells(head.conductivities))
    for name, fem in (("three shells", shells), ("ten tissues", FEM(resolution_mm=size_mm))):
        found = _timed(f"{name}, 31 electrodes", lambda fem=fem: make_leadfield(head, half, within="brain", method=fem))
        rdm, mag = errors(found.matrix, boundary.matrix)
        print(
            f"{name} against boundary elements: RDM {np.median(rdm):.3f} (95 %: {np.percentile(rdm, 95):.3f}), "
            f"MAG {np.median(mag):.3f} ({np.percentile(mag, 5):.3f} to {np.percentile(mag, 95):.3f})"
        )


PARTS: dict[str, Callable[[float], None]] = {
    "61": partial(montage, "easycap-M10"),
    "256": partial(montage, "biosemi256"),
    "tissues": numbers_of_tissues,
    "boundary": against_boundary_elements,
}


def _merged(volume: LabelVolume, into: dict[str, str]) -> LabelVolume:
    """Count some tissues as others."""
    names = tuple(name for name in volume.names if name not in into)
    number = [0, *(names.index(into.get(name, name)) + 1 for name in volume.names)]
    return LabelVolume(np.array(number, np.uint8)[volume.labels], volume.affine, names)


def _timed(what, work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{what}: {time.process_time() - cpu:.1f} s of one core, {time.perf_counter() - wall:.0f} s by the clock; "
        f"peak memory {peak:.2f} GiB",
        flush=True,
    )
    return result


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[4.0, 3.0, 2.0])
    parser.add_argument("--cubes", type=float, nargs="*", default=[4.0, 3.0], help="sizes without shifted nodes")
    parser.add_argument("--template", type=float, metavar="MM", help="only the template, with elements of this size")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=[*PARTS], help="of the template")
    parser.add_argument("--out", help="also write everything to this Markdown file, and a figure beside it")
    arguments = parser.parse_args()
    with recorded(arguments.out, "Accuracy and cost of finite elements"):
        if arguments.template:
            for part in arguments.parts:
                PARTS[part](arguments.template)
            return
        cases = [(size, True) for size in arguments.sizes] + [(size, False) for size in arguments.cubes]
        found = {(size, adapted): spheres(size, adapted=adapted) for size, adapted in cases}
        if arguments.out:
            draw(found, Path(arguments.out).with_suffix(".png"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEADWATER_CACHE"] = folder
        main()
