"""Compare solvers: protocols, and the one function that runs them."""

from headwater.benchmark.protocol import Case, Protocol, Settings
from headwater.benchmark.protocols import PROTOCOLS
from headwater.benchmark.run import rewrite_results, run_benchmark

__all__ = ["PROTOCOLS", "Case", "Protocol", "Settings", "rewrite_results", "run_benchmark"]
