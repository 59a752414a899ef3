"""Compare solvers: protocols, and the one function that runs them."""

from headwater.benchmark.direct_unet import DIRECT_UNET
from headwater.benchmark.known_head import KNOWN_HEAD
from headwater.benchmark.multi_source import MULTI_SOURCE
from headwater.benchmark.piunet import PIUNET
from headwater.benchmark.protocol import Case, Protocol, Settings
from headwater.benchmark.real import REAL
from headwater.benchmark.run import run_benchmark
from headwater.benchmark.speed import SPEED
from headwater.benchmark.spikes import SPIKES
from headwater.benchmark.subcortical import SUBCORTICAL

PROTOCOLS: dict[str, Protocol] = {
    "piunet": PIUNET,
    "known-head": KNOWN_HEAD,
    "multi-source": MULTI_SOURCE,
    "speed": SPEED,
    "real": REAL,
    "spikes": SPIKES,
    "direct-unet": DIRECT_UNET,
    "subcortical": SUBCORTICAL,
}

__all__ = ["PROTOCOLS", "Case", "Protocol", "Settings", "run_benchmark"]
