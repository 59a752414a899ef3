"""Conversion of network outputs to currents in A m."""
