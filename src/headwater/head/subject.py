"""A person's own head, from the folder that FreeSurfer and MNE-Python make."""

from __future__ import annotations

from pathlib import Path

import mne
import nibabel as nib
import numpy as np
from mne.io.constants import FIFF
from mne.transforms import Transform, get_ras_to_neuromag_trans

from headwater._utils.errors import InputError
from headwater.head.anatomy import Cortex, LabelVolume, Surface
from headwater.head.frames import check_transform
from headwater.head.model import Head
from headwater.head.structures import read_segmentation
from headwater.head.subject_bem import read_layers, readable

# Names in annotations that are no region.
NO_REGION = ("unknown", "corpuscallosum", "Medial_wall", "???")


def head_from_subject(
    subject: str, subjects_dir: str | Path | None = None, *, trans: str | Path | Transform | None = None
) -> Head:
    """Read a head from a FreeSurfer/MNE subject.

    Parameters
    ----------
    subject : str
    subjects_dir : path | None
        None for the one in MNE-Python's configuration (``SUBJECTS_DIR``).
    trans : path | mne.transforms.Transform | "fiducials" | None
        Between MRI and head coordinates. None: the ``*-trans.fif`` in the subject's folder. ``"fiducials"``: the head
        coordinates that the fiducials marked in the MRI define.

    Returns
    -------
    head : Head
        With what the folder has: a three-layer model or only an inner skull, cortex and structures or none. A BEM
        solution in it is used unchanged.

    Examples
    --------
    >>> import headwater as hw
    >>> head = hw.head_from_subject("sub-01", "/data/freesurfer")  # doctest: +SKIP
    """
    folder = _subject_folder(subject, subjects_dir)
    layers = read_layers(folder)
    structures, brain = _segmentation(folder)
    fiducials = _fiducials(folder)
    return Head(
        name=subject,
        reference=f"{subject} in {folder.parent}",
        inner_skull=layers.inner_skull,
        outer_skull=layers.outer_skull,
        scalp=layers.scalp,
        cortex=_cortex(folder),
        structures=structures,
        brain=brain,
        fiducials=fiducials,
        mri_head_t=_mri_head(folder, fiducials, trans),
        mri_mni_t=_mri_mni(folder),
        conductor=layers.conductor,
        mri=_mri(folder),
    )


def _mri(folder: Path) -> Path | None:
    """Path of the subject's MRI, the one with even intensities first."""
    return next((path for name in ("T1.mgz", "orig.mgz") if (path := folder / "mri" / name).is_file()), None)


def _subject_folder(subject: str, subjects_dir: str | Path | None) -> Path:
    """Folder of the subject, or a refusal."""
    place = subjects_dir or mne.get_config("SUBJECTS_DIR")
    if place is None:
        raise InputError("No subjects directory is known; give `subjects_dir`.")
    folder = Path(place) / subject
    if not folder.is_dir():
        raise InputError(f"There is no subject {subject!r} in {place}; check the name and the subjects directory.")
    return folder


def _fiducials(folder: Path) -> dict[str, np.ndarray]:
    """Fiducials in the MRI frame, none if nobody marked them."""
    path = folder / "bem" / f"{folder.name}-fiducials.fif"
    if not path.is_file():
        return {}
    with readable(path, "file of fiducials"):
        points, _ = mne.io.read_fiducials(path, verbose="error")
    names = {2: "nasion", 1: "lpa", 3: "rpa"}
    return {names[int(point["ident"])]: point["r"].astype(float) for point in points if int(point["ident"]) in names}


def _mri_head(folder: Path, fiducials: dict[str, np.ndarray], trans: str | Path | Transform | None) -> Transform:
    """Transform from MRI to head coordinates."""
    if isinstance(trans, str) and trans == "fiducials":
        if len(fiducials) < 3:
            raise InputError(f"Subject {folder.name!r} has no bem/{folder.name}-fiducials.fif to take fiducials from.")
        return Transform(
            "mri", "head", get_ras_to_neuromag_trans(fiducials["nasion"], fiducials["lpa"], fiducials["rpa"])
        )
    if isinstance(trans, Transform):
        found = trans
    else:
        found = _read_trans(_trans_path(folder) if trans is None else Path(trans))
    if {found["from"], found["to"]} != {FIFF.FIFFV_COORD_MRI, FIFF.FIFFV_COORD_HEAD}:
        raise InputError(
            "The trans does not lead between MRI and head coordinates; give the coregistration's -trans.fif."
        )
    check_transform(found, "MRI-to-head", "coregister MRI and sensors again")
    if np.allclose(found["trans"], np.eye(4)):
        raise InputError("The trans is the identity, so MRI and sensors were never aligned; coregister them first.")
    return found if found["from"] == FIFF.FIFFV_COORD_MRI else mne.transforms.invert_transform(found)


def _read_trans(path: Path) -> Transform:
    """Read a transform, or refuse in plain words."""
    with readable(path, "transform between MRI and head coordinates"):
        return mne.read_trans(path, verbose="error")


def _trans_path(folder: Path) -> Path:
    """Find the only ``-trans.fif`` of the subject, or the one that bears its name."""
    found = sorted({*folder.glob("*-trans.fif"), *(folder / "bem").glob("*-trans.fif")})
    own = [path for path in found if path.name == f"{folder.name}-trans.fif"]
    if len(own) == 1 or len(found) == 1:
        return (own or found)[0]
    if not found:
        raise InputError(
            f"Subject {folder.name!r} has no -trans.fif; give the result of the coregistration (`trans`), or "
            "`trans='fiducials'` to rely on the fiducials marked in the MRI."
        )
    raise InputError(
        f"Subject {folder.name!r} has several trans files ({', '.join(p.name for p in found)}); give one (`trans`)."
    )


def _cortex(folder: Path) -> Cortex | None:
    """White, pial and inflated surfaces with the Desikan-Killiany parcellation; None without any of the surfaces."""
    wanted = {
        name: [folder / "surf" / f"{hemi}.{name}" for hemi in ("lh", "rh")] for name in ("white", "pial", "inflated")
    }
    missing = [path for paths in wanted.values() for path in paths if not path.is_file()]
    if len(missing) == 6:
        return None
    if missing:
        raise InputError(
            f"The cortex of {folder.name!r} is incomplete: {', '.join(path.name for path in missing)} missing."
        )
    sheets = {name: _pair(paths) for name, paths in wanted.items()}
    n_vertices = [len(surface.rr) for surface in sheets["white"]]
    for name, pair in sheets.items():
        for hemi, surface, n in zip(("lh", "rh"), pair, n_vertices, strict=True):
            surface.check(f"surface {hemi}.{name} of {folder.name!r}")
            if len(surface.rr) != n:
                raise InputError(
                    f"The surfaces {hemi}.white and {hemi}.{name} of {folder.name!r} have {n} and {len(surface.rr)} "
                    "vertices; take both from the same reconstruction."
                )
    ids: list[np.ndarray] = []
    names: list[str] = []
    for hemi, n in zip(("lh", "rh"), n_vertices, strict=True):
        hemi_ids, hemi_names = _parcellation(folder / "label" / f"{hemi}.aparc.annot", hemi, n)
        ids.append(np.where(hemi_ids >= 0, hemi_ids + len(names), -1))
        names += hemi_names
    return Cortex(
        white=sheets["white"],
        pial=sheets["pial"],
        inflated=sheets["inflated"],
        region_ids=(ids[0], ids[1]),
        region_names=tuple(names),
        registered=_registered(folder, n_vertices),
    )


def _registered(folder: Path, n_vertices: list[int]) -> tuple[np.ndarray, np.ndarray] | None:
    """Vertices on the registered sphere, as unit vectors; None without both of its files."""
    paths = [folder / "surf" / f"{hemi}.sphere.reg" for hemi in ("lh", "rh")]
    if not all(path.is_file() for path in paths):
        return None
    left, right = (surface.rr for surface in _pair(paths))
    for path, rr, n in zip(paths, (left, right), n_vertices, strict=True):
        if len(rr) != n or not np.linalg.norm(rr, axis=1).all():
            raise InputError(
                f"{path} has {len(rr)} vertices of a sphere, and the white surface {n}; take both from the same "
                "reconstruction."
            )
    return left / np.linalg.norm(left, axis=1, keepdims=True), right / np.linalg.norm(right, axis=1, keepdims=True)


def _pair(paths: list[Path]) -> tuple[Surface, Surface]:
    """Read both hemispheres (mm on disk)."""
    meshes = []
    for path in paths:
        with readable(path, "FreeSurfer surface"):
            meshes.append(mne.read_surface(path, verbose="error"))
    left, right = (Surface(rr / 1000, tris) for rr, tris in meshes)
    return left, right


def _parcellation(path: Path, hemi: str, n_vertices: int) -> tuple[np.ndarray, list[str]]:
    """Region of each vertex (-1: none) and names; no regions at all without the file."""
    if not path.is_file():
        return np.full(n_vertices, -1), []
    with readable(path, "FreeSurfer annotation"):
        labels, _, table = nib.freesurfer.read_annot(path)
    if len(labels) != n_vertices:
        raise InputError(
            f"{path} labels {len(labels)} vertices of a surface with {n_vertices}; take both from the same "
            "reconstruction."
        )
    regions = [(index, name.decode()) for index, name in enumerate(table) if name.decode() not in NO_REGION]
    lookup = np.full(len(table) + 1, -1)  # the last entry serves label -1
    for number, (index, _) in enumerate(regions):
        lookup[index] = number
    return lookup[labels], [f"{name}-{hemi}" for _, name in regions]


def _segmentation(folder: Path) -> tuple[LabelVolume | None, LabelVolume | None]:
    """Deep structures, and grey and white matter, of FreeSurfer's automatic segmentation."""
    path = folder / "mri" / "aseg.mgz"
    return read_segmentation(path, surface_ras=True) if path.is_file() else (None, None)


def _mri_mni(folder: Path) -> np.ndarray | None:
    """From surface RAS to MNI305, in metres; None without FreeSurfer's Talairach transform."""
    if not (folder / "mri" / "transforms" / "talairach.xfm").is_file():
        return None
    if not any((folder / "mri" / name).is_file() for name in ("orig.mgz", "T1.mgz")):
        raise InputError(f"Subject {folder.name!r} has a talairach.xfm but neither mri/orig.mgz nor mri/T1.mgz.")
    with readable(folder / "mri" / "transforms" / "talairach.xfm", "Talairach transform"):
        return mne.read_talxfm(folder.name, folder.parent, verbose="error")["trans"]
