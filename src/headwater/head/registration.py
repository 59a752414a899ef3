"""Where MNI305 is in a head that nobody normalised: the template's inner skull, laid upon the head's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from mne.transforms import Transform, apply_trans

from headwater._utils.errors import InputError
from headwater.head.anatomy import Surface
from headwater.head.fit import fit_to_points
from headwater.head.template import template_head

# From MNI152 to MNI305 in metres: FreeSurfer's "CoordinateSystems", 8b, inverted.
MNI152_TO_MNI305 = np.linalg.inv(
    np.array(
        [
            [0.9975, -0.0073, 0.0176, -0.0429e-3],
            [0.0146, 1.0009, -0.0024, 1.5496e-3],
            [-0.0130, -0.0093, 0.9971, 1.1840e-3],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
)
THINNING = 4  # of the vertices: every fourth is enough for nine unknowns


def mni_of_inner_skull(inner_skull: Surface) -> np.ndarray:
    """Estimate the way to MNI305 by a rotation, a shift and a scale along each axis.

    Parameters
    ----------
    inner_skull : Surface
        In metres, with axes about as in MNI305: x to the right, y to the front, z up.

    Returns
    -------
    mri_mni_t : array of shape (4, 4)
        From the frame of the surface to MNI305, in metres. Compared with a normalisation of the MRI, deep places are
        off by some millimetres (``tests/head/test_meshes.py``).
    """
    template = template_head()
    axes = Transform("mri", "head", np.eye(4))
    skull = replace(template, scalp=template.inner_skull, outer_skull=None, cortex=None, fiducials={}, mri_head_t=axes)
    try:
        fitted = fit_to_points(skull, inner_skull.rr[::THINNING], {})
    except InputError as error:
        raise InputError(
            "The inner skull does not resemble the template's; check its unit (metres) and its axes (x right, y "
            "front, z up), or give `mri_mni_t`."
        ) from error
    origin = fitted.to_mni(np.zeros(3))
    affine = np.eye(4)
    affine[:3, :3] = (fitted.to_mni(np.eye(3)) - origin).T
    affine[:3, 3] = origin
    return affine


def fiducials_of_template(mri_mni_t: np.ndarray) -> dict[str, np.ndarray]:
    """Carry the template's fiducials to a head's MRI frame, in metres; they lie near its scalp, not on it."""
    return {name: apply_trans(np.linalg.inv(mri_mni_t), pos) for name, pos in template_head().fiducials.items()}
