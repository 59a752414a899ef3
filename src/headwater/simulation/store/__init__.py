"""Samples on disk: a Zarr group, written part by part by any number of processes, each part with a checksum."""

from headwater.simulation.store.reading import read_samples
from headwater.simulation.store.writing import check_target, count_written, write_samples

__all__ = ["check_target", "count_written", "read_samples", "write_samples"]
