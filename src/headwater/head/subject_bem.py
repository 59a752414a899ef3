"""The layers of a subject's head: a BEM solution, BEM surfaces, or FreeSurfer surface files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mne
import numpy as np
from mne.io.constants import FIFF

from headwater._utils.errors import InputError
from headwater.head.anatomy import Surface
from headwater.head.geometry import enclosed_volume

_LAYERS = {
    FIFF.FIFFV_BEM_SURF_ID_BRAIN: "inner_skull",
    FIFF.FIFFV_BEM_SURF_ID_SKULL: "outer_skull",
    FIFF.FIFFV_BEM_SURF_ID_HEAD: "scalp",
}

# MNE-Python's and FreeSurfer's names of the same surfaces.
_SURFACE_FILES = {
    "inner_skull": ("inner_skull.surf", "watershed/{}_inner_skull_surface"),
    "outer_skull": ("outer_skull.surf", "watershed/{}_outer_skull_surface"),
    "scalp": ("outer_skin.surf", "watershed/{}_outer_skin_surface"),
}

# A finer surface costs much in a BEM and gains nothing: 5120 triangles is MNE-Python's default.
ICO = 4


@dataclass(frozen=True, eq=False)
class SubjectSurfaces:
    """The surfaces of a head and the BEM solution on them, if there is one."""

    inner_skull: Surface
    outer_skull: Surface | None
    scalp: Surface | None
    conductor: mne.bem.ConductorModel | None


@contextmanager
def readable(path: Path, content: str) -> Iterator[None]:
    """Turn whatever a reader raises on a missing, truncated or foreign file into one plain sentence."""
    try:
        yield
    except Exception as error:
        raise InputError(f"{path} is missing, damaged, or not a {content}.") from error


def read_layers(folder: Path) -> SubjectSurfaces:
    """Read the best model of a subject's folder: three layers before one, a solution before bare surfaces."""
    bem = folder / "bem"
    candidates = [*_solutions(bem, folder.name), *_surface_sets(bem, folder.name)]
    if files := _surface_files(bem, folder.name):
        candidates.append((files, None))
    usable = [(surfaces, conductor) for surfaces, conductor in candidates if "inner_skull" in surfaces]
    if not usable:
        raise InputError(
            f"Subject {folder.name!r} has no BEM in {bem}: neither {folder.name}-*-bem-sol.fif nor "
            f"{folder.name}-*-bem.fif nor inner_skull.surf; make one with mne.bem.make_watershed_bem."
        )
    # ``max`` keeps the first of equals, and solutions stand first.
    surfaces, conductor = max(usable, key=lambda candidate: len(candidate[0]) == 3)
    scalp = surfaces.get("scalp") or _scalp_alone(bem, folder.name)
    for name, surface in {**surfaces, **({} if scalp is None else {"scalp": scalp})}.items():
        surface.check(f"{name.replace('_', ' ')} of {folder.name!r}")
    return SubjectSurfaces(surfaces["inner_skull"], surfaces.get("outer_skull"), scalp, conductor)


def _solutions(bem: Path, subject: str) -> list[tuple[dict[str, Surface], mne.bem.ConductorModel]]:
    """BEM solutions, finest first."""
    found = []
    for path in sorted(bem.glob(f"{subject}-*-bem-sol.fif")):
        with readable(path, "BEM solution"):
            found.append(mne.read_bem_solution(path, verbose="error"))
    found.sort(key=lambda solution: -min(surface["np"] for surface in solution["surfs"]))
    return [(_by_layer(solution["surfs"]), solution) for solution in found]


def _surface_sets(bem: Path, subject: str) -> list[tuple[dict[str, Surface], None]]:
    """BEM surfaces without solution, finest first."""
    found = [_read_bem_surfaces(path) for path in sorted(bem.glob(f"{subject}-*-bem.fif"))]
    found.sort(key=lambda surfaces: -min(surface["np"] for surface in surfaces))
    return [(_by_layer(surfaces), None) for surfaces in found]


def _read_bem_surfaces(path: Path) -> list[dict[str, Any]]:
    """Read MNE-Python's surfaces."""
    with readable(path, "file of BEM surfaces"):
        surfaces: list[dict[str, Any]] = mne.read_bem_surfaces(path, verbose="error")
    return surfaces


def _by_layer(surfaces: list[dict[str, Any]]) -> dict[str, Surface]:
    """Name MNE-Python's surfaces by their layer."""
    return {_LAYERS[surface["id"]]: Surface(surface["rr"].astype(float), surface["tris"]) for surface in surfaces}


def _surface_files(bem: Path, subject: str) -> dict[str, Surface]:
    """FreeSurfer surface files of the layers that have one."""
    found = {}
    for layer, names in _SURFACE_FILES.items():
        paths = [bem / name.format(subject) for name in names]
        if path := next((path for path in paths if path.is_file()), None):
            found[layer] = _read_surface(path)
    return found


def _read_surface(path: Path) -> Surface:
    """Read a FreeSurfer surface (mm), facing outwards, no finer than ico 4."""
    with readable(path, "FreeSurfer surface"):
        rr, tris = mne.read_surface(path, verbose="error")
    if enclosed_volume(rr, tris) < 0:
        tris = np.ascontiguousarray(tris[:, [0, 2, 1]])
    surface = Surface(rr / 1000, tris)
    return surface.at_ico(ICO) if len(tris) == 20 * 4 ** (ICO + 1) else surface


def _scalp_alone(bem: Path, subject: str) -> Surface | None:
    """Scalp for a model without one: for fitting electrodes and for pictures."""
    path = bem / f"{subject}-head.fif"
    if path.is_file():
        return _by_layer(_read_bem_surfaces(path))["scalp"]
    return _surface_files(bem, subject).get("scalp")
