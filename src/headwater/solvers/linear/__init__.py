"""What linear solvers share: the kernel, and the priors from which it follows."""
