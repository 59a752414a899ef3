"""Solvers that apply one matrix to the data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from headwater.solvers.base import Solver, check_data


class LinearSolver(Solver):
    """A solver whose estimate is ``x = K y``; ``fit`` computes the kernel ``K``.

    Attributes
    ----------
    kernel_ : array of shape (n_sources * n_orient, n_channels)
        Kernel, including whitening and projections.
    n_orient_ : int
    """

    per_time_point: ClassVar[bool] = True
    kernel_: np.ndarray
    n_orient_: int

    def estimate(self, data: np.ndarray) -> np.ndarray:
        """Apply the kernel to data of shape (..., n_channels, n_times)."""
        data = check_data(data, self)
        return apply_kernel(self.kernel_, self.n_orient_, data)

    def _learn(self, operator: np.ndarray, whitener: np.ndarray) -> None:
        """Store an operator on whitened data, shape (n_sources, n_orient, rank), as a kernel for sensor data."""
        n_sources, self.n_orient_, rank = operator.shape
        self.kernel_ = operator.reshape(n_sources * self.n_orient_, rank) @ whitener


def apply_kernel(kernel: np.ndarray, n_orient: int, data: np.ndarray) -> np.ndarray:
    """Apply a kernel in the precision of the data.

    Parameters
    ----------
    kernel : array of shape (n_sources * n_orient, n_channels)
    n_orient : int
    data : array of shape (..., n_channels, n_times)

    Returns
    -------
    currents : array of shape (..., n_sources, n_orient, n_times)
    """
    kernel = kernel.astype(data.dtype, copy=False)
    batch, n_times = data.shape[:-2], data.shape[-1]
    if n_times == 1:  # one product for the whole batch; matmul would compute one per sample
        currents = data[..., 0] @ kernel.T
    else:
        currents = kernel @ data
    return currents.reshape(*batch, len(kernel) // n_orient, n_orient, n_times)
