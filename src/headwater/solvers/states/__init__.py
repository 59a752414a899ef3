"""State-space models of the Kalman filters."""
