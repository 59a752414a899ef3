"""Meaning of a number in a table: its unit, its direction, and a sentence for the reader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Meaning of a number.

    Attributes
    ----------
    unit : str
        "mm", "cm^3", "s", ..., or "" for a pure number.
    higher_is_better : bool
    meaning : str
        One sentence for the reader.
    logarithmic : bool
        Whether figures use a logarithmic axis.
    """

    unit: str = ""
    higher_is_better: bool
    meaning: str
    logarithmic: bool = False


@dataclass(frozen=True, kw_only=True)
class Metric(Measure):
    """A measure of how far an estimate is from the ground truth.

    Attributes
    ----------
    function : callable
        ``function(x_true, x_est, *, pos, ...)``, returns one value per sample.
    range : tuple of two float
        Lowest and highest possible value; inf where only the source space limits it.
    equation : str
        Short form in words and symbols; the docstring of the function has the full form.
    zeros : str
        Score of an estimate of zeros.
    paper : str
        Which of the five systems uses it (A-E), or "" for none.
    needs : tuple of str
        Keyword arguments without a default that the function needs in addition to ``pos``.
    of_currents : bool
        Whether amplitudes are compared in A m, so that estimates without a current unit cannot be scored.
    """

    function: Callable[..., np.ndarray]
    range: tuple[float, float]
    equation: str
    zeros: str
    paper: str = ""
    needs: tuple[str, ...] = ()
    of_currents: bool = False
