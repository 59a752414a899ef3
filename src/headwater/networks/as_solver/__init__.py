"""A trained network as a solver: on its own lead field, or morphed to another."""

from headwater.networks.as_solver.morphed import Morphed
from headwater.networks.as_solver.network_solver import NetworkSolver

__all__ = ["Morphed", "NetworkSolver"]
