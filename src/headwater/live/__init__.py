"""Localise a stream as it comes: samples in, sources and their uncertainty out."""

from headwater.live.calibration import Calibrated, calibrate
from headwater.live.loop import LiveEstimate, LiveLoop
from headwater.live.options import LiveOptions
from headwater.live.ports import EstimateSink, SampleSource
from headwater.live.run import Latency, run_live
from headwater.live.window import WindowEstimator

__all__ = [
    "Calibrated",
    "EstimateSink",
    "Latency",
    "LiveEstimate",
    "LiveLoop",
    "LiveOptions",
    "SampleSource",
    "WindowEstimator",
    "calibrate",
    "run_live",
]
