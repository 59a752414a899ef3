"""From a BIDS data set to reports."""

from headwater.pipeline.run import Outcome, run_pipeline
from headwater.pipeline.settings import PipelineSettings, Spikes
from headwater.pipeline.spikes import FoundSpikes, find_spikes

__all__ = ["FoundSpikes", "Outcome", "PipelineSettings", "Spikes", "find_spikes", "run_pipeline"]
