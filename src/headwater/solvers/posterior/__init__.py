"""Gaussian posteriors of source currents: what a solver knows beyond its estimate."""
