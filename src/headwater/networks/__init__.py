"""Networks that find sources."""

from headwater.networks.base import BoundNetwork, Network
from headwater.networks.piunet import PIUNet

NETWORKS: dict[str, type[Network]] = {
    "piunet": PIUNet,
}

__all__ = ["NETWORKS", "BoundNetwork", "Network", "PIUNet"]
