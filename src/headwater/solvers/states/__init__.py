"""State-space models behind the Kalman filters."""
