"""What a network is trained on: lead fields that it is given, and those that make the data."""

from __future__ import annotations

from dataclasses import dataclass

from headwater.forward.leadfield import LeadField
from headwater.forward.pair import LeadFieldPair


@dataclass(frozen=True, eq=False)
class TrainingPair:
    """A pair of lead fields, and how often samples are drawn from it.

    Training with a model that differs from the truth teaches a network how far a lead field can be trusted.

    Attributes
    ----------
    lead_fields : LeadFieldPair
        The network is bound to ``lead_fields.model``; ``lead_fields.truth`` makes the data.
    weight : float
        Relative to other pairs.
    """

    lead_fields: LeadFieldPair
    weight: float = 1.0

    @classmethod
    def inverse_crime(cls, leadfield: LeadField, weight: float = 1.0) -> TrainingPair:
        """Make the data with the lead field that the network is bound to."""
        return cls(LeadFieldPair.inverse_crime(leadfield), weight)

    @property
    def model(self) -> LeadField:
        """Lead field that the network is bound to."""
        return self.lead_fields.model

    @property
    def truth(self) -> LeadField:
        """Lead field that makes the data."""
        return self.lead_fields.truth
