"""Simulated brain activity and recordings: spatial pattern x time course x noise, on any lead field."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["presets"],
    submod_attrs={
        "presets": ["PRESETS", "Preset"],
        "simulator": ["Simulator", "simulate", "stream"],
        "samples": ["Samples", "Truth"],
        "spatial": [
            *("SpatialPattern", "GaussianBells", "RadialPatches", "BinaryPatches", "GrownRegions", "RingClusters"),
            *("Anywhere", "EachRegion", "CortexAndDeep"),
            *("Independent", "FarApart", "AtDistance", "AlongPath"),
            *("AlongNormal", "RandomDirection"),
            *("Euclidean", "Geodesic", "Geometry"),
            "active_share",
        ],
        "temporal": [
            *("TimeCourse", "Static", "Autoregressive", "PowerLaw", "Transient", "Oscillation"),
            *("Correlated", "TakingTurns", "Clips"),
        ],
        "background": ["Background"],
        "noise": ["Noise", "White", "FromCovariance", "Recorded", "PerSensorType"],
        "spikes": [
            *("Connectome", "distance_rule_connectome", "sampled_connectome", "Brain", "JansenRitNetwork"),
            *("SpikeRules", "SpikeLibrary", "LibraryPlan", "make_spike_library"),
        ],
        "distributions": ["Constant", "Integers", "LogIntegers", "LogUniform", "Normal", "PlusMinus", "Uniform"],
        "currents": ["Patches"],
        "preset_files": ["read_preset", "write_preset"],
        "store": ["read_samples", "write_samples"],
        "preview": ["plot_preview"],
    },
)
