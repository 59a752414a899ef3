"""Lead fields of SimNIBS (HDF5), from ``TDCSLEADFIELD`` or ``compute_tdcs_leadfield``."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.foreign.raw import RawLeadField

FIELDS = "mesh_leadfield/leadfields/tdcs_leadfield"
NODES = "mesh_leadfield/nodes/node_coord"


def simnibs(path: Path) -> RawLeadField:
    """Turn the electric fields of electrode pairs into the potentials of dipoles.

    By reciprocity (S. Rush and D. A. Driscoll, IEEE Trans. Biomed. Eng. 16 (1969) 15-22) the potential at electrode e
    against the reference, of a dipole p, is ``-E . p / I`` with the field E of a current I that enters at e and leaves
    at the reference; SimNIBS writes E for 1 A. The reference becomes a channel of its own, with potential zero.
    """
    try:
        with h5py.File(path) as file:
            if FIELDS not in file or NODES not in file:
                raise InputError(f"{path.name} has no lead field of SimNIBS; give the .hdf5 that TDCSLEADFIELD writes.")
            field, attributes = file[FIELDS], dict(file[FIELDS].attrs)
            if str(_text(attributes.get("field", "E"))) != "E":
                raise InputError(f"{path.name} has current densities; compute the lead field with field='E'.")
            gain = -np.asarray(field, float)
            pos = 1e-3 * np.asarray(file[NODES], float)
    except OSError as error:
        raise InputError(f"{path.name} is damaged, or not an HDF5 file.") from error
    if gain.ndim != 3 or gain.shape[1:] != pos.shape:
        raise InputError(
            f"{path.name} has fields of shape {gain.shape} for {len(pos)} nodes; compute the lead field with "
            "interpolation to the middle grey matter surface."
        )
    names = [str(_text(name)) for name in np.ravel(attributes.get("electrode_names", ()))]
    reference = str(_text(attributes.get("reference_electrode", "")))
    if reference in names:
        names.remove(reference)
    if len(names) != len(gain):
        return RawLeadField(program="SimNIBS", gain=gain, pos=pos)
    gain = np.concatenate([gain, np.zeros((1, *gain.shape[1:]))])
    return RawLeadField(program="SimNIBS", gain=gain, pos=pos, ch_names=(*names, reference or "reference"))


def _text(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value
