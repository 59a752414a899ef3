"""Training losses."""

from headwater.training.losses.base import Loss
from headwater.training.losses.coefficients import CoefficientCrossEntropy, CoefficientL1
from headwater.training.losses.cosine import CosineDistance
from headwater.training.losses.currents import CurrentL1, CurrentL2, DataTerm, Transport
from headwater.training.losses.hausdorff import WeightedHausdorff
from headwater.training.losses.maps import BinaryCrossEntropy, RootMeanSquareError
from headwater.training.losses.posterior import PosteriorScore
from headwater.training.losses.waveforms import SummedWaveformError, WaveformCosine

LOSSES: dict[str, type[Loss]] = {
    "l1": CurrentL1,
    "l2": CurrentL2,
    "data-term": DataTerm,
    "transport": Transport,
    "cosine": CosineDistance,
    "coefficient-l1": CoefficientL1,
    "coefficient-cross-entropy": CoefficientCrossEntropy,
    "hausdorff": WeightedHausdorff,
    "binary-cross-entropy": BinaryCrossEntropy,
    "rmse": RootMeanSquareError,
    "summed-waveform-error": SummedWaveformError,
    "waveform-cosine": WaveformCosine,
    "posterior": PosteriorScore,
}

__all__ = [
    "LOSSES",
    "BinaryCrossEntropy",
    "CoefficientCrossEntropy",
    "CoefficientL1",
    "CosineDistance",
    "CurrentL1",
    "CurrentL2",
    "DataTerm",
    "Loss",
    "PosteriorScore",
    "RootMeanSquareError",
    "SummedWaveformError",
    "Transport",
    "WaveformCosine",
    "WeightedHausdorff",
]
