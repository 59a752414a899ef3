"""Common parts of the linear solvers: the kernel, and the priors that determine it."""
