"""What networks are trained for."""

from headwater.training.losses.base import Loss
from headwater.training.losses.currents import CurrentL1, CurrentL2, DataTerm, Transport

LOSSES: dict[str, type[Loss]] = {
    "l1": CurrentL1,
    "l2": CurrentL2,
    "data-term": DataTerm,
    "transport": Transport,
}

__all__ = ["LOSSES", "CurrentL1", "CurrentL2", "DataTerm", "Loss", "Transport"]
