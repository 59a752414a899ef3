"""Which channels and which time points carry the estimate of a source.

A channel ``c`` is left out by giving it infinite noise. With ``u = W e_c`` (column ``c`` of the whitener), the inverse
of the covariance of the data becomes ``S^-1 - S^-1 u u' S^-1 / (u' S^-1 u)``, so that no matrix has to be inverted
again. An average reference is not a problem: what remains are the combinations of the other channels that have no
reference.

Time points are independent, given the variances. The evidence of each of them for a source is the logarithm of the
Bayes factor between a source with the assumed prior and no current there (Savage-Dickey density ratio). The evidence of
a window is their sum, so this is also its change if the time point is left out.
"""

from __future__ import annotations

import numpy as np

from headwater.solvers.algebra.matrices import symmetric_power

NO_INFORMATION = 1e-12  # of the largest channel: channels that projections have removed


def leave_out_channels(cross: np.ndarray, white: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the posterior mean of one source without each channel, shape (n_channels, n_orient, n_times).

    Parameters
    ----------
    cross : array of shape (n_modes, n_orient)
        ``T G R`` of the source, with ``T' T = S^-1``.
    white : array of shape (n_modes, n_times)
        ``T z``.
    columns : array of shape (n_modes, n_channels)
        ``T W``.
    """
    size = np.einsum("mc,mc->c", columns, columns)
    known = size > NO_INFORMATION * size.max(initial=0.0)
    size = np.where(known, size, 1.0)
    share = np.einsum("mc,mo->co", columns, cross) / size[:, np.newaxis]
    removed = share[:, :, np.newaxis] * (columns.T @ white)[:, np.newaxis, :]
    return cross.T @ white - np.where(known[:, np.newaxis, np.newaxis], removed, 0.0)


def evidence(mean: np.ndarray, covariance: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return the log Bayes factor of a source with this prior and one without current, shape (n_times,).

    Parameters
    ----------
    mean : array of shape (n_orient, n_times)
        Posterior mean.
    covariance, prior : array of shape (n_times, n_orient, n_orient)
        Posterior and prior covariance.
    """
    whiten = symmetric_power(prior, -0.5)
    values, vectors = np.linalg.eigh(whiten @ covariance @ whiten)
    free = values > 0
    values = np.where(free, values, 1.0)
    along = np.swapaxes(vectors, 1, 2) @ (whiten @ mean.T[:, :, np.newaxis])
    found: np.ndarray = 0.5 * np.sum(along[..., 0] ** 2 / values + np.log(values), axis=1)
    return found
