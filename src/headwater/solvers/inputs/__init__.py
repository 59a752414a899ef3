"""Inputs of solvers: recordings, noise covariances and the whitened lead field."""
