"""How long and how fast a network learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Warm-up, then cosine decay of the learning rate.

    Attributes
    ----------
    steps : int
        Of the optimiser, in all.
    learning_rate : float
        The largest.
    warmup : int
        Steps of linear growth at the start.
    final : float
        Share of the learning rate that is left at the end.
    weight_decay : float
        Of matrices and kernels, as in AdamW; none for biases and scales.
    betas : tuple of float
        Of Adam.
    clip : float
        Largest norm of the gradient.
    ema : float
        Decay of the averaged weights, which are those that are kept.
    """

    steps: int
    learning_rate: float = 1.5e-3
    warmup: int = 100
    final: float = 0.01
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    clip: float = 1.0
    ema: float = 0.998
