"""Optimisation for sparse solvers."""
