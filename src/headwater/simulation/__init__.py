"""Brain activity and recordings made from models: spatial pattern x time course x noise on any lead field."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["presets"],
    submod_attrs={
        "distributions": ["Constant", "Integers", "LogIntegers", "LogUniform", "Normal", "PlusMinus", "Uniform"],
        "geometry": ["Euclidean", "Geodesic", "Geometry"],
        "placement": [
            *("Anywhere", "EachRegion", "CortexAndDeep"),
            *("Independent", "FarApart", "AtDistance", "AlongPath"),
        ],
        "orientation": ["AlongNormal", "RandomDirection"],
        "spatial": [
            *("SpatialPattern", "GaussianBells", "RadialPatches", "BinaryPatches", "GrownRegions", "RingClusters"),
            "active_share",
        ],
        "currents": ["Patches"],
        "temporal": [
            *("TimeCourse", "Static", "Autoregressive", "PowerLaw", "Transient", "Oscillation"),
            *("Correlated", "TakingTurns"),
        ],
        "clips": ["Clips"],
        "background": ["Background"],
        "noise": ["Noise", "White", "FromCovariance", "Recorded", "PerSensorType"],
        "samples": ["Samples", "Truth"],
        "presets": ["PRESETS", "Preset"],
        "preset_files": ["read_preset", "write_preset"],
        "simulator": ["Simulator", "simulate", "stream"],
        "store": ["read_samples", "write_samples"],
        "preview": ["plot_preview"],
        "connectome": ["Connectome", "distance_rule_connectome"],
        "brains": ["Brain"],
        "neural_mass": ["JansenRitNetwork"],
        "spikes": ["SpikeRules"],
        "spike_library": ["SpikeLibrary"],
        "spike_generation": ["LibraryPlan", "make_spike_library"],
    },
)
