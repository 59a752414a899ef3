"""Optimisation for solvers that find few sources."""
