"""Find the sources of M/EEG in millimetres."""
