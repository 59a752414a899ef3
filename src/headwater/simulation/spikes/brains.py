"""A simulated brain: the constants of its columns, its input and its initial state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CorticalColumn:
    """Constants of one cortical column (Jansen and Rit 1995, Biol Cybern 73:357), in mV and per millisecond.

    Attributes
    ----------
    A, B : float
        Largest excitatory and inhibitory postsynaptic potential, mV.
    a, b : float
        Reciprocals of the excitatory and inhibitory time constants, 1/ms.
    v0, e0, r : float
        The sigmoid ``2 e0 / (1 + exp(r (v0 - v)))``: potential of half activation (mV), half its maximum rate (1/ms),
        steepness (1/mV).
    J : float
        Number of synaptic contacts; ``shares`` are the four connections' fractions of it.
    p_min, p_max : float
        Range of the background firing rate, 1/ms; half its width is the unit of the noise.
    """

    A: float = 3.25
    B: float = 22.0
    a: float = 0.1
    b: float = 0.05
    v0: float = 6.0
    e0: float = 0.0025
    r: float = 0.56
    J: float = 135.0
    shares: tuple[float, float, float, float] = (1.0, 0.8, 0.25, 0.25)
    p_min: float = 0.03
    p_max: float = 0.15


@dataclass(frozen=True)
class Setting:
    """Input of a brain, and the parameters that make its target region epileptic.

    Attributes
    ----------
    mu : float
        Mean background input of every region, 1/ms.
    std : float
        Size of the noise: its standard deviation after t ms is ``a A (p_max - p_min) / 2 * std * sqrt(t)``, that is
        0.0195 std sqrt(t) mV/ms with the published constants. It enters the equation of y4 only.
    target_A : float
        Excitatory gain A of the target region, mV.
    target_mu : float
        Input of the target region in addition to ``mu``, 1/ms.
    """

    mu: float = 0.087
    std: float = 1.0
    target_A: float = 3.5
    target_mu: float = 0.0


PUBLISHED_SETTINGS = (Setting(mu=0.087, std=1.0), Setting(mu=0.08, std=1.7), Setting(mu=0.083, std=1.5))


@dataclass(frozen=True)
class Brain:
    """One member of a batch: a brain with its own epileptic region, setting and noise.

    Attributes
    ----------
    target : int
        Index of the epileptic region.
    setting : Setting
    seed : int
        Of noise and initial state, 0 ... 2**32 - 1. Different brains need different seeds.
    """

    target: int
    setting: Setting = PUBLISHED_SETTINGS[0]
    seed: int = 0


@dataclass(frozen=True, eq=False)
class InitialState:
    """Initial state of a simulation.

    Attributes
    ----------
    state : array of shape (6, n_regions)
        y0 ... y2 in mV and y3 ... y5, their derivatives, in mV/ms.
    history : array of shape (n_lags, n_regions)
        y1 - y2 in mV, present first, one row per step into the past; the last row holds for all earlier times.
    """

    state: np.ndarray
    history: np.ndarray
