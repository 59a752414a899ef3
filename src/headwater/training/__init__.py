"""Training networks on simulated recordings."""
