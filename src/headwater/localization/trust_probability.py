"""The probability that a peak is right, learned from simulated recordings of heads that the solver did not know."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Self

import numpy as np
from scipy.special import expit


@dataclass(frozen=True)
class Term:
    """One finding in the logistic regression.

    Attributes
    ----------
    finding : str
        Attribute of `Findings`.
    least, most : float
        Values beyond are taken for these, since no simulated recording had them.
    weight : float
        Logarithm of the odds for each unit.
    """

    finding: str
    least: float
    most: float
    weight: float

    def log_odds(self, findings: object) -> float:
        """Return the contribution of a recording."""
        return self.weight * float(np.clip(getattr(findings, self.finding), self.least, self.most))


@dataclass(frozen=True)
class Calibration:
    """Logistic regression from findings to the probability that a peak lies within 15 mm of a true source.

    Attributes
    ----------
    intercept : float
    terms : tuple of Term
    n_recordings, n_heads : int
        Simulated, from which it was learned (``tools/fit_trust.py``).
    """

    intercept: float
    terms: tuple[Term, ...]
    n_recordings: int
    n_heads: int

    @classmethod
    def from_dict(cls, stored: dict[str, object]) -> Self:
        """Make it from what is stored as JSON."""
        terms = tuple(Term(**term) for term in stored.pop("terms"))  # type: ignore[attr-defined]
        return cls(terms=terms, **stored)  # type: ignore[arg-type]

    def probability(self, findings: object) -> float:
        """Return the probability for the findings on one recording."""
        return float(expit(self.intercept + sum(term.log_odds(findings) for term in self.terms)))


@cache
def calibration() -> Calibration:
    """Read the calibration that is part of the package."""
    text = files("headwater.localization").joinpath("trust_calibration.json").read_text(encoding="utf-8")
    return Calibration.from_dict(json.loads(text))
