"""Packages that headwater needs for some things only: what to install where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headwater._utils.errors import InputError

# What needs it, its name, and how to get it; the extras are those of pyproject.toml.
TRAIN, STORE, BENCHMARK, LIVE, PIPELINE = (
    f"pip install 'headwater[{extra}]'" for extra in ("train", "store", "benchmark", "live", "pipeline")
)
NEEDED = {
    "torch": ("Networks and simulations need", "PyTorch", "pip install torch"),
    "lightning": ("Training needs", "Lightning", TRAIN),
    "tensorboard": ("Training needs", "TensorBoard", TRAIN),
    "zarr": ("Samples on disk need", "Zarr", STORE),
    "mne_lsl": ("Streams need", "MNE-LSL", LIVE),
    "mne_bids": ("The pipeline needs", "MNE-BIDS", PIPELINE),
    "pyprep": ("Finding bad channels in the pipeline needs", "pyprep", PIPELINE),
    "picard": ("Independent components in the pipeline need", "Picard", PIPELINE),
    "mne_icalabel": ("Labels of components in the pipeline need", "MNE-ICALabel", PIPELINE),
    "autoreject": ("Cross-validated rejection in the pipeline needs", "autoreject", PIPELINE),
    "ot": ("The earth mover's distance needs", "POT", BENCHMARK),
}


@contextmanager
def extras() -> Iterator[None]:
    """Say in one sentence which package is missing, and how it is installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in NEEDED:
            raise
        raise missing_package(package) from error


def missing_package(package: str) -> InputError:
    """Return the error for a package that is not installed."""
    what, name, command = NEEDED[package]
    return InputError(f"{what} {name}, which is not installed; install it with `{command}`.")
