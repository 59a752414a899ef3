"""Report of ``build_template.py`` on the template head, and the coordinate transform used."""

from pathlib import Path

import nibabel as nib
import nilearn
import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree
from template_surfaces import sharp_edges

from headwater.head.geometry import NearestPoint, enclosed_volume, inside
from headwater.report.interactive.anatomy import MNI152_TO_MNI305


def nilearn_folder() -> Path:
    """Folder of the data inside the nilearn package."""
    return Path(nilearn.__file__).parent / "datasets" / "data"


def quantiles_mm(distance: np.ndarray) -> str:
    """Return 5, 50 and 95 % quantiles of distances in metres, printed in mm."""
    return " / ".join(f"{value:.1f}" for value in np.percentile(distance * 1000, [5, 50, 95]))


def surface_report(arrays: dict[str, np.ndarray], inner5: np.ndarray, outer5: np.ndarray) -> None:
    """Print sizes, thicknesses and nesting."""
    tris = arrays["tris"]
    surfaces = {name: arrays[name] for name in ("inner_skull", "outer_skull", "scalp")}
    for name, rr in surfaces.items():
        print(
            f"{name}: {len(rr)} vertices, {enclosed_volume(rr, tris) * 1e3:.2f} l, "
            f"{len(sharp_edges(rr, tris, 0))} on folds"
        )
    print(f"skull thickness at ico5 (5/50/95 %): {quantiles_mm(np.linalg.norm(outer5 - inner5, axis=1))} mm")
    for low, high in (("inner_skull", "outer_skull"), ("outer_skull", "scalp")):
        within = inside(surfaces[high], tris, surfaces[low]).all()
        _, distance, _ = NearestPoint(surfaces[high], tris)(surfaces[low])
        print(
            f"{low} inside {high}: {within}; distance {quantiles_mm(-distance)} mm, "
            f"least {-distance.max() * 1e3:.1f} mm"
        )
    sheet = np.vstack([arrays[f"{name}_{hemi}"] for name in ("white", "pial") for hemi in ("lh", "rh")])
    _, distance, _ = NearestPoint(surfaces["inner_skull"], tris)(sheet)
    print(
        f"cortex inside the inner skull: {(distance < 0).mean():.2%} of vertices, "
        f"closest {-distance.max() * 1e3:.1f} mm"
    )


def affine_report(arrays: dict[str, np.ndarray], dk: dict) -> None:
    """Print how well the atlas volume (MNI152) and the atlas on the mesh (fsaverage) agree under the affine.

    Each cortical voxel takes the name of the nearest mid-cortical vertex; the affine fitted to the centroids of the 68
    regions, which is independent of FreeSurfer's matrix, serves as a reference.
    """
    middle = np.vstack([(arrays[f"white_{hemi}"] + arrays[f"pial_{hemi}"]) / 2 for hemi in ("lh", "rh")]) * 1000
    labels = np.concatenate([dk[f"labels_{hemi}"] for hemi in ("lh", "rh")])
    cortical = np.isin(dk["volume"], [int(row["id"]) for row in dk["table"] if row["structure"] == "cortex"])
    voxels = np.argwhere(cortical)
    values = dk["volume"][cortical]
    mni152 = nib.affines.apply_affine(dk["affine"], voxels)
    ids = np.unique(values)
    source = np.array([mni152[values == k].mean(axis=0) for k in ids])
    target = np.array([middle[labels == k].mean(axis=0) for k in ids])
    fitted = np.linalg.lstsq(np.c_[source, np.ones(len(source))], target, rcond=None)[0].T
    tree = cKDTree(middle[labels > 0])
    fitted = np.vstack([fitted, [0, 0, 0, 1]])
    maps = [
        nib.load(nilearn_folder() / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz") for kind in ("gm", "wm")
    ]
    for name, affine in (
        ("identity", np.eye(4)),
        ("published", MNI152_TO_MNI305),
        ("published, wrong way round", np.linalg.inv(MNI152_TO_MNI305)),
        ("fitted to centroids", fitted),
    ):
        moved = mni152 @ affine[:3, :3].T + affine[:3, 3]
        distance, vertex = tree.query(moved)
        agree = (labels[labels > 0][vertex] == values)[distance < 3].mean()
        centroid = np.linalg.norm(source @ affine[:3, :3].T + affine[:3, 3] - target, axis=1)
        print(
            f"MNI152 -> MNI305, {name}: voxel to mid-cortex {distance.mean():.2f} mm, same name {agree:.1%}, "
            f"centroids off by {np.median(centroid):.2f} mm; grey and white matter at mid-cortex "
            + " and ".join(f"{fraction_at(image, np.linalg.inv(affine), middle):.3f}" for image in maps)
        )
    corners = np.array(np.meshgrid([-60, 60], [-90, 60], [-40, 70])).reshape(3, -1).T
    apart = np.linalg.norm(
        nib.affines.apply_affine(fitted, corners) - nib.affines.apply_affine(MNI152_TO_MNI305, corners), axis=1
    )
    print(
        f"published and fitted affine differ by {apart.mean():.1f} mm at the corners of the brain "
        f"(largest {apart.max():.1f})"
    )


def fraction_at(image: nib.Nifti1Image, affine: np.ndarray, points: np.ndarray) -> float:
    """Mean tissue fraction of an MNI152 map at points (mm) that ``affine`` carries to MNI152."""
    voxels = nib.affines.apply_affine(np.linalg.inv(image.affine) @ affine, points)
    values = image.get_fdata()
    return float(map_coordinates(values / values.max(), voxels.T, order=1).mean())
