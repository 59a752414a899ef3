"""Presets: complete models of simulated recordings, and those of five published systems.

``dataclasses.replace(PIUNET, sources=GaussianBells(n_sources=1))`` is a new preset;
`write_preset` and `read_preset` keep one in a YAML file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from headwater._utils.errors import InputError
from headwater.simulation.background import Background
from headwater.simulation.distributions import Constant, Integers, Normal, Uniform, check_instance, check_number
from headwater.simulation.noise import Noise, White
from headwater.simulation.spatial import (
    BinaryPatches,
    GaussianBells,
    GrownRegions,
    RadialPatches,
    RingClusters,
    SpatialPattern,
)
from headwater.simulation.spatial.geometry import Geodesic
from headwater.simulation.spatial.placement import CortexAndDeep, FarApart
from headwater.simulation.temporal import Autoregressive, Static, TimeCourse
from headwater.simulation.temporal.clips import Clips


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A complete model of simulated recordings: spatial pattern x time course x noise.

    Parameters
    ----------
    name : str
    sources : SpatialPattern
    courses : TimeCourse
        One per component of the pattern.
    background : Background | None
        Ongoing activity of all sources.
    noise : Noise
    n_times : int
    sfreq : float
        Hz.
    average_reference : bool
        Whether the EEG is re-referenced to its average, signal and noise alike.

    Examples
    --------
    >>> import headwater as hw
    >>> hw.presets.PIUNET.name, hw.presets.PIUNET.n_times
    ('PIUNET', 1)
    """

    name: str
    sources: SpatialPattern
    courses: TimeCourse = field(default_factory=Static)
    background: Background | None = None
    noise: Noise = field(default_factory=White)
    n_times: int = 1
    sfreq: float = 1000.0
    average_reference: bool = True

    def __post_init__(self) -> None:
        check_instance(self, "name", str, "'my preset'")
        check_instance(self, "sources", SpatialPattern, "GaussianBells()")
        check_instance(self, "courses", TimeCourse, "Autoregressive()")
        check_instance(self, "background", (Background, type(None)), "Background()")
        check_instance(self, "noise", Noise, "White(10)")
        check_instance(self, "average_reference", bool, "True")
        check_number(self, "sfreq", above=0.0)
        check_number(self, "n_times", at_least=1)
        if self.n_times != int(self.n_times):
            raise InputError(f"Preset.n_times is {self.n_times}; give a whole number.")


PIUNET = Preset(
    name="PIUNET",
    sources=GaussianBells(
        n_sources=Integers(1, 20), sigma_mm=Uniform(10.0, 80.0), amplitude_nam=Normal(0.0, 1.0), normalized=True
    ),
    noise=White(Uniform(0.0, 30.0)),
)
"""Morik et al., 3D-PIUNet, section IV-B, equations (5) and (6); the width is the standard deviation."""

MULTI_SOURCE = Preset(
    name="MULTI_SOURCE",
    sources=RadialPatches(n_sources=Integers(1, 3), diameter_mm=Uniform(20.0, 60.0), further=FarApart()),
    courses=Autoregressive(),
    background=Background(courses=Autoregressive(), boost=10.0),
    noise=White(Constant(math.inf)),
    n_times=50,
    sfreq=250.0,
)
"""Buda et al., section II-B: windows of 0.2 s; the inactive sources are the only noise."""

SPIKES = Preset(
    name="SPIKES",
    sources=GrownRegions(n_sources=Integers(1, 2), radius_mm=Uniform(10.0, 30.0)),
    courses=Clips(),
    noise=White(Uniform(5.0, 20.0)),
    n_times=500,
    sfreq=250.0,
)
"""The CNN-Transformer on neural-mass spikes, after DeepSIF: 500 samples at 5-20 dB, one waveform per patch."""

DIRECT_UNET = Preset(
    name="DIRECT_UNET",
    sources=BinaryPatches(n_sources=Integers(1, 5), radius_mm=Uniform(10.0, 30.0), metric=Geodesic()),
    noise=White(Constant(math.inf)),
)
"""Ojaroudi et al.: binary maps without noise. The paper states no prior; `BinaryPatches` documents the one used."""

SUBCORTICAL = Preset(
    name="SUBCORTICAL",
    sources=RingClusters(n_rings=Integers(1, 3), where=CortexAndDeep(cortical_share=2 / 9)),
    noise=White(Constant(20.0)),
)
"""Yokoyama et al., 4LCNN: training at 20 dB; 100,000 cortical and 350,000 subcortical samples are a share of 2/9."""

PRESETS = {preset.name: preset for preset in (PIUNET, MULTI_SOURCE, SPIKES, DIRECT_UNET, SUBCORTICAL)}
