"""A person's own electrodes and MEG coils from a file of HBF (Helsinki BEM Framework), such as its sample head."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.transforms import Transform

from headwater._utils.errors import InputError
from headwater.head.geometry import NearestPoint
from headwater.head.model import Head
from headwater.head.subject_bem import readable


def hbf_info(path: str | Path, head: Head) -> mne.Info:
    """Read the EEG electrodes and the MEG coils of an HBF file.

    Parameters
    ----------
    path : path-like
        ``.mat`` with ``electrodes`` (``p_orig``, ``names``), ``coils`` (integration points ``QP`` and ``QPinds``,
        weights ``QW``, ``pos``, ``n``, ``names``), or both: in metres, in the frame of the meshes.
    head : Head
        From `headwater.head_from_meshes`, with the meshes of the file. Electrodes are projected on its scalp.

    Returns
    -------
    info : mne.Info
        MEG first. Coils whose weights cancel are planar gradiometers, the others magnetometers, of the size of those of
        Neuromag systems.
    """
    from pymatreader import read_mat

    with readable(Path(path), "MATLAB file"):
        content = read_mat(path)
    coils = _coils(content["coils"], head) if "coils" in content else []
    electrodes = _electrodes(content["electrodes"], head) if "electrodes" in content else {}
    if not coils and not electrodes:
        raise InputError(f"{Path(path).name} has neither electrodes nor coils of HBF; give another file.")
    kinds = [kind for _, kind, _ in coils] + ["eeg"] * len(electrodes)
    info = mne.create_info([name for name, _, _ in coils] + [*electrodes], 1000.0, kinds)
    if electrodes:
        info.set_montage(mne.channels.make_dig_montage(electrodes, coord_frame="head"))
    types = {"grad": FIFF.FIFFV_COIL_VV_PLANAR_T1, "mag": FIFF.FIFFV_COIL_VV_MAG_T3}
    for channel, (_, kind, loc) in zip(info["chs"], coils, strict=False):
        channel["loc"], channel["coil_type"] = loc, types[kind]
    if coils:
        with info._unlock():  # noqa: SLF001 - MNE-Python has no public way to set the transform of a new info
            info["dev_head_t"] = Transform("meg", "head", np.eye(4))
    return info


def _coils(described: Mapping[str, Any], head: Head) -> list[tuple[str, str, np.ndarray]]:
    """Name, kind and location (12 numbers, as MNE-Python has them) of each coil."""
    rotation = head.mri_head_t["trans"][:3, :3]
    points, weights = np.asarray(described["QP"], float), np.asarray(described["QW"], float)
    spans = np.asarray(described["QPinds"], int)
    found = []
    for name, middle, normal, (first, last) in zip(
        described["names"], described["pos"], described["n"], spans, strict=True
    ):
        own, weight = points[first - 1 : last], weights[first - 1 : last]
        planar = abs(weight.sum()) < 1e-6 * np.abs(weight).sum()
        # From the loop that counts negatively to the one that counts positively; any direction for a single loop.
        along = weight @ own if planar else np.eye(3)[np.argmin(np.abs(normal))]
        along = along - (along @ normal) * normal / (normal @ normal)
        x, z = (rotation @ (axis / np.linalg.norm(axis)) for axis in (along, np.asarray(normal, float)))
        loc = np.concatenate([head.to_head(np.asarray(middle, float)), x, np.cross(z, x), z])
        found.append((str(name), "grad" if planar else "mag", loc))
    return found


def _electrodes(described: Mapping[str, Any], head: Head) -> dict[str, np.ndarray]:
    """Positions in head coordinates, on the scalp; of names like "A1 (Cz)" the first word."""
    if head.scalp is None:
        raise InputError(f"The head {head.name!r} has no scalp to put electrodes on; give its scalp mesh.")
    pos = NearestPoint(head.scalp.rr, head.scalp.tris)(np.asarray(described["p_orig"], float))[0]
    names = [str(name).split()[0] for name in described["names"]]
    return dict(zip(names, head.to_head(pos), strict=True))
