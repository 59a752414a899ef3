"""Trained networks on disk, and the bundled ones."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "catalogue": ["cards", "load_network", "shipped"],
        "files": ["read_network", "save_network"],
    },
)
