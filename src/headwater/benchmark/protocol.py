"""What a benchmark is made of: a protocol has cases; each case is given to each solver, once for each seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mne
import numpy as np

from headwater._utils.errors import InputError
from headwater.benchmark.meanings import meaning
from headwater.forward.leadfield import LeadField
from headwater.metrics.controls import perfect_estimate, random_estimate
from headwater.metrics.table import METRICS, Metric
from headwater.simulation.samples import Samples
from headwater.solvers import SOLVERS
from headwater.solvers.base import Solver


@dataclass(frozen=True)
class Settings:
    """What one run is asked for.

    Attributes
    ----------
    size : str
        ``"quick"``, for a laptop, or ``"paper"``.
    inverse_crime : bool
        Simulate with the solvers' own lead field: a contrast that flatters every method.
    data : Path | None
        Folder of real recordings.
    samples : int | None
        At most so many of each case and head; None: as many as the size has.
    """

    size: str = "quick"
    inverse_crime: bool = False
    data: Path | None = None
    samples: int | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One setting that all solvers are compared in.

    Attributes
    ----------
    name : str
        For file names and tables.
    title : str
        For people.
    tuned_on : str
        Training set of the hyper-parameters; cases may share one.
    axis : str
        Quantity that a series of cases varies, with its unit; empty for a case by itself.
    at : float
        Its value.
    setting : Any
        What the protocol makes the case from.
    n_lost : int
        Electrodes that fell off, others for each seed.
    """

    name: str
    title: str
    tuned_on: str
    axis: str = ""
    at: float = np.nan
    setting: Any = None
    n_lost: int = 0


@dataclass(frozen=True)
class Column:
    """What one score means.

    Attributes
    ----------
    unit : str
    higher_is_better : bool
    meaning : str
        What it tells, in a sentence.
    logarithmic : bool
        Whether figures show orders of magnitude.
    """

    unit: str
    higher_is_better: bool
    meaning: str
    logarithmic: bool = False


@dataclass(frozen=True, eq=False)
class Training:
    """What hyper-parameters are tuned on: samples on the solver's own head, which the test never shows."""

    leadfield: LeadField
    samples: Samples
    metric: Metric
    noise_cov: mne.Covariance | np.ndarray | None = None
    truth: Callable[[Samples], np.ndarray] | None = None


@dataclass(eq=False)
class Scored:
    """What one solver got in one case.

    Attributes
    ----------
    values : dict of str to array of shape (n_samples,)
        One score per sample.
    reasons : dict of str to str
        Why there is no score; in words.
    fit_s, s_per_sample : float
        Seconds.
    """

    values: dict[str, np.ndarray] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    fit_s: float = np.nan
    s_per_sample: float = np.nan


@dataclass(frozen=True)
class Control:
    """An estimate made from the truth: what chance scores, and what nobody can beat."""

    perfect: bool

    def estimate(self, x_true: np.ndarray, seed: int) -> np.ndarray:
        """Return the truth itself, or amplitudes and directions drawn at random, with the truth's power."""
        if self.perfect:
            return perfect_estimate(x_true)
        drawn = random_estimate(x_true, seed=seed)
        rest = tuple(range(1, drawn.ndim))
        return drawn * np.sqrt(
            np.mean(x_true**2, axis=rest, keepdims=True) / np.mean(drawn**2, axis=rest, keepdims=True)
        )


CONTROLS = {"Random": Control(perfect=False), "Perfect": Control(perfect=True)}

WEIGHTS = ".safetensors"
MORPHED = "morphed:"

# Rows that are no solvers, for they know what a solver cannot know; from the bottom of a figure to its top.
NOT_SOLVERS = ("Perfect", "Oracle", "Bayes", "Random")

Method = Solver | Control

Fit = Callable[[LeadField, mne.Covariance | np.ndarray | None], tuple[Solver, float]]


class Protocol(ABC):
    """A comparison of solvers."""

    name: str
    title: str
    columns: Mapping[str, Column]
    controls: Mapping[str, Control] = CONTROLS
    statistic: str = "mean"
    about: str = ""

    @property
    def solvers(self) -> dict[str, Solver]:
        """All solvers of the package with their defaults, and its trained networks that take any lead field.

        A control among them is left to the protocol's own.
        """
        from headwater.weights import cards, load_network  # PyTorch takes a while

        solvers = {name: solver() for name, solver in SOLVERS.items() if name.capitalize() not in CONTROLS}
        return solvers | {name: load_network(name) for name, card in cards().items() if card.leadfield is None}

    @abstractmethod
    def seeds(self, settings: Settings) -> tuple[int, ...]:
        """Return the seeds, each of another head and other samples."""

    @abstractmethod
    def cases(self, settings: Settings) -> tuple[Case, ...]:
        """Return the cases."""

    @abstractmethod
    def training(self, tuned_on: str, settings: Settings) -> Training:
        """Return the training set of some cases."""

    @abstractmethod
    def score(self, fit: Fit | Control, case: Case, seed: int, settings: Settings) -> Scored:
        """Score one method in one case.

        Parameters
        ----------
        fit : callable | Control
            ``fit(leadfield, noise_cov)`` returns the tuned solver, fitted, and the seconds that took.
        """

    def skipped(self, case: Case, settings: Settings) -> str:
        """Say why a case cannot be run here; nothing where it can."""
        return ""


def metric_columns(names: Iterable[str]) -> dict[str, Column]:
    """Columns of metrics of the package; the error of currents can be a thousand times the currents."""
    return {
        name: Column(METRICS[name].unit, METRICS[name].higher_is_better, meaning(name), logarithmic=name == "nmse")
        for name in names
    }


def chosen(protocol: Protocol, names: Iterable[str] | None) -> dict[str, Method]:
    """Return the methods of a run: the solvers asked for (all by default), and always the controls.

    Beside names of solvers, files of trained networks (``PATH.safetensors``) are taken, and named by their stem; after
    ``morphed:``, networks of one lead field that are to be carried to that of the case.
    """
    solvers = protocol.solvers
    names = list(solvers) if names is None else [name for name in names if name not in protocol.controls]
    networks = {
        name: _network(name) for name in dict.fromkeys(names) if name.endswith(WEIGHTS) or name.startswith(MORPHED)
    }
    if unknown := [name for name in names if name not in {**solvers, **networks}]:
        raise InputError(
            f"The benchmark knows no solver {', '.join(unknown)}; choose from {', '.join(solvers)}, or give the "
            f"{WEIGHTS} file of a network."
        )
    methods = {_label(name) if name in networks else name: {**solvers, **networks}[name] for name in names}
    return {**methods, **protocol.controls}


def _network(name: str) -> Solver:
    # PyTorch takes a while
    if name.startswith(MORPHED):
        from headwater.training.morph import morphed_network

        return morphed_network(name.removeprefix(MORPHED))
    from headwater.weights import load_network

    return load_network(name)


def _label(name: str) -> str:
    """How a network is called in tables and figures."""
    stem = Path(name.removeprefix(MORPHED)).stem
    return f"{stem}-morphed" if name.startswith(MORPHED) else stem
