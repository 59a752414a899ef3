"""Spatial patterns: which sources are active together, and how strongly.

A pattern is a frozen dataclass with one method, ``draw``, which returns the patterns of a batch. The five here are
those of five published systems.
"""

from headwater.simulation.spatial.base import NAM, Pattern, SpatialPattern, active_share
from headwater.simulation.spatial.binary_patches import BinaryPatches
from headwater.simulation.spatial.gaussian_bells import GaussianBells, Profiles
from headwater.simulation.spatial.geometry import Euclidean, Geodesic, Geometry
from headwater.simulation.spatial.grown_regions import GrownRegions
from headwater.simulation.spatial.orientation import AlongNormal, RandomDirection
from headwater.simulation.spatial.placement import (
    AlongPath,
    Anywhere,
    AtDistance,
    CortexAndDeep,
    EachRegion,
    FarApart,
    Independent,
)
from headwater.simulation.spatial.radial_patches import RadialPatches
from headwater.simulation.spatial.ring_clusters import RingClusters

__all__ = [
    "NAM",
    "AlongNormal",
    "AlongPath",
    "Anywhere",
    "AtDistance",
    "BinaryPatches",
    "CortexAndDeep",
    "EachRegion",
    "Euclidean",
    "FarApart",
    "GaussianBells",
    "Geodesic",
    "Geometry",
    "GrownRegions",
    "Independent",
    "Pattern",
    "Profiles",
    "RadialPatches",
    "RandomDirection",
    "RingClusters",
    "SpatialPattern",
    "active_share",
]
