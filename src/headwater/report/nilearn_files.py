"""What nilearn's wheel holds and the interactive page needs: NiiVue and an average MRI."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

NIIVUE = "_assets/js/niivue.umd.js"
AVERAGE_MRI = "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"


def nilearn_file(name: str) -> Path | None:
    """Return a file of the installed nilearn, without importing it; None where nilearn or the file is not there."""
    spec = find_spec("nilearn")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / name
    return path if path.is_file() else None
