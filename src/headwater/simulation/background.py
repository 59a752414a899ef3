"""Ongoing activity of the whole brain, into which source patches are blended."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from headwater._utils.errors import InputError
from headwater.simulation.currents import DenseCurrents, Patches
from headwater.simulation.distributions import check_instance, check_number
from headwater.simulation.spatial import NAM, Pattern
from headwater.simulation.spatial.geometry import Geometry
from headwater.simulation.spatial.orientation import random_directions
from headwater.simulation.temporal import Autoregressive, TimeCourse


@dataclass(frozen=True)
class Background:
    """Every source has its own time course; sources in a patch follow the patch's course in part.

    With the coefficients ``l_j^i`` of source j in patch i, ``s_j = sum_i l_j^i``, the patch's course ``c_i`` and the
    source's own ``p_j``::

        p_j <- sum_i l_j^i / max(s_j, 1) c_i + (1 - min(s_j, 1)) p_j

    and sources in a patch are ``boost`` times stronger than the others: Buda et al., A deep learning framework for
    multi-source EEG localization, section II-B. There ``c_i`` is the centre's own course; a new draw has the same
    distribution, because the centre's coefficient is 1.

    Parameters
    ----------
    courses : TimeCourse
        Of each source; a process of unit variance.
    boost : float
    amplitude_nam : float
        Of an inactive source (standard deviation of its course), in nA m. The amplitudes of the patches are relative
        to it.
    """

    courses: TimeCourse = field(default_factory=Autoregressive)
    boost: float = 10.0
    amplitude_nam: float = 1.0

    def __post_init__(self) -> None:
        check_instance(self, "courses", TimeCourse, "Autoregressive()")
        check_number(self, "boost", above=0.0)
        check_number(self, "amplitude_nam", above=0.0)

    def blend(
        self, pattern: Pattern, courses: torch.Tensor, sfreq: float, geometry: Geometry, generator: torch.Generator
    ) -> DenseCurrents:
        """Draw the courses of all sources and blend in those of the patches."""
        if not isinstance(pattern, Patches):
            raise InputError(
                "A Background needs patches to blend in, and this pattern reaches every source; use background=None."
            )
        n_sources, n_times = geometry.n_sources, courses.shape[2]
        everywhere = torch.arange(n_sources, device=geometry.device).expand(len(courses), -1)
        own = self.courses.draw(everywhere, n_times, sfreq, generator).mul_(NAM * self.amplitude_nam).flatten(0, 1)
        total = pattern.summed().flatten()
        active = torch.nonzero(total)[:, 0]
        own[active] *= self.boost * (1 - total[active, None]).clamp(min=0)
        strength = self.boost * self.amplitude_nam * (pattern.amplitude[..., None] * courses).flatten(0, 1)
        for rows, entries in pattern.ranks():
            share = pattern.coefficient[entries] / total[rows].clamp(min=1)
            own[rows] += share[:, None] * strength[pattern.component[entries]]
        x = own.reshape(-1, n_sources, 1, n_times)
        return DenseCurrents(x if geometry.n_orient == 1 else self._oriented(x, geometry, generator), pattern)

    @staticmethod
    def _oriented(x: torch.Tensor, geometry: Geometry, generator: torch.Generator) -> torch.Tensor:
        """Orient along the normals of the cortex; each source in a volume has a random direction per sample."""
        drawn = random_directions((len(x), geometry.n_sources, 3), generator)
        direction = torch.where(geometry.cortical[:, None], geometry.normals, drawn)
        return x * direction[..., None]
