"""Base classes of networks: `Network` holds the parameters, `BoundNetwork` the quantities of one lead field."""

from headwater.networks.base.bound import BoundNetwork
from headwater.networks.base.network import Network

__all__ = ["BoundNetwork", "Network"]
