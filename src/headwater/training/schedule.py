"""Schedule and settings of the optimiser."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from headwater._utils.settings import AtLeastZero, BelowOne, Positive, Share, check_settings

MOST_STEPS = 1_000_000_000
Steps = Annotated[int, Field(ge=1, le=MOST_STEPS)]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Warm-up, then decay of the learning rate.

    Attributes
    ----------
    steps : int
        Total steps of the optimiser.
    learning_rate : float
        Largest learning rate.
    warmup : int
        Steps of linear increase at the start.
    kind : str
        ``"cosine"``: decay along half a cosine until the last step. ``"plateau"``: a drop whenever the validation score
        stops improving.
    final : float
        Final learning rate, as a share of the largest.
    drop : float
        Plateau schedule: factor of each drop.
    patience : int
        Plateau schedule: validations without improvement before a drop.
    weight_decay : float
        Weight decay of matrices and kernels, as in AdamW; none for biases and scales.
    betas : tuple of float
        Coefficients of Adam.
    clip : float
        Largest norm of the gradient.
    ema : float
        Decay of the averaged weights, which are the result.
    """

    __pydantic_config__ = {"extra": "forbid"}  # recipes are checked with it

    steps: Steps
    learning_rate: Annotated[Positive, Field(le=1000.0)] = 1.5e-3
    warmup: Annotated[int, Field(ge=0, le=MOST_STEPS)] = 100
    kind: Literal["cosine", "plateau"] = "cosine"
    final: Share = 0.01
    drop: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: Annotated[int, Field(ge=0, le=MOST_STEPS)] = 3
    weight_decay: Annotated[AtLeastZero, Field(le=1000.0)] = 0.01
    betas: tuple[BelowOne, BelowOne] = (0.9, 0.999)
    clip: Positive = 1.0
    ema: BelowOne = 0.998

    def __post_init__(self) -> None:
        check_settings(type(self).__name__, type(self).__init__, vars(self))

    def share(self, step: int) -> float:
        """Share of the learning rate at a step, apart from drops on plateaus."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.kind == "plateau":
            return 1.0
        progress = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass
class Plateau:
    """Share of the learning rate that remains after past plateaus.

    Attributes
    ----------
    best : float
        Lowest score.
    waited : int
        Validations since then, or since the last drop.
    share : float
    """

    best: float = math.inf
    waited: int = 0
    share: float = 1.0

    def see(self, score: float, schedule: Schedule) -> None:
        """Register the score of a validation; lower is better."""
        if score < self.best:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited > schedule.patience:
            self.waited, self.share = 0, max(schedule.final, schedule.drop * self.share)
