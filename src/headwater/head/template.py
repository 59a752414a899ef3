"""The head that needs no MRI: fsaverage, with a derived outer skull, from one file inside the package."""

from __future__ import annotations

import hashlib
import io
from functools import cache
from importlib.resources import files

import numpy as np
from mne.transforms import Transform, get_ras_to_neuromag_trans

from headwater.head.anatomy import Cortex, LabelVolume, Surface
from headwater.head.model import Head

# ``tools/build_template.py`` prints it; ``docs/template.md`` describes the content.
SHA256 = "f9834c40f0886975497381504bb1c7ea47d0e7457ffa217628e4f50ed6846458"


@cache
def _arrays() -> dict[str, np.ndarray]:
    """Content of the template file, after checking that it is the file that was tested."""
    content = files("headwater.head").joinpath("template.npz").read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise RuntimeError("The template file inside the package is damaged; install headwater again.")
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = dict(stored)
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


@cache
def template_head() -> Head:
    """Return the template head: fsaverage's surfaces, cortex (fsaverage5), regions and fiducials; offline.

    Inner skull and scalp are fsaverage's, the outer skull is derived (2562 vertices each). Its MRI frame is MNI305.
    ``docs/template.md`` gives the origin and licence of each part.

    Returns
    -------
    head : Head

    Examples
    --------
    >>> import headwater as hw
    >>> hw.template_head().cortex.region_names[:2]
    ('bankssts-lh', 'caudalanteriorcingulate-lh')
    """
    return head_of(_arrays())


def head_of(arrays: dict[str, np.ndarray]) -> Head:
    """Make the head of the arrays of the template file."""
    fiducials = dict(zip(("nasion", "lpa", "rpa"), arrays["fiducials"].astype(float), strict=True))
    mri_head = get_ras_to_neuromag_trans(fiducials["nasion"], fiducials["lpa"], fiducials["rpa"])
    tris = arrays["tris"].astype(np.int32)
    return Head(
        name="template",
        subject="fsaverage",
        inner_skull=Surface(arrays["inner_skull"].astype(float), tris),
        outer_skull=Surface(arrays["outer_skull"].astype(float), tris),
        scalp=Surface(arrays["scalp"].astype(float), tris),
        cortex=_cortex(arrays),
        structures=LabelVolume(
            arrays["structures"], arrays["structure_affine"], tuple(str(name) for name in arrays["structure_names"])
        ),
        brain=LabelVolume(_brain(arrays), arrays["brain_affine"], ("Brain",)),
        fiducials=fiducials,
        mri_head_t=Transform("mri", "head", mri_head),
        mri_mni_t=np.eye(4),
        reference="template",
    )


def standard_electrodes() -> dict[str, np.ndarray]:
    """Names of the 10-05 system and positions on the template's scalp (MRI frame, in metres)."""
    arrays = _arrays()
    return {
        str(name): pos for name, pos in zip(arrays["electrode_names"], arrays["electrodes"].astype(float), strict=True)
    }


def _brain(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Which voxels are grey or white matter; stored as bits."""
    shape = tuple(arrays["brain_shape"].tolist())
    return np.unpackbits(arrays["brain"], count=int(np.prod(shape))).reshape(shape)


def _cortex(arrays: dict[str, np.ndarray]) -> Cortex:
    """Put the cortex together: region 255 of the file is unknown."""
    tris = {hemi: arrays[f"tris_{hemi}"].astype(np.int32) for hemi in ("lh", "rh")}

    def sheet(name: str) -> tuple[Surface, Surface]:
        left, right = (Surface(arrays[f"{name}_{hemi}"].astype(float), tris[hemi]) for hemi in ("lh", "rh"))
        return left, right

    left, right = (arrays[f"region_ids_{hemi}"].astype(int) for hemi in ("lh", "rh"))
    return Cortex(
        white=sheet("white"),
        pial=sheet("pial"),
        inflated=sheet("inflated"),
        region_ids=(np.where(left == 255, -1, left), np.where(right == 255, -1, right)),
        region_names=tuple(str(name) for name in arrays["region_names"]),
    )
