"""Lead fields on disk: one ``.npz`` file of plain arrays, written whole or not at all, read without pickle."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import mne
import numpy as np
from scipy import sparse

from headwater._utils.errors import InputError
from headwater._utils.files import atomic_file

FORMAT = "headwater lead field 1"
SUFFIX = ".npz"


def write_tree(path: Path, tree: dict[str, Any]) -> None:
    """Write nested dicts and lists of arrays, sparse arrays, transforms, info and plain values."""
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps({"format": FORMAT, "tree": _encode(tree, arrays)})
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, tree=np.frombuffer(text.encode(), np.uint8), **arrays)


def read_tree(path: Path) -> dict[str, Any]:
    """Read what `write_tree` wrote; anything else is refused in words."""
    if not path.is_file():
        raise InputError(f"There is no lead field at {path}; check the path.")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = dict(stored)
        document = json.loads(arrays["tree"].tobytes())
        known = document["format"] == FORMAT
        tree = _decode(document["tree"], arrays) if known else {}
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is not a lead field of headwater, or is damaged; write it anew with LeadField.save."
        ) from error
    if not known:
        raise InputError(f"{path} is a {document['format']}, which this version does not read; update headwater.")
    return tree


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Replace what JSON cannot hold by a one-entry dict that names its kind; arrays move to ``arrays``."""

    def keep(array: np.ndarray) -> str:
        name = f"a{len(arrays)}"
        arrays[name] = np.asarray(array)
        return name

    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | np.integer):  # also MNE's named integers
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, np.ndarray):
        return {"array": keep(value)}
    if sparse.issparse(value):
        table = sparse.csr_array(value)
        return {"csr": [keep(table.data), keep(table.indices), keep(table.indptr), list(table.shape)]}
    if isinstance(value, mne.Info):
        return {"info": keep(_info_bytes(value))}
    if isinstance(value, mne.transforms.Transform):
        return {"transform": [int(value["from"]), int(value["to"]), keep(value["trans"])]}
    if isinstance(value, list | tuple) and value and all(isinstance(item, np.ndarray) for item in value):
        return {"arrays": [keep(np.concatenate(value)), keep(np.array([len(item) for item in value]))]}
    if isinstance(value, list | tuple):
        return {"list": [_encode(item, arrays) for item in value]}
    if isinstance(value, dict):
        return {"dict": {key: _encode(item, arrays) for key, item in value.items()}}
    raise TypeError(f"cannot store a {type(value).__name__}")


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
