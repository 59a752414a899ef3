"""The protocols by the names of the command line."""

from __future__ import annotations

from headwater._utils.errors import InputError
from headwater.benchmark.direct_unet import DIRECT_UNET
from headwater.benchmark.known_head import KNOWN_HEAD
from headwater.benchmark.multi_source import MULTI_SOURCE
from headwater.benchmark.piunet import PIUNET
from headwater.benchmark.protocol import Protocol
from headwater.benchmark.real import REAL
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


def protocol_of(protocol: str | Protocol) -> Protocol:
    """Return a protocol, or the one of this name."""
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise InputError(f"There is no protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[protocol]
