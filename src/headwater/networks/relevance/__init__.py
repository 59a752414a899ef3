"""A learned relevance network: sparse Bayesian learning whose update rule is a small U-Net."""

from headwater.networks.relevance.network import BoundRelevanceNet, RelevanceNet
from headwater.networks.relevance.posterior import Posterior

__all__ = ["BoundRelevanceNet", "Posterior", "RelevanceNet"]
