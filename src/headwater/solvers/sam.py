"""Synthetic aperture magnetometry: the scalar beamformer, for MEG and EEG."""

from __future__ import annotations

import mne
import numpy as np

from headwater.solvers.beamformer import LCMV, loaded_inverse
from headwater.solvers.inputs.whitening import Rank


class SAM(LCMV):
    """Scalar beamformer (SAM): one filter per source, along the orientation of largest output signal-to-noise ratio.

    The orientation maximises the pseudo-Z, the ratio of the output power to the output power for white noise (Robinson
    & Vrba 1999; in closed form Sekihara & Nagarajan 2008, eq. 4.47). A filter for one orientation instead of three
    suppresses interference more strongly. The amplitudes are those of `LCMV` and of :func:`mne.beamformer.make_lcmv`
    with ``pick_ori="max-power"``, but the estimate is a vector along the orientation. Sources of fixed orientation keep
    their orientation.

    Parameters
    ----------
    data_cov, reg, reduce_rank, rank
        As in `LCMV`.
    weight_norm : None | "unit-noise-gain" | "unit-noise-gain-invariant"
        As in `LCMV`; the latter two are equivalent for a scalar beamformer. None: currents in A m, along the
        orientation of maximum power.
    """

    def __init__(
        self,
        *,
        data_cov: mne.Covariance | np.ndarray | None = None,
        reg: float = 0.05,
        weight_norm: str | None = "unit-noise-gain",
        reduce_rank: bool = False,
        rank: Rank = "info",
    ) -> None:
        super().__init__(data_cov=data_cov, reg=reg, weight_norm=weight_norm, reduce_rank=reduce_rank, rank=rank)

    def _filters(self, covariance: np.ndarray, loading: float) -> np.ndarray:
        """Return filters of rank one, shape (n_sources, n_orient, rank): the direction times the scalar filter."""
        if self.leadfield_.n_orient == 1:
            return super()._filters(covariance, loading)
        inverse = loaded_inverse(covariance, loading)
        direction = self._max_power_orientation(inverse)
        gain = np.einsum("sco,so->sc", self.gain_, direction)
        scalar = gain @ inverse
        if self.weight_norm is None:
            size = np.einsum("sc,sc->s", scalar, gain)
        else:
            size = np.linalg.norm(scalar, axis=1)
        return direction[:, :, np.newaxis] * (scalar / size[:, np.newaxis])[:, np.newaxis]
