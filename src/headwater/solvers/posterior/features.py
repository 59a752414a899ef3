"""What a calibration may know of a recording: how strong it is, and how far it is from that of a single source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from headwater.solvers.inputs.whitening import Whitened

LEAST_SNR = 0.1  # of powers: weaker signals are not told apart
AT_ONCE = 1024  # sources


@dataclass(frozen=True, eq=False)
class Features:
    """Features of each time point.

    Attributes
    ----------
    snr_db : array of shape (n_times,)
        Power of the whitened data above the stated noise, per independent channel.
    diffuse_db : array of shape (n_times,)
        Share of the power that the best single dipole does not explain: small for one focal source, larger for several
        and for wide ones.
    meg : float
        Share of the channels that are MEG.
    """

    snr_db: np.ndarray
    diffuse_db: np.ndarray
    meg: float


def features_of(
    white: Whitened, data: np.ndarray, nave: int = 1, bases: Iterable[np.ndarray] | None = None
) -> Features:
    """Compute the features of data of shape (n_channels, n_times).

    Parameters
    ----------
    white : Whitened
        By the noise covariance of single trials.
    data : array of shape (n_channels, n_times)
        Channels of ``white.leadfield``.
    nave : int
        Number of averaged trials.
    bases : iterable of array | None
        What `dipole_bases` gives for ``white.gain``, if it was computed before.
    """
    bases = dipole_bases(white.gain) if bases is None else bases
    z = np.sqrt(nave) * (white.whitener @ data)
    power = np.sum(z**2, axis=0)
    snr = np.maximum(power / len(z) - 1.0, LEAST_SNR)
    left = np.clip(1.0 - _best_dipole(bases, z) / np.where(power > 0, power, 1.0), 1e-4, 1.0)
    meg = np.mean([kind != "eeg" for kind in white.leadfield.ch_types])
    return Features(10 * np.log10(snr), 10 * np.log10(left), float(meg))


def dipole_bases(gain: np.ndarray) -> Iterator[np.ndarray]:
    """Yield orthonormal bases of what a dipole at each source can explain, shape (n, n_orient, rank), in parts.

    Parameters
    ----------
    gain : array of shape (rank, n_sources, n_orient)
        Whitened.
    """
    for start in range(0, gain.shape[1], AT_ONCE):
        basis, _ = np.linalg.qr(np.moveaxis(gain[:, start : start + AT_ONCE], 0, 1))
        yield np.ascontiguousarray(basis.transpose(0, 2, 1))


def _best_dipole(bases: Iterable[np.ndarray], z: np.ndarray) -> np.ndarray:
    """Return the largest power that one dipole explains, shape (n_times,)."""
    best = np.zeros(z.shape[1])
    for basis in bases:
        explained = (basis.reshape(-1, len(z)) @ z).reshape(*basis.shape[:2], -1)
        best = np.maximum(best, np.sum(explained**2, axis=1).max(axis=0))
    return best
