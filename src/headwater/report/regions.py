"""Regions of the atlas in plain words: side, lobe and place."""

from __future__ import annotations

import re

SIDES = {"lh": "left", "rh": "right", "Left": "left", "Right": "right"}

# Desikan-Killiany regions (Desikan et al. 2006), and the lobe that each belongs to.
CORTEX = {
    "bankssts": ("banks of the superior temporal sulcus", "temporal"),
    "caudalanteriorcingulate": ("caudal anterior cingulate cortex", "cingulate"),
    "caudalmiddlefrontal": ("caudal middle frontal gyrus", "frontal"),
    "cuneus": ("cuneus", "occipital"),
    "entorhinal": ("entorhinal cortex", "temporal"),
    "frontalpole": ("frontal pole", "frontal"),
    "fusiform": ("fusiform gyrus", "temporal"),
    "inferiorparietal": ("inferior parietal cortex", "parietal"),
    "inferiortemporal": ("inferior temporal gyrus", "temporal"),
    "insula": ("insula", ""),
    "isthmuscingulate": ("isthmus of the cingulate gyrus", "cingulate"),
    "lateraloccipital": ("lateral occipital cortex", "occipital"),
    "lateralorbitofrontal": ("lateral orbitofrontal cortex", "frontal"),
    "lingual": ("lingual gyrus", "occipital"),
    "medialorbitofrontal": ("medial orbitofrontal cortex", "frontal"),
    "middletemporal": ("middle temporal gyrus", "temporal"),
    "paracentral": ("paracentral lobule", "frontal"),
    "parahippocampal": ("parahippocampal gyrus", "temporal"),
    "parsopercularis": ("inferior frontal gyrus, pars opercularis", "frontal"),
    "parsorbitalis": ("inferior frontal gyrus, pars orbitalis", "frontal"),
    "parstriangularis": ("inferior frontal gyrus, pars triangularis", "frontal"),
    "pericalcarine": ("pericalcarine cortex", "occipital"),
    "postcentral": ("postcentral gyrus", "parietal"),
    "posteriorcingulate": ("posterior cingulate cortex", "cingulate"),
    "precentral": ("precentral gyrus", "frontal"),
    "precuneus": ("precuneus", "parietal"),
    "rostralanteriorcingulate": ("rostral anterior cingulate cortex", "cingulate"),
    "rostralmiddlefrontal": ("rostral middle frontal gyrus", "frontal"),
    "superiorfrontal": ("superior frontal gyrus", "frontal"),
    "superiorparietal": ("superior parietal lobule", "parietal"),
    "superiortemporal": ("superior temporal gyrus", "temporal"),
    "supramarginal": ("supramarginal gyrus", "parietal"),
    "temporalpole": ("temporal pole", "temporal"),
    "transversetemporal": ("transverse temporal gyrus", "temporal"),
}
DEEP = {"Accumbens-area": "accumbens", "VentralDC": "ventral diencephalon"}
NEARBY = re.compile(r"^(\d+ mm from )(.+)$")


def plain(name: str) -> str:
    """Name a region as people say it: ``"pericalcarine-lh"`` is the left pericalcarine cortex (occipital lobe).

    Names of other atlases are returned as they are; distances in front of a name are kept.
    """
    if nearby := NEARBY.match(name):
        return f"{nearby[1]}the {plain(nearby[2])}"
    stem, _, side = name.rpartition("-")
    if side in ("lh", "rh") and stem in CORTEX:
        place, lobe = CORTEX[stem]
        within = f" ({lobe} lobe)" if lobe and lobe != "cingulate" else ""
        return f"{SIDES[side]} {place}{within}"
    side, _, structure = name.partition("-")
    if side in ("Left", "Right") and structure:
        return f"{SIDES[side]} {DEEP.get(structure, structure.replace('-', ' ').lower())}"
    return "brain stem" if name == "Brain-Stem" else name
