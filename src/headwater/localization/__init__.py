"""From a recording to its sources, in one call."""

from headwater.localization.analyze import analyze, localize
from headwater.localization.finish import finish
from headwater.localization.prepare import Prepared, prepare
from headwater.localization.reading import read_recording
from headwater.localization.result import Localization

__all__ = ["Localization", "Prepared", "analyze", "finish", "localize", "prepare", "read_recording"]
