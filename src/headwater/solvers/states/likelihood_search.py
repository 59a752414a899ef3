"""Parameters of a state-space model by maximum likelihood, without derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from headwater._utils.errors import InputError

# A memory of up to 1,000 time points, and noise from far below the signal to far above. "own" and "share" (of
# neighbours) are fractions of what stability leaves to them.
BOUNDS = {"own": (-0.999, 0.999), "share": (-0.999, 0.999), "log_lambda2": (np.log(1e-4), np.log(1e4))}
START = {"own": 0.6, "share": 0.0, "log_lambda2": 0.0}
NEAR = 1e-3  # to a bound
STEP = {"own": 0.3, "share": 0.3, "log_lambda2": -2.0}


@dataclass(frozen=True)
class Search:
    """Where the search for parameters ended, and how it got there.

    Attributes
    ----------
    values : mapping of str to float
    log_likelihoods : list of float
        The largest so far, after each iteration.
    converged : bool
    """

    values: Mapping[str, float]
    log_likelihoods: list[float]
    converged: bool

    @property
    def noiseless(self) -> bool:
        """Whether the search ended at the lowest noise level that it tries."""
        return bool(self.values.get("log_lambda2", np.inf) <= BOUNDS["log_lambda2"][0] + NEAR)


def maximize(
    log_likelihood: Callable[[Mapping[str, float]], float],
    names: Sequence[str],
    *,
    n_values: int,
    max_iter: int,
    eps: float,
) -> Search:
    """Find the largest log-likelihood by the simplex of Nelder & Mead (1965).

    Parameters
    ----------
    log_likelihood : callable
        Of a mapping from the names to their values.
    names : sequence of str
        Among those of ``BOUNDS``; without any there is nothing to do.
    n_values : int
        How many numbers the data are.
    max_iter : int
    eps : float
        Converged when all corners of the simplex are as close as this, in parameters and in likelihood per value.
    """
    if not names:
        return Search({}, [], True)
    path: list[float] = []
    start = np.array([START[name] for name in names])
    found = minimize(
        lambda values: -log_likelihood(dict(zip(names, values, strict=True))) / n_values,
        start,
        method="Nelder-Mead",
        bounds=[BOUNDS[name] for name in names],
        callback=lambda intermediate_result: path.append(-n_values * intermediate_result.fun),
        options={
            "initial_simplex": start + np.vstack([np.zeros(len(names)), np.diag([STEP[name] for name in names])]),
            "maxiter": max_iter,
            "xatol": eps,
            "fatol": eps,
        },
    )
    return Search(dict(zip(names, found.x.tolist(), strict=True)), path, bool(found.success))


def check_search(max_iter: int, eps: float) -> None:
    """Refuse a search that cannot begin or cannot end."""
    if max_iter < 1 or not eps > 0:
        raise InputError(f"max_iter is {max_iter} and eps is {eps}; both must be positive.")
