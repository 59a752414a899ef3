"""The exact Gaussian posterior of the currents, given the prior variances of all atoms and of the noise."""

from __future__ import annotations

import math
from functools import cached_property

import torch

from headwater._utils.errors import InputError
from headwater.networks.relevance.dictionary import Dictionary

AT_ONCE = 256  # sources whose standard deviation is computed at a time
DRAWN_AT_ONCE = 64  # columns of all windows


class Posterior:
    """Gaussian posterior of a batch of windows: ``x | y`` for ``x = sum_a B_a c_a``, ``c_a ~ N(0, g_a)``.

    All time points of a window have the same prior, and therefore the same posterior covariance.

    Parameters
    ----------
    dictionary : Dictionary
    data : tensor of shape (batch, n_modes, n_times)
        Whitened, in modes, in units of ``scale``.
    scale : tensor of shape (batch,)
        Root mean square of the whitened data.
    variance : tensor of shape (batch, n_atoms)
    noise : tensor of shape (batch,)
    """

    def __init__(
        self,
        dictionary: Dictionary,
        data: torch.Tensor,
        scale: torch.Tensor,
        variance: torch.Tensor,
        noise: torch.Tensor,
    ) -> None:
        self.dictionary, self.data, self.scale = dictionary, data, scale
        self.variance, self.noise = variance, noise

    @cached_property
    def _factor(self) -> torch.Tensor:
        return torch.linalg.cholesky(self.dictionary.covariance(self.variance, self.noise))

    def _solved(self, data: torch.Tensor) -> torch.Tensor:
        """Currents that data (batch, n_modes, n) are given, in units of ``scale``: (batch, n_sources, n_orient, n)."""
        dictionary = self.dictionary
        weights = torch.cholesky_solve(data.double(), self._factor).to(data.dtype)
        coefficients = self.variance[:, :, None, None] * dictionary.seen(weights)
        currents = dictionary.spread(coefficients.flatten(2))
        return currents.reshape(*currents.shape[:2], *coefficients.shape[2:])

    @cached_property
    def mean(self) -> torch.Tensor:
        """Posterior mean in A m, shape (batch, n_sources, n_orient, n_times)."""
        return self._solved(self.data) * self.scale[:, None, None, None]

    def sd(self, vertices: torch.Tensor | None = None) -> torch.Tensor:
        """Posterior standard deviation of each component in A m, shape (batch, n_vertices, n_orient).

        Parameters
        ----------
        vertices : long tensor of shape (n_vertices,) | None
            All sources if None.
        """
        if vertices is None:
            vertices = torch.arange(self.dictionary.n_sources, device=self.variance.device)
        splits = list(range(AT_ONCE, len(vertices), AT_ONCE))
        return torch.cat([self._sd(some) for some in torch.tensor_split(vertices, splits)], 1)

    def _sd(self, vertices: torch.Tensor) -> torch.Tensor:
        rows = self.dictionary.rows(vertices)
        prior = self.variance @ rows.square().T
        explained = self._whitened(rows).square().sum(3)
        left = (prior[:, :, None] - explained).clamp(min=1e-6 * prior[:, :, None])
        tiny = torch.finfo(left.dtype).tiny
        return left.clamp(min=tiny).sqrt() * self.scale[:, None, None]

    def _whitened(self, rows: torch.Tensor) -> torch.Tensor:
        """Covariance of currents and data, whitened by that of the data: (batch, n_vertices, n_orient, n_modes)."""
        topographies = self.dictionary.topographies
        crossed = (rows * self.variance[:, None]) @ topographies.flatten(1)
        shape = (*crossed.shape[:2], *topographies.shape[1:])
        flat = crossed.reshape(len(crossed), -1, shape[3]).mT.to(self._factor.dtype)
        whitened = torch.linalg.solve_triangular(self._factor, flat, upper=False)
        return whitened.mT.to(rows.dtype).reshape(shape)

    def covariance(self, vertices: torch.Tensor) -> torch.Tensor:
        """Posterior covariance of some sources in (A m)^2, shape (batch, n * n_orient, n * n_orient).

        Sources vary slowest, as in ``LeadField.matrix``.
        """
        whitened = self._whitened(self.dictionary.rows(vertices)).double().flatten(1, 2)
        explained = (whitened @ whitened.mT) * self.scale.double().square()[:, None, None]
        return self.prior_covariance(vertices) - explained

    def prior_covariance(self, vertices: torch.Tensor) -> torch.Tensor:
        """Covariance of some sources before the data, given the learned variances, in the shape of `covariance`."""
        rows = self.dictionary.rows(vertices).double()
        single = (rows * self.variance.double()[:, None]) @ rows.T
        eye = torch.eye(self.dictionary.n_orient, dtype=rows.dtype, device=rows.device)
        prior = torch.stack([torch.kron(one, eye) for one in single])
        return prior * self.scale.double().square()[:, None, None]

    def observed(self, vertex: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what the posterior mean of one source is computed from, whitened by the model covariance of the data.

        Returns
        -------
        cross : tensor of shape (batch, n_modes, n_orient)
            Covariance of currents and data, in A m.
        data : tensor of shape (batch, n_modes, n_times)
        channels : tensor of shape (batch, n_modes, n_channels)
            The whitener from channels to these data.
        """
        rows = self.dictionary.rows(torch.tensor([vertex], device=self.variance.device))
        cross = self._whitened(rows)[:, 0].mT.double() * self.scale.double()[:, None, None]
        channels = (self.dictionary.modes @ self.dictionary.whitener).double().expand(len(self.data), -1, -1)
        solve = torch.linalg.solve_triangular
        return cross, solve(self._factor, self.data.double(), upper=False), solve(self._factor, channels, upper=False)

    def at(self, windows: torch.Tensor) -> Posterior:
        """Return the posterior of some windows of the batch."""
        chosen = (one[windows] for one in (self.data, self.scale, self.variance, self.noise))
        return Posterior(self.dictionary, *chosen)

    def sample(self, n: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw currents in A m, shape (n, batch, n_sources, n_orient, n_times).

        A draw of the prior is corrected by what the posterior mean makes of the difference between the data and what
        the draw would have produced (Matheron's rule), which is exact.
        """
        if n < 1:
            raise InputError(f"n is {n}; ask for at least one sample.")
        step = max(1, DRAWN_AT_ONCE // max(1, len(self.data) * self.data.shape[2]))
        return torch.cat([self._draws(min(step, n - start), generator) for start in range(0, n, step)])

    def _draws(self, count: int, generator: torch.Generator | None) -> torch.Tensor:
        dictionary, (batch, n_modes, n_times) = self.dictionary, self.data.shape
        columns, device = count * n_times, self.variance.device
        shape = (*self.variance.shape, dictionary.n_orient * columns)
        coefficients = torch.randn(shape, generator=generator, device=device) * self.variance.sqrt()[:, :, None]
        noise = torch.randn((batch, n_modes, columns), generator=generator, device=device)
        noise *= self.noise.sqrt()[:, None, None]
        by_orientation = coefficients.reshape(batch, -1, columns)
        seen = dictionary.topographies.flatten(0, 1).T @ by_orientation
        drawn = dictionary.spread(coefficients)
        drawn = drawn.reshape(*drawn.shape[:2], dictionary.n_orient, columns)
        corrected = drawn + self._solved(self.data.repeat(1, 1, count) - seen - noise)
        return (corrected * self.scale[:, None, None, None]).unflatten(3, (count, n_times)).movedim(3, 0)

    def interval(self, level: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both ends of the central interval of each component, shape (batch, n_sources, n_orient, n_times).

        Parameters
        ----------
        level : float
            Posterior probability of the interval, between 0 and 1.
        """
        if not 0 < level < 1:
            raise InputError(f"The level of an interval is {level:g}; give a probability between 0 and 1.")
        half = math.sqrt(2) * float(torch.erfinv(torch.tensor(level, dtype=torch.float64)))
        width = half * self.sd()[..., None]
        return self.mean - width, self.mean + width
