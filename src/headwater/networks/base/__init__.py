"""What every network promises: `Network` holds the parameters, `BoundNetwork` what belongs to one lead field."""

from headwater.networks.base.bound import BoundNetwork
from headwater.networks.base.network import Network

__all__ = ["BoundNetwork", "Network"]
