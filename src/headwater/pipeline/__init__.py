"""From a BIDS data set to reports."""

from headwater.pipeline.run import Outcome, run_pipeline
from headwater.pipeline.settings import PipelineSettings

__all__ = ["Outcome", "PipelineSettings", "run_pipeline"]
