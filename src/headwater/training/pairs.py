"""Lead fields for training: those that the network is given, and those that generate the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headwater.forward.leadfield import LeadField
from headwater.forward.pair import LeadFieldPair
from headwater.simulation.presets import Preset


@dataclass(frozen=True, eq=False)
class TrainingPair:
    """A pair of lead fields and its sampling weight.

    Training with a model that differs from the truth teaches a network how far a lead field can be trusted.

    Attributes
    ----------
    lead_fields : LeadFieldPair
        The network is bound to ``lead_fields.model``; ``lead_fields.truth`` generates the data.
    weight : float
        Relative to other pairs.
    preset : Preset | None
        Samples of this pair; None: those of the training.
    noise_cov : array of shape (n_channels, n_channels) | None
        Noise covariance that the network is given; None: the identity.
    """

    lead_fields: LeadFieldPair
    weight: float = 1.0
    preset: Preset | None = None
    noise_cov: np.ndarray | None = None

    @classmethod
    def inverse_crime(cls, leadfield: LeadField, weight: float = 1.0) -> TrainingPair:
        """Generate the data with the lead field that the network is bound to."""
        return cls(LeadFieldPair.inverse_crime(leadfield), weight)

    @property
    def model(self) -> LeadField:
        """Lead field that the network is bound to."""
        return self.lead_fields.model

    @property
    def truth(self) -> LeadField:
        """Lead field that generates the data."""
        return self.lead_fields.truth
