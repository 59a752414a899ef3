"""A benchmark protocol has cases; each case is given to each method, once per seed."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from headwater.benchmark.exams import Scored, TrainingSet
from headwater.benchmark.heads import Deviation
from headwater.benchmark.methods import CONTROLS, Control, Method
from headwater.metrics.measure import Measure
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
        Simulate with the solvers' own lead field: a contrast that flatters every solver.
    data : Path | None
        Folder of real recordings and heads.
    samples : int | None
        At most so many of each case and head; None: as many as the size has.
    """

    size: str = "quick"
    inverse_crime: bool = False
    data: Path | None = None
    samples: int | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One setting that all methods are compared in.

    Attributes
    ----------
    name : str
        For file names and tables.
    title : str
        For people.
    tuned_on : str | None
        Training set of the hyper-parameters; cases may share one. None: solvers keep their own.
    axis : str
        Quantity that a series of cases varies, with its unit; empty for a case that stands alone.
    at : float
        Its value.
    setting : Any
        What the protocol makes the case from.
    n_lost : int
        Number of missing electrodes, drawn by the seed.
    deviation : Deviation | None
        Of the head that makes the data from the one that solvers assume; None: as in the other cases of the protocol.
    """

    name: str
    title: str
    tuned_on: str | None
    axis: str = ""
    at: float = np.nan
    setting: Any = None
    n_lost: int = 0
    deviation: Deviation | None = None


class Protocol(ABC):
    """A comparison of methods.

    Attributes
    ----------
    name, title : str
    about : str
        How data and solvers differ.
    statistic : str
        Over samples: ``"mean"`` or ``"median"``.
    controls : dict of str to Control
    limits_samples : bool
        Whether `Settings.samples` applies.
    """

    name: str
    title: str
    about: str
    statistic: str = "mean"
    controls: Mapping[str, Control] = CONTROLS
    limits_samples: ClassVar[bool] = False

    def __init_subclass__(cls, **settings: Any) -> None:
        """Refuse overrides that a dataclass would ignore.

        Without an annotation, the constructor of a dataclass still sets the default of the base class.
        """
        super().__init_subclass__(**settings)
        inherited = {one.name for base in cls.__mro__[1:] if is_dataclass(base) for one in fields(base)}
        if ignored := (inherited & vars(cls).keys()) - inspect.get_annotations(cls).keys():
            raise TypeError(f"{cls.__name__} overrides {', '.join(sorted(ignored))} without a type annotation.")

    @property
    def solvers(self) -> dict[str, Solver]:
        """All solvers of the package with their defaults, and its trained networks that take any lead field.

        The random control among them is left to the controls of the protocol.
        """
        from headwater.weights import cards, load_network  # PyTorch takes a while

        solvers = {name: solver() for name, solver in SOLVERS.items() if name.capitalize() not in CONTROLS}
        return solvers | {name: load_network(name) for name, card in cards().items() if card.leadfield is None}

    @property
    @abstractmethod
    def measures(self) -> Mapping[str, Measure]:
        """What is measured, the main ones first."""

    @abstractmethod
    def seeds(self, settings: Settings) -> tuple[int, ...]:
        """Return the seeds, each of another head and other samples."""

    @abstractmethod
    def cases(self, settings: Settings) -> tuple[Case, ...]:
        """Return the cases."""

    @abstractmethod
    def training(self, tuned_on: str, settings: Settings) -> TrainingSet:
        """Return the training set of some cases."""

    @abstractmethod
    def score(self, method: Method, case: Case, seed: int, settings: Settings) -> Scored:
        """Score one method, with its hyper-parameters chosen, in one case."""

    def refused(self, settings: Settings) -> str:
        """Say why nothing can be run with these settings, and what to do; empty where something can."""
        del settings
        return ""

    def pairs(self, cases: Iterable[Case]) -> tuple[tuple[Case, str], ...]:
        """Return cases that tables show next to another one, whose name is given."""
        del cases
        return ()

    def skipped(self, case: Case, settings: Settings) -> str:
        """Say why a case cannot be run here; empty where it can."""
        del case, settings
        return ""
