"""What solvers take: recordings, noise covariances, and the lead field as whitened sensors see it."""
