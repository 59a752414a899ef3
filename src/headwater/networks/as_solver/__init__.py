"""Trained networks as solvers: on their own lead field, or morphed to another one."""

from headwater.networks.as_solver.morphed import Morphed
from headwater.networks.as_solver.network_solver import NetworkSolver

__all__ = ["Morphed", "NetworkSolver"]
