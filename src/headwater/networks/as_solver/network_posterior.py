"""The posterior of a network, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from headwater.networks.relevance.posterior import Posterior as Windows
from headwater.solvers.posterior.contract import Posterior, check_count, check_vertices
from headwater.solvers.posterior.explanation import leave_out_channels


@dataclass(frozen=True, eq=False)
class NetworkPosterior(Posterior):
    """Posterior of consecutive windows; the time points of a window share their prior variances.

    Parameters
    ----------
    parts : tuple of Windows
        Batches of windows.
    where : int array of shape (n_times, 3)
        For each time point its batch, its window in the batch and its time point in the window.
    """

    parts: tuple[Windows, ...]
    where: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Posterior mean in A m."""
        return self._gathered(lambda part: part.mean)

    @property
    def sd(self) -> np.ndarray:
        """Posterior standard deviation in A m."""
        return self._gathered(lambda part: part.sd()[..., None].expand(-1, -1, -1, part.data.shape[2]))

    def covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Posterior covariance of some sources in (A m)^2."""
        return self._covariance(vertices, lambda part, some: part.covariance(some))

    def prior_covariance(self, vertices: np.ndarray) -> np.ndarray:
        """Prior covariance of some sources in (A m)^2, given the learned variances."""
        return self._covariance(vertices, lambda part, some: part.prior_covariance(some))

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Draw currents in A m."""
        check_count(n)
        generator = torch.Generator(self.parts[0].variance.device).manual_seed(seed)
        return self._gathered(lambda part: part.sample(n, generator).movedim(0, 1))

    def at(self, times: np.ndarray) -> NetworkPosterior:
        """Return the posterior at some time points."""
        return replace(self, where=self.where[np.atleast_1d(times)])

    def without_channels(self, vertex: int) -> np.ndarray:
        """Posterior mean of one source in A m if one channel at a time were left out."""
        check_vertices(np.array(vertex), self._n_sources)

        def left_out(part: Windows) -> torch.Tensor:
            observed = zip(*(one.cpu().numpy() for one in part.observed(vertex)), strict=True)
            return torch.from_numpy(np.stack([leave_out_channels(*one) for one in observed]))

        return self._gathered(left_out)

    @property
    def _n_sources(self) -> int:
        return self.parts[0].dictionary.n_sources

    def _needed(self) -> Iterator[tuple[Windows, np.ndarray, np.ndarray]]:
        """Yield the windows of each batch that have time points, which these are, and which entries of ``where``."""
        for index, part in enumerate(self.parts):
            rows = np.flatnonzero(self.where[:, 0] == index)
            if len(rows):
                windows, inverse = np.unique(self.where[rows, 1], return_inverse=True)
                yield part.at(torch.from_numpy(windows).to(part.data.device)), rows, inverse

    def _gathered(self, compute: Callable[[Windows], torch.Tensor]) -> np.ndarray:
        """Compute (batch, ..., window length) for each batch and return (..., n_times)."""
        with torch.inference_mode():
            columns: list[np.ndarray] = [np.empty(0)] * len(self.where)
            for part, rows, windows in self._needed():
                found = compute(part).double().cpu().numpy()
                for row, window in zip(rows, windows, strict=True):
                    columns[row] = found[window][..., self.where[row, 2]]
        return np.stack(columns, axis=-1)

    def _covariance(self, vertices: np.ndarray, compute: Callable[[Windows, torch.Tensor], torch.Tensor]) -> np.ndarray:
        """Return (n_times, n, n)."""
        some = torch.from_numpy(check_vertices(vertices, self._n_sources))
        moved = self._gathered(
            lambda part: compute(part, some.to(part.data.device))[..., None].expand(-1, -1, -1, part.data.shape[2])
        )
        return np.moveaxis(moved, -1, 0)
