"""Every choice of a pipeline, in one YAML file."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headwater._utils.errors import InputError
from headwater._utils.extras import missing_package
from headwater._utils.settings import Positive, Seed, Share, fault

# Kinds of components that ICLabel tells apart; "brain" and "other" are kept unless they are named.
Label = Literal["brain", "muscle artifact", "eye blink", "heart beat", "line noise", "channel noise", "other"]
Interval = tuple[float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Filter(_Strict):
    """Band of the recording.

    Attributes
    ----------
    highpass, lowpass : float | None
        In Hz; None leaves that side open.
    notch : float | None
        Line frequency, in Hz; it and its multiples are removed. None: nothing is.
    """

    highpass: Positive | None = 0.5
    lowpass: Positive | None = 40.0
    notch: Positive | None = None


class BadChannels(_Strict):
    """Bad channels beside those that the data set marks (EEG; needs pyprep).

    Attributes
    ----------
    find : bool
    ransac : bool
        Also predict each channel from random subsets of the others; slower.
    """

    find: bool = True
    ransac: bool = False


class Components(_Strict):
    """Independent components (Picard) with labels (ICLabel; EEG).

    Attributes
    ----------
    n : int | float
        Number of components, or the share of variance that they explain.
    remove : tuple of str
        Kinds of components that are removed.
    probability : float
        Least probability of the label.
    """

    n: Annotated[int, Field(ge=2)] | Annotated[float, Field(gt=0, lt=1)] = 0.99
    remove: tuple[Label, ...] = ("eye blink", "heart beat", "muscle artifact")
    probability: Share = 0.7


class Spikes(_Strict):
    """Search for interictal spikes, see `headwater.pipeline.find_spikes`.

    Attributes
    ----------
    threshold : float
        Of the envelope, as a multiple of mode plus median of its background.
    channels : int
        Least number of channels that show a spike at once.
    band : tuple of float
        In Hz; at most up to the lowpass of the recording.
    """

    threshold: Positive = 3.65
    channels: Annotated[int, Field(ge=1)] = 2
    band: Interval = (10.0, 60.0)


class Trials(_Strict):
    """Trials around events; for spikes, the events are the annotations that mark them, or spikes that are found.

    Attributes
    ----------
    conditions : tuple of str
        Types of trials (``trial_type`` of events.tsv). Empty: all.
    tmin, tmax : float
        In s.
    reject : "auto" | "autoreject" | None
        How trials with artefacts are found, as in `headwater.analyze`.
    spikes : Spikes | None
        Search for spikes; where ``conditions`` is empty, they are the only one. None: events are those of the data set.
    """

    conditions: tuple[str, ...] = ()
    tmin: float = -0.2
    tmax: float = 0.5
    reject: Literal["auto", "autoreject"] | None = "auto"
    spikes: Spikes | None = None


class Localisation(_Strict):
    """How averages are localised, as in `headwater.analyze`.

    Attributes
    ----------
    solver : str
        Name of a solver, or of bundled weights, or a file of weights.
    snr : float | None
    tmin, tmax : float | None
        Window, in s.
    baseline : tuple of float | None
        None: the time before zero. The noise covariance is estimated from the same trials before zero.
    space, spacing, method
        Source space, distance of sources in mm, and how the lead field is computed.
    montage : str | None
        Electrode positions where the data set has none: a montage of MNE-Python.
    subjects_dir : str | None
        FreeSurfer's subjects folder, with subjects named as in the data set (``sub-01``); None: the template head.
    """

    solver: str = "eloreta"
    snr: Positive | None = None
    tmin: float | None = None
    tmax: float | None = None
    baseline: Interval | None = None
    space: Literal["volume", "cortex"] = "volume"
    spacing: Positive | str | None = None
    method: Literal["bem", "openmeeg", "fem", "sphere"] = "bem"
    montage: str | None = None
    subjects_dir: str | None = None


class PipelineSettings(_Strict):
    """Every choice of a pipeline.

    Attributes
    ----------
    subjects, sessions : tuple of str
        Labels without their prefixes. Empty: all there are.
    task : str | None
        None: the only one there is.
    filter : Filter
    bad_channels : BadChannels
    ica : Components | None
        None: no components are removed.
    trials : Trials
    localisation : Localisation
    seed : int
        Of bad channels and components.
    """

    subjects: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    task: str | None = None
    filter: Filter = Filter()
    bad_channels: BadChannels = BadChannels()
    ica: Components | None = Components()
    trials: Trials = Trials()
    localisation: Localisation = Localisation()
    seed: Seed = 0

    @classmethod
    def read(cls, path: Path) -> PipelineSettings:
        """Read a YAML file; what it does not mention keeps its default."""
        if not path.is_file():
            raise InputError(f"There is no file {path}; check the path of the settings.")
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            raise InputError(f"Cannot read the settings {path}: {' '.join(str(error).split())}.") from error
        except ValidationError as error:
            place, words = fault(error)
            raise InputError(
                f"The settings {path.name} are invalid{' at ' if place else ''}{place}: {words}."
            ) from error

    def as_yaml(self) -> str:
        """Return all settings, defaults included."""
        return str(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False))

    def check_packages(self) -> None:
        """Refuse to begin where a package is missing that a step needs."""
        needed = ["mne_bids"]
        needed += ["pyprep"] if self.bad_channels.find else []
        needed += ["picard", "mne_icalabel"] if self.ica is not None else []
        needed += ["autoreject"] if self.trials.reject == "autoreject" else []
        for name in needed:
            if find_spec(name) is None:
                raise missing_package(name)
