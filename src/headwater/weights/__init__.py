"""Trained networks on disk, and the bundled ones."""

from headwater.weights.catalogue import cards, load_network, shipped
from headwater.weights.files import read_network, save_network

__all__ = ["cards", "load_network", "read_network", "save_network", "shipped"]
