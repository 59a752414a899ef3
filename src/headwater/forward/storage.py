"""Lead fields on disk: one ``.npz`` file of plain arrays with a checksum, read without pickle."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import mne
import numpy as np
from scipy import sparse

from headwater._utils.errors import InputError
from headwater._utils.npz import DamagedFile, read_arrays, write_arrays
from headwater.forward.grid import Grid
from headwater.head.tissues import NearestRegions

FORMAT = "headwater lead field 2"
SUFFIX = ".npz"
CHECKSUM = "sha256"

T = TypeVar("T")


def write_leadfield(path: Path, fields: dict[str, Any]) -> None:
    """Write the fields of a lead field, whole or not at all."""
    if path.suffix != SUFFIX:
        raise InputError(f"A lead field is written as {SUFFIX}; call it {path.name}{SUFFIX} rather than {path.name}.")
    src = fields["src"]
    tree = {
        **fields,
        "src": {"spaces": [dict(space) for space in src], "info": dict(src.info)},
        **{name: None if fields[name] is None else vars(fields[name]) for name in ("grid", "nearest")},
    }
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps({"format": FORMAT, "tree": _encode(tree, arrays)})
    arrays["tree"] = np.frombuffer(text.encode(), np.uint8)
    write_arrays(path, {**arrays, CHECKSUM: _checksum(arrays)})


def read_leadfield(path: Path, make: Callable[..., T]) -> T:
    """Read what `write_leadfield` wrote and give the fields to ``make``; anything else is refused in words."""
    if not path.is_file():
        raise InputError(f"There is no lead field at {path}; check the path.")
    damaged = f"{path} is not a lead field of headwater, or is damaged; write it again with LeadField.save."
    try:
        arrays = read_arrays(path)
        checksum = arrays.pop(CHECKSUM, None)
        document = json.loads(arrays["tree"].tobytes())
        if document["format"] != FORMAT:
            raise InputError(
                f"{path} is a {document['format']}, and this version reads {FORMAT}; write it again with the "
                "LeadField.save of this version."
            )
        if checksum is None or not np.array_equal(checksum, _checksum(arrays)):
            raise InputError(damaged)
        return make(**_fields(_decode(document["tree"], arrays)))
    except InputError:
        raise
    except (DamagedFile, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(damaged) from error


def _fields(tree: dict[str, Any]) -> dict[str, Any]:
    """Fields of a lead field from what was stored of them."""
    grid, nearest = tree["grid"], tree["nearest"]
    return {
        **tree,
        "src": mne.SourceSpaces(tree["src"]["spaces"], tree["src"]["info"]),
        "region_names": tuple(tree["region_names"]),
        "grid": None if grid is None else Grid(**{**grid, "shape": tuple(grid["shape"])}),
        "nearest": None if nearest is None else NearestRegions(**{**nearest, "names": tuple(nearest["names"])}),
    }


def _checksum(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """SHA-256 of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array).data)
    return np.frombuffer(digest.digest(), np.uint8)


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Replace what JSON cannot hold by a one-entry dict that names its kind; arrays move to ``arrays``."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | np.integer):  # also MNE's named integers
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, mne.Info | mne.transforms.Transform) or not isinstance(value, dict | list | tuple):
        return _encode_object(value, arrays)
    if isinstance(value, dict):
        return {"dict": {key: _encode(item, arrays) for key, item in value.items()}}
    if value and all(isinstance(item, np.ndarray) for item in value):
        lengths = np.array([len(item) for item in value])
        return {"arrays": [_kept(np.concatenate(value), arrays), _kept(lengths, arrays)]}
    return {"list": [_encode(item, arrays) for item in value]}


def _encode_object(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Take an array, or an object made of arrays, apart."""
    if isinstance(value, np.ndarray):
        return {"array": _kept(value, arrays)}
    if sparse.issparse(value):
        table = sparse.csr_array(value)
        return {
            "csr": [*(_kept(part, arrays) for part in (table.data, table.indices, table.indptr)), list(table.shape)]
        }
    if isinstance(value, mne.Info):
        return {"info": _kept(_info_bytes(value), arrays)}
    if isinstance(value, mne.transforms.Transform):
        return {"transform": [int(value["from"]), int(value["to"]), _kept(value["trans"], arrays)]}
    raise TypeError(f"cannot store a {type(value).__name__}")


def _kept(array: np.ndarray, arrays: dict[str, np.ndarray]) -> str:
    """Put an array among the others and return its name there."""
    name = f"a{len(arrays)}"
    arrays[name] = np.asarray(array)
    return name


def _decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "array":
            return arrays[content]
        case "csr":
            data, indices, indptr, shape = content
            return sparse.csr_array((arrays[data], arrays[indices], arrays[indptr]), shape=tuple(shape))
        case "info":
            return _info_from_bytes(arrays[content])
        case "transform":
            return mne.transforms.Transform(content[0], content[1], arrays[content[2]])
        case "arrays":
            return np.split(arrays[content[0]], np.cumsum(arrays[content[1]])[:-1])
        case "list":
            return [_decode(item, arrays) for item in content]
        case "dict":
            return {key: _decode(item, arrays) for key, item in content.items()}
    raise ValueError(f"unknown kind {kind!r}")


def _info_bytes(info: mne.Info) -> np.ndarray:
    """Info in the FIF format: MNE's own way to keep coils, compensation and transforms."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lead-info.fif"
        mne.io.write_info(path, info, verbose="error")
        return np.frombuffer(path.read_bytes(), np.uint8)


def _info_from_bytes(content: np.ndarray) -> mne.Info:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lead-info.fif"
        path.write_bytes(content.tobytes())
        return mne.io.read_info(path, verbose="error")
