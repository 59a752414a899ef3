"""From what a network predicts back to currents in A m."""
