"""Prior variance and orientation of the sources.

The prior covariance of source ``s`` is ``v_s (l I + (1 - l) n n')``: variance ``v_s`` along the normal ``n``, and the
fraction ``l`` of it (``loose``) along the two directions tangential to the cortex (Lin et al. 2006, NeuroImage 31:160).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from headwater._utils.errors import InputError
from headwater.forward.estimate import source_kind
from headwater.forward.leadfield import LeadField
from headwater.solvers.inputs.whitening import Whitened

Loose = float | str | Mapping[str, float]
Depth = float | Mapping[str, Any] | None

# The defaults of mne.minimum_norm.make_inverse_operator.
DEPTH_DEFAULTS = {"exp": 0.8, "limit": 10.0, "limit_depth_chs": True, "combine_xyz": "spectral"}
KINDS = {"surf": "surface", "vol": "volume", "discrete": "discrete"}


def loose_per_source(leadfield: LeadField, loose: Loose) -> np.ndarray:
    """Return the prior variance of tangential relative to normal currents, one number per source.

    Parameters
    ----------
    leadfield : LeadField
    loose : float | "auto" | dict
        0: fixed to the normal; 1: free. "auto": 0.2 for purely cortical source spaces, 1 if there are other sources,
        and 0 for a lead field with fixed orientations. A dict maps kinds of source space to values, as in MNE-Python.
    """
    kinds = [KINDS[space["type"]] for space in leadfield.src]
    if isinstance(loose, str):
        if loose != "auto":
            raise InputError(f"loose is {loose!r}; use a number between 0 and 1, or 'auto'.")
        loose = 0.0 if leadfield.n_orient == 1 else 0.2 if source_kind(leadfield.src) == "surface" else 1.0
    by_kind = dict(loose) if isinstance(loose, Mapping) else dict.fromkeys(kinds, float(loose))
    if set(by_kind) != set(kinds):
        raise InputError(
            f"loose has the keys {sorted(by_kind)}, but the source spaces are {sorted(set(kinds))}; use these as keys."
        )
    _check_loose(by_kind, leadfield.n_orient)
    tangential = np.repeat([by_kind[kind] for kind in kinds], [space["nuse"] for space in leadfield.src])
    if leadfield.n_orient == 3 and (tangential[~leadfield.cortical] < 1).any():
        raise InputError("Some sources, for example in a volume, have no normal; use loose=1 or 'auto' for them.")
    return tangential


def _check_loose(by_kind: Mapping[str, float], n_orient: int) -> None:
    for value in by_kind.values():
        if not 0 <= value <= 1:
            raise InputError(f"loose is {value:g}; it must lie between 0 (fixed) and 1 (free).")
        if n_orient == 1 and value > 0:
            raise InputError(
                "The lead field has fixed orientations; use loose=0 or 'auto', or a lead field with free orientations."
            )


def oriented_gain(white: Whitened, loose: np.ndarray) -> np.ndarray:
    """Return the whitened gain of the estimated orientations: (rank, n_sources, 3), or 1 if all are fixed."""
    if loose.any() or white.leadfield.n_orient == 1:
        return white.gain
    return np.einsum("csx,sx->cs", white.gain, white.leadfield.normals)[:, :, np.newaxis]


def orientation_blocks(loose: np.ndarray, normals: np.ndarray, n_orient: int) -> np.ndarray:
    """Return the orientation prior ``l I + (1 - l) n n'``, shape (n_sources, n_orient, n_orient)."""
    if n_orient == 1:
        return np.ones((len(loose), 1, 1))
    along = normals[:, :, np.newaxis] * normals[:, np.newaxis, :]
    tangential = loose[:, np.newaxis, np.newaxis]
    return tangential * np.eye(3) + (1 - tangential) * along


def depth_variance(white: Whitened, depth: Depth) -> np.ndarray:
    """Return the prior variance that compensates for depth, ``v_s = min(1 / (d_s limit), 1) ** exp``, for each source.

    ``d_s`` is the power at the sensors of a unit source: the largest eigenvalue of ``G_s' G_s`` (or its trace).

    Parameters
    ----------
    white : Whitened
        Whitened lead field with free orientations.
    depth : float | dict | None
        The exponent; None for no weighting; or a dict with ``exp``, ``limit``, ``limit_depth_chs`` and
        ``combine_xyz``, as in :func:`mne.forward.compute_depth_prior`.

    Returns
    -------
    variance : array of shape (n_sources,)
    """
    options = {**DEPTH_DEFAULTS, **(depth if isinstance(depth, Mapping) else {"exp": depth})}
    if unknown := set(options) - set(DEPTH_DEFAULTS):
        raise InputError(f"depth has no option {sorted(unknown)}; use {', '.join(DEPTH_DEFAULTS)}.")
    exponent, limit = options["exp"], options["limit"]
    if exponent is not None and exponent < 0:
        raise InputError(f"The depth exponent is {exponent:g}; it must be at least 0.")
    if not exponent:
        return np.ones(white.leadfield.n_sources)
    weight = 1.0 / _source_power(_depth_gain(white, options["limit_depth_chs"]), options["combine_xyz"])
    if limit is None:
        return weight**exponent
    ceiling = weight.min() * limit**2
    if options["limit_depth_chs"] is not False and weight.max() <= ceiling:
        ceiling = weight.max()
    elif options["limit_depth_chs"] is not False:
        ceiling = weight[weight > ceiling].min()  # smallest weight above the limit, as in MNE's C code
    return np.minimum(weight / ceiling, 1.0) ** exponent


def _depth_gain(white: Whitened, channels: bool | str) -> np.ndarray:
    """Return the gain for the depth weights: of gradiometers, else magnetometers, else EEG; of all; or whitened."""
    if channels == "whiten":
        return white.gain
    if channels is False:
        return white.leadfield.gain
    if channels is not True:
        raise InputError(f"limit_depth_chs is {channels!r}; choose True, False or 'whiten'.")
    types = np.array(white.leadfield.ch_types)
    best = next(kind for kind in ("grad", "mag", "eeg") if kind in types)
    return white.leadfield.gain[types == best]


def _source_power(gain: np.ndarray, combine_xyz: str) -> np.ndarray:
    if combine_xyz not in ("spectral", "fro"):
        raise InputError(f"combine_xyz is {combine_xyz!r}; choose 'spectral' or 'fro'.")
    blocks = np.einsum("csi,csj->sij", gain, gain, optimize=True)
    power = np.trace(blocks, axis1=1, axis2=2) if combine_xyz == "fro" else np.linalg.eigvalsh(blocks)[:, -1]
    if not (power > 0).any():
        raise InputError("The lead field is zero for all sources; check how it was computed.")
    return np.where(power > 0, power, power[power > 0].min())  # MEG is insensitive to the centre of a sphere
