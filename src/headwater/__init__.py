"""Find the sources of M/EEG in millimetres."""

from typing import Any

import lazy_loader

__version__ = "0.2.0"

# Public names in the order in which data flows; each module is imported when one of its names is first used.
_load, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["live", "metrics", "networks", "simulation", "solvers", "training"],
    submod_attrs={
        "_utils.errors": ["InputError"],
        "head.model": ["Head"],
        "head.template": ["template_head"],
        "head.subject": ["head_from_subject"],
        "head.labelled": ["head_from_labels"],
        "head.meshes": ["head_from_meshes"],
        "head.sensors": ["montage_info"],
        "head.meg_arrays": ["sensors_info"],
        "forward.leadfield": ["LeadField"],
        "forward.make": ["make_leadfield"],
        "forward.fem.method": ["FEM"],
        "forward.foreign.read": ["leadfield_from_file"],
        "simulation": [
            *("Preset", "presets", "read_preset", "write_preset", "plot_preview"),
            *("Samples", "simulate", "stream", "write_samples", "read_samples"),
        ],
        "weights": ["load_network"],
        "training.run": ["train"],
        "training.morph": ["morphed_network"],
        "localization": ["Localization", "analyze", "localize", "read_recording"],
        "report.html": ["write_report"],
        "report.plot": ["plot_localization"],
        "report.view": ["view_localization"],
        "report.results": ["write_results"],
    },
)


def __getattr__(name: str) -> Any:
    """Import a public name, or say what to install for it."""
    from headwater._utils.extras import extras

    with extras():
        return _load(name)
