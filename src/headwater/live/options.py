"""How a stream is localised."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mne

from headwater._utils.errors import InputError
from headwater.forward.fem.method import FEM
from headwater.forward.leadfield import LeadField
from headwater.forward.spaces import Spacing
from headwater.head.model import Head
from headwater.localization.montages import Montage
from headwater.solvers.base import Solver

LONGEST = 600.0  # s of calibration


@dataclass(frozen=True, eq=False, kw_only=True)
class LiveOptions:
    """How a stream is localised; what is not described here is as in `headwater.analyze`.

    Attributes
    ----------
    solver : Solver | str | path-like
        A linear solver answers within milliseconds; for networks see ``benchmarks/results/live.md``.
    snr : float | None
        Sets ``lambda2`` of a solver that would choose it from the data: there is nothing to choose it from before the
        stream has begun. None: 3.
    calibrate : float
        Seconds at the beginning of the stream from which noise covariance and bad channels are found; nothing is
        estimated meanwhile.
    rate : float
        Estimates per second.
    window : float
        Seconds that a solver sees which needs several time points; those that treat each time point separately see
        the newest one, and networks see what they were trained with.
    highpass, lowpass : float | None
        Band of the causal filter, in Hz.
    """

    solver: Solver | str | Path = "eloreta"
    snr: float | None = None
    calibrate: float = 10.0
    rate: float = 25.0
    window: float = 0.064
    highpass: float | None = 1.0
    lowpass: float | None = 40.0
    head: Head | None = None
    forward: LeadField | mne.Forward | str | Path | None = None
    noise_cov: mne.Covariance | str | Path | None = None
    bads: tuple[str, ...] = ()
    find_bads: bool = True
    montage: Montage | None = None
    space: str = "volume"
    spacing: Spacing = 10.0
    method: str | FEM = "bem"

    def __post_init__(self) -> None:
        for name in ("calibrate", "rate", "window"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InputError(f"`{name}={getattr(self, name)}` is not possible; give a number above zero.")
        if self.calibrate > LONGEST:
            raise InputError(f"`calibrate={self.calibrate:g}` s is long; give at most {LONGEST:.0f} s.")
