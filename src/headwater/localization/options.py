"""The options of a localisation, listed once for all functions that take them as keyword arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec, TypeAlias, TypeVar

import mne

from headwater.forward.fem.method import FEM
from headwater.forward.leadfield import LeadField
from headwater.forward.spaces import Spacing
from headwater.head.model import Head
from headwater.localization.montages import Montage
from headwater.localization.rejection import Reject
from headwater.localization.segment import EPOCH
from headwater.solvers.base import Solver

P = ParamSpec("P")
First = TypeVar("First")
Options = TypeVar("Options")
Result = TypeVar("Result")

# An interval in s, None for no correction, or "auto": before time zero, unless that has been subtracted already.
Baseline: TypeAlias = Literal["auto"] | tuple[float | None, float | None] | None


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordingOptions:
    """How a recording becomes data, lead field and noise covariance; `headwater.analyze` describes each option."""

    head: Head | None = None
    forward: LeadField | mne.Forward | str | Path | None = None
    noise_cov: mne.Covariance | str | Path | None = None
    regularize: bool = True
    condition: str | int | None = None
    tmin: float | None = None
    tmax: float | None = None
    epoch: tuple[float, float] = EPOCH
    baseline: Baseline = "auto"
    reject: Reject = None
    sensors: str = "all"
    bads: tuple[str, ...] = ()
    find_bads: bool = True
    montage: Montage | None = None
    space: str = "volume"
    spacing: Spacing = None
    method: str | FEM = "bem"
    highpass: float | None = None
    lowpass: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class AnalysisOptions(RecordingOptions):
    """The same, and how the sources are estimated; `headwater.analyze` describes each option."""

    solver: Solver | str | Path | None = field(default=None, kw_only=False)
    pick_ori: str | None = None
    snr: float | None = None
    verbose: bool | str | int | None = None


def with_options(
    options: Callable[P, Options],
) -> Callable[[Callable[[First, Options], Result]], Callable[Concatenate[First, P], Result]]:
    """Let a function of a recording and options take the options as arguments of its own.

    The signature of the decorated function lists them with their types and defaults.

    Parameters
    ----------
    options : type
        Dataclass of the options.
    """

    def decorate(function: Callable[[First, Options], Result]) -> Callable[Concatenate[First, P], Result]:
        recording = next(iter(inspect.signature(function).parameters.values()))

        @wraps(function)
        def call(recording: First, *args: P.args, **kwargs: P.kwargs) -> Result:
            return function(recording, options(*args, **kwargs))

        listed = inspect.signature(options).parameters.values()
        listing: Any = call
        listing.__signature__ = inspect.signature(function).replace(parameters=[recording, *listed])
        return listing

    return decorate
