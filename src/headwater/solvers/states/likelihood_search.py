"""Maximum-likelihood parameters of a state-space model, by derivative-free optimisation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from headwater._utils.errors import InputError

# Time constants of up to 1,000 time points, and noise from far below to far above the signal. "own" and "share" (of
# neighbours) are fractions of the range in which the model is stable.
BOUNDS = {"own": (-0.999, 0.999), "share": (-0.999, 0.999), "log_lambda2": (np.log(1e-4), np.log(1e4))}
START = {"own": 0.6, "share": 0.0, "log_lambda2": 0.0}
NEAR = 1e-3  # a parameter this close to a bound is on the bound
STEP = {"own": 0.3, "share": 0.3, "log_lambda2": -2.0}


@dataclass(frozen=True)
class Search:
    """Result of the search for parameters.

    Attributes
    ----------
    values : mapping of str to float
    log_likelihoods : list of float
        Largest log-likelihood so far, after each iteration.
    converged : bool
    """

    values: Mapping[str, float]
    log_likelihoods: list[float]
    converged: bool

    @property
    def noiseless(self) -> bool:
        """Whether the search ended at the lower bound of the noise level."""
        return bool(self.values.get("log_lambda2", np.inf) <= BOUNDS["log_lambda2"][0] + NEAR)


def maximize(
    log_likelihood: Callable[[Mapping[str, float]], float],
    names: Sequence[str],
    *,
    n_values: int,
    max_iter: int,
    eps: float,
) -> Search:
    """Maximise the log-likelihood by the simplex method of Nelder & Mead (1965).

    Parameters
    ----------
    log_likelihood : callable
        Function of a mapping from names to values.
    names : sequence of str
        Names in ``BOUNDS``; may be empty.
    n_values : int
        Number of values in the data.
    max_iter : int
    eps : float
        The search has converged when all vertices of the simplex differ by less than this, in parameters and in
        log-likelihood per value.
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
    """Raise an error if the number of iterations or the tolerance is not positive."""
    if max_iter < 1 or not eps > 0:
        raise InputError(f"max_iter is {max_iter} and eps is {eps}; both must be positive.")
