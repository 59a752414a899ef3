"""What a network is trained on: the head that makes the data, and the head it is told."""

from __future__ import annotations

from dataclasses import dataclass

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField


@dataclass(frozen=True, eq=False)
class Scene:
    """Two lead fields with the same sources, one by one.

    Training with two different ones teaches a network not to trust its lead field more than anybody can.

    Attributes
    ----------
    measured : LeadField
        Makes the data.
    assumed : LeadField
        The network knows this one only.
    weight : float
        How often it is drawn, relative to other scenes.
    """

    measured: LeadField
    assumed: LeadField
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.measured.ch_names != self.assumed.ch_names:
            raise InputError("The two lead fields of a scene have different channels; pick the same ones of both.")
        if self.measured.gain.shape != self.assumed.gain.shape:
            raise InputError(
                f"The two lead fields of a scene have shapes {self.measured.gain.shape} and "
                f"{self.assumed.gain.shape}; they must have the same sources, one by one."
            )
