"""Find the sources of M/EEG in millimetres."""

import lazy_loader

# Public names in the order in which data flows; each is imported when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["solvers"],
    submod_attrs={
        "head": ["Head", "template_head", "head_from_subject", "montage_info"],
        "forward": ["LeadField", "make_leadfield"],
        "localization": ["Localization", "analyze", "localize", "read_recording"],
        "report": ["write_report", "write_results"],
        "_utils": ["InputError"],
    },
)
