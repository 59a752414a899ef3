"""Distributions from which the numbers of a preset are drawn."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch

from headwater._utils.errors import InputError

LARGEST = 1e30  # of a number in a preset: products and squares of smaller ones fit into single precision
LARGEST_INTEGER = 2**53


class Distribution(ABC):
    """A scalar random variable. ``low`` and ``high`` bound it; they may be infinite."""

    low: float
    high: float

    @abstractmethod
    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Return independent float32 values on the generator's device."""


@dataclass(frozen=True)
class Constant(Distribution):
    """Always the same value. A plain number in place of a distribution is converted to this."""

    value: float

    def __post_init__(self) -> None:
        check_number(self, "value", infinite=True)

    @property
    def low(self) -> float:  # type: ignore[override]
        """The value."""
        return self.value

    @property
    def high(self) -> float:  # type: ignore[override]
        """The value."""
        return self.value

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Return the value everywhere; nothing is drawn."""
        return torch.full(shape, float(self.value), device=generator.device)


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform on [low, high)."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_order(self)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Return independent values."""
        unit = torch.rand(shape, generator=generator, device=generator.device)
        return self.low + (self.high - self.low) * unit


@dataclass(frozen=True)
class LogUniform(Distribution):
    """Log-uniform on [low, high): every doubling is equally probable."""

    low: float
    high: float

    def __post_init__(self) -> None:
        check_number(self, "low", above=0.0)
        _check_order(self)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Return independent values."""
        unit = torch.rand(shape, generator=generator, device=generator.device)
        return self.low * (self.high / self.low) ** unit


@dataclass(frozen=True)
class Integers(Distribution):
    """Whole numbers from low to high, both included, all equally probable."""

    low: int
    high: int

    def __post_init__(self) -> None:
        _check_order(self)
        for name in ("low", "high"):
            if getattr(self, name) != int(getattr(self, name)):
                raise InputError(f"{_name(self, name)} is {getattr(self, name)}; give a whole number.")
            if abs(getattr(self, name)) > LARGEST_INTEGER:
                raise InputError(f"{_name(self, name)} is {getattr(self, name):g}; give at most {LARGEST_INTEGER:g}.")

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Return independent whole numbers, as float32."""
        drawn = torch.randint(int(self.low), int(self.high) + 1, shape, generator=generator, device=generator.device)
        return drawn.float()


@dataclass(frozen=True)
class LogIntegers(Integers):
    """Whole numbers from low to high, both included; k with a probability proportional to log(1 + 1 / k)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self, "low", at_least=1.0)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Return independent whole numbers, as float32."""
        drawn = LogUniform(self.low, self.high + 1).draw(shape, generator).floor()
        return drawn.clamp(max=float(self.high))  # rounding may reach the upper bound


@dataclass(frozen=True)
class PlusMinus(Distribution):
    """A value or its negative, both equally probable: for currents that may flow into the cortex or out of it."""

    value: float

    def __post_init__(self) -> None:
        check_number(self, "value", at_least=0.0)

    @property
    def low(self) -> float:  # type: ignore[override]
        """The negative."""
        return -self.value

    @property
    def high(self) -> float:  # type: ignore[override]
        """The value."""
        return self.value

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Return independent values."""
        sign = 2 * torch.randint(2, shape, generator=generator, device=generator.device) - 1
        return float(self.value) * sign


@dataclass(frozen=True)
class Normal(Distribution):
    """Normal with this mean and standard deviation."""

    mean: float
    sd: float

    low = -math.inf
    high = math.inf

    def __post_init__(self) -> None:
        check_number(self, "mean")
        check_number(self, "sd", at_least=0.0)

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
        """Return independent values."""
        return self.mean + self.sd * torch.randn(shape, generator=generator, device=generator.device)


def _as_float(value: Any) -> float:
    """Return a number in double precision, infinite where it does not fit."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _check_order(owner: Any) -> None:
    check_number(owner, "low")
    check_number(owner, "high")
    if owner.low > owner.high:
        raise InputError(f"{_name(owner, 'low')} is {owner.low:g}, above high ({owner.high:g}); swap them.")


def check_number(
    owner: object, field: str, *, above: float | None = None, at_least: float = -math.inf, infinite: bool = False
) -> None:
    """Refuse a field that is not a number within its bounds, naming it."""
    value = getattr(owner, field)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{_name(owner, field)} is {value!r}; give a number.")
    number = _as_float(value)
    if math.isnan(number) or (math.isinf(number) and not (infinite and isinstance(value, float | np.floating))):
        raise InputError(f"{_name(owner, field)} is {number}; give a finite number.")
    if LARGEST < abs(number) < math.inf:
        raise InputError(f"{_name(owner, field)} is {number:g}; give a number of at most {LARGEST:g} in size.")
    _check_bounds(owner, field, number, above, at_least)


def check_distribution(
    owner: object,
    field: str,
    *,
    above: float | None = None,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    whole: bool = False,
) -> None:
    """Turn a plain number into ``Constant`` and refuse a distribution that leaves its bounds, naming the field.

    Meant for ``__post_init__`` of frozen dataclasses.
    """
    value = getattr(owner, field)
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        if math.isnan(_as_float(value)):
            raise InputError(f"{_name(owner, field)} is nan; give a number.")
        value = Constant(value if isinstance(value, int | float) else value.item())
        object.__setattr__(owner, field, value)
    if not isinstance(value, Distribution):
        raise InputError(
            f"{_name(owner, field)} is {value!r}; give a number or a distribution, for example Uniform(1, 2)."
        )
    if whole and not (isinstance(value, Integers) or value.low == value.high == int(value.low)):
        raise InputError(f"{_name(owner, field)} is a count; give a whole number or Integers(low, high).")
    _check_bounds(owner, field, value.low, above, at_least)
    if value.high > at_most:
        raise InputError(f"{_name(owner, field)} reaches {value.high:g}; it must not exceed {at_most:g}.")


def _check_bounds(owner: object, field: str, low: float, above: float | None, at_least: float) -> None:
    if above is not None and not low > above:
        raise InputError(f"{_name(owner, field)} can be {low:g}; it must be greater than {above:g}.")
    if low < at_least:
        raise InputError(f"{_name(owner, field)} can be {low:g}; it must be at least {at_least:g}.")


def check_instance(owner: object, field: str, kind: type | tuple[type, ...], example: str) -> None:
    """Refuse a field of the wrong type, with its name and an example."""
    if not isinstance(getattr(owner, field), kind):
        raise InputError(f"{_name(owner, field)} is {getattr(owner, field)!r}; give for example {example}.")


def _name(owner: object, field: str) -> str:
    return f"{type(owner).__name__}.{field}"
