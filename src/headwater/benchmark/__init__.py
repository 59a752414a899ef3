"""Compare solvers: protocols, and the one function that runs them."""

from headwater.benchmark.multi_source import MULTI_SOURCE
from headwater.benchmark.piunet import PIUNET
from headwater.benchmark.protocol import Case, Protocol, Settings
from headwater.benchmark.real import REAL
from headwater.benchmark.run import run_benchmark
from headwater.benchmark.speed import SPEED

PROTOCOLS: dict[str, Protocol] = {
    "piunet": PIUNET,
    "multi-source": MULTI_SOURCE,
    "speed": SPEED,
    "real": REAL,
}

__all__ = ["PROTOCOLS", "Case", "Protocol", "Settings", "run_benchmark"]
