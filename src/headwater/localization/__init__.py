"""From a recording to its sources, in one call."""

from headwater.localization.analyze import analyze, localize
from headwater.localization.recording import read_recording
from headwater.localization.result import Localization

__all__ = ["Localization", "analyze", "localize", "read_recording"]
