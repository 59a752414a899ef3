"""The solver of a localisation: by name, by default, and with the signal-to-noise ratio that was asked for."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from headwater._utils.errors import InputError
from headwater.localization.prepare import Prepared
from headwater.solvers import ELORETA, SOLVERS
from headwater.solvers.base import Solver
from headwater.solvers.linear.regularized import Regularized

# Beyond these, lambda2 = 1 / SNR**2 is lost in rounding errors.
LEAST_SNR, LARGEST_SNR = 1e-4, 1e4


def named_solver(solver: Solver | str | Path) -> Solver:
    """Return a solver by its name in ``SOLVERS``, by the name of bundled weights, or from a file of weights.

    A solver by name chooses ``lambda2`` from the data, where it can; a solver object keeps what it was made with.
    """
    if isinstance(solver, Solver):
        return solver
    if not isinstance(solver, str | Path):
        raise InputError(
            f"`solver` is {str(solver)[:60]!r}, which cannot be used; give a solver, such as hw.solvers.DSPM(), or its "
            "name."
        )
    if solver in SOLVERS:
        made = SOLVERS[str(solver)]()
        return made.set_params(lambda2="auto") if isinstance(made, Regularized) else made
    check_network_name(solver)
    from headwater.weights import load_network

    return load_network(solver)


def check_network_name(name: str | Path) -> None:
    """Refuse what is neither the name of bundled weights nor a file of weights."""
    from headwater.weights.card import WEIGHTS
    from headwater.weights.catalogue import shipped

    known = shipped()
    if name not in known and Path(name).suffix != WEIGHTS:
        raise InputError(
            f"Unknown `solver` {str(name)!r}; choose one of {', '.join([*SOLVERS, *known])}, or a {WEIGHTS} file."
        )


def default_solver(prepared: Prepared) -> Solver:
    """Return the bundled 3D-PIUNet for grids in a volume, and eLORETA for other source spaces."""
    if prepared.leadfield.is_free_grid:
        if find_spec("torch") is None:
            raise InputError(
                "The default solver is a network and needs PyTorch, which is not installed; install it with `pip "
                "install torch`, or set `solver='eloreta'`."
            )
        from headwater.weights.catalogue import load_network

        return load_network()
    return ELORETA(lambda2="auto")


def check_snr(snr: float) -> None:
    """Refuse a signal-to-noise ratio that no recording has."""
    if not LEAST_SNR <= snr <= LARGEST_SNR:
        raise InputError(
            f"`snr={snr}` is not the signal-to-noise ratio of a recording; give a number between {LEAST_SNR:g} and "
            f"{LARGEST_SNR:g}, such as 3."
        )


def with_snr(solver: Solver, snr: float) -> Solver:
    """Return the solver with ``lambda2 = 1 / snr**2``; refuse one that is not regularised so."""
    if solver.learned:
        raise InputError("A network has learned its signal-to-noise ratios; leave out `snr`, or name another `solver`.")
    params = solver.get_params(deep=False)
    if "lambda2" not in params:
        raise InputError(f"{type(solver).__name__} is not regularised by a signal-to-noise ratio; leave out `snr`.")
    return type(solver)(**{**params, "lambda2": 1 / snr**2})
