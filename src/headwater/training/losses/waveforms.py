"""Losses of networks that predict the waveform of each region."""

from __future__ import annotations

import torch

from headwater._utils.errors import InputError
from headwater._utils.settings import AtLeastZero, checked
from headwater.networks.base import BoundNetwork
from headwater.networks.base.regional import BoundRegional
from headwater.simulation.samples import Samples
from headwater.training.losses.base import Loss


class SummedWaveformError(Loss):
    """Squared error summed over regions and times: the loss of DeepSIF (Sun et al. 2022), mean over the batch."""

    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare waveforms (batch, n_regions, n_times) with the truth."""
        return (prediction - regional_waveforms(samples, bound)).square().sum((1, 2)).mean()


class WaveformCosine(Loss):
    r"""Angle between waveforms, and error of the reconstructed EEG: the loss of the GRU dual path (Khosravi et al.).

    .. math:: 1 - \cos(\hat w, w) + \lambda \, \| G (\hat w - w) \| / \| G w \|

    with the waveforms ``w`` of all regions as one vector (angles at single time points would reflect noise alone where
    the waveforms cross zero) and the topographies ``G`` of the regions: ``G w`` is the clean EEG of the true waveforms.

    Parameters
    ----------
    reconstruction : float
        The weight :math:`\lambda`; the paper gives none.
    """

    @checked
    def __init__(self, *, reconstruction: AtLeastZero = 1.0) -> None:
        self.reconstruction = reconstruction

    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare waveforms (batch, n_regions, n_times) with the truth."""
        truth = regional_waveforms(samples, bound)
        cosine = torch.cosine_similarity(prediction.flatten(1), truth.flatten(1))
        clean, error = _seen(truth, bound), _seen(prediction - truth, bound)
        return (1 - cosine + self.reconstruction * error / _or_one(clean)).mean()


def regional_waveforms(samples: Samples, bound: BoundNetwork) -> torch.Tensor:
    """Return the true waveforms, (batch, n_regions, n_times): mean current of each region, at most 1.

    The mean over the sources of a region, inactive ones included, is the best approximation by currents that are equal
    throughout the region. Each sample is divided by its largest value. Sparse currents stay sparse: the mean is a
    projection, with regions in place of sensors. It is computed in single precision, because currents in A m are
    outside the range of half precision.
    """
    averaging = _regional(bound).averaging
    with torch.autocast(averaging.device.type, enabled=False):
        waveforms = samples.currents.project(averaging)
    return waveforms / _or_one(waveforms.abs().amax((1, 2), keepdim=True))


def _seen(waveforms: torch.Tensor, bound: BoundNetwork) -> torch.Tensor:
    """Norm of the sensor data of waveforms, shape (batch,), relative to the norm of the topographies."""
    topographies = _regional(bound).topographies
    return (topographies / topographies.norm() @ waveforms).flatten(1).norm(dim=1)


def _or_one(scale: torch.Tensor) -> torch.Tensor:
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def _regional(bound: BoundNetwork) -> BoundRegional:
    if not isinstance(bound, BoundRegional):
        raise InputError(
            f"This loss compares waveforms of regions, which {type(bound.network).__name__} does not predict; train "
            "CNNTransformer, DeepSIF or GRUDualPath with it."
        )
    return bound
