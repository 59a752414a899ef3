"""Interictal spikes, cut from simulated whole-brain neural-mass activity and kept in a library."""

from headwater.simulation.spikes.brains import Brain
from headwater.simulation.spikes.connectome import Connectome, distance_rule_connectome
from headwater.simulation.spikes.generation import LibraryPlan, make_spike_library
from headwater.simulation.spikes.neural_mass import JansenRitNetwork
from headwater.simulation.spikes.rules import PUBLISHED, SpikeRules, cut_clips, find_clips
from headwater.simulation.spikes.sampled_connectome import sampled_connectome
from headwater.simulation.spikes.spike_library import SpikeLibrary

__all__ = [
    "PUBLISHED",
    "Brain",
    "Connectome",
    "JansenRitNetwork",
    "LibraryPlan",
    "SpikeLibrary",
    "SpikeRules",
    "cut_clips",
    "distance_rule_connectome",
    "find_clips",
    "make_spike_library",
    "sampled_connectome",
]
