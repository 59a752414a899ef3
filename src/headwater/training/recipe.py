"""A training run as a file: network, samples, heads, loss and schedule."""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, Self

import mne
import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from headwater._utils.errors import InputError
from headwater._utils.settings import Positive, Seed, check_settings, fault
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.pair import LeadFieldPair, counterpart
from headwater.forward.spaces import Spacing
from headwater.head.helmet import helmet_info
from headwater.head.meg_arrays import sensors_info
from headwater.head.model import Head
from headwater.head.template import template_head
from headwater.metrics.table import METRICS
from headwater.networks import NETWORKS
from headwater.simulation.preset_files import read_preset
from headwater.simulation.presets import PRESETS, Preset
from headwater.training.losses import LOSSES
from headwater.training.noise import OngoingNoise
from headwater.training.pairs import TrainingPair
from headwater.training.schedule import MOST_STEPS, Schedule, Steps

HELMET = "helmet"
MOST_SAMPLES = 100_000  # at a time
DATA_ICO = 3  # boundary elements of the data differ from those of the model


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Heads(_Strict):
    """Pairs of lead fields with one model.

    Attributes
    ----------
    montage : str
        EEG montages of MNE-Python and MEG arrays, joined as for `headwater.head.meg_arrays.sensors_info`, or
        ``"helmet"`` for 102 magnetometers.
    space : str
        ``"volume"``, ``"cortex"`` or ``"mixed"``.
    spacing : float or str or (str, float) | None
        Of the sources; None: the default of the space.
    structures : tuple of str | None
        Deep structures of a mixed space; None: those of `headwater.make_leadfield`.
    orient : str
        ``"free"`` or ``"fixed"``.
    method : str
        Forward method of the model, see `headwater.make_leadfield`; the data use boundary elements.
    ico : int
        Resolution of the boundary elements of the model.
    assumed : int | None
        Head of the model: the template varied with this seed; None: the template itself.
    data : tuple of int
        Heads that generate the data: the head of the model varied with these seeds; None: that head itself.
    weight : float
        Sampling weight of each pair, relative to others.
    preset : str | None
        Samples of these pairs, as `Recipe.preset`; None: those of the recipe.
    noise : OngoingNoise | None
        Correlated noise whose covariance the network is given as estimated; None: the noise of the preset, and the
        identity.
    missing : int
        Channels that each pair lacks, drawn at random.
    """

    montage: str
    space: str = "volume"
    spacing: Spacing = None
    structures: tuple[str, ...] | None = None
    orient: str = "free"
    method: str = "bem"
    ico: int = Field(4, ge=0, le=7)
    assumed: Seed | None = None
    data: tuple[Seed, ...] = Field((), max_length=1000)
    weight: Positive = 1.0
    preset: str | None = None
    noise: OngoingNoise | None = None
    missing: int = Field(0, ge=0, le=300)

    @cached_property
    def head(self) -> Head:
        """Head of the model."""
        template = template_head()
        return template if self.assumed is None else template.varied(seed=self.assumed)

    def model(self) -> LeadField:
        """Compute the lead field that the network is bound to."""
        info = _info(self.head, self.montage)
        return make_leadfield(
            self.head,
            info,
            self.space,
            spacing=self.spacing,
            structures=self.structures,
            orient=self.orient,
            method=self.method,
            ico=self.ico,
        )

    def pairs(self) -> list[TrainingPair]:
        """Compute the lead fields."""
        model = self.model()
        if not self.data:
            return [TrainingPair(self._picked(LeadFieldPair.inverse_crime(model), 0), self.weight)]
        truths = ((seed, self._truth(model, self.head.varied(seed=seed))) for seed in self.data)
        return [
            TrainingPair(self._picked(LeadFieldPair(model=model, truth=truth), seed), self.weight)
            for seed, truth in truths
        ]

    def _picked(self, lead_fields: LeadFieldPair, seed: int) -> LeadFieldPair:
        """Leave out the missing channels."""
        if not self.missing:
            return lead_fields
        names = np.array(lead_fields.model.ch_names)
        if self.missing > len(names) - 3:
            raise InputError(f"missing is {self.missing} and {self.montage} has {len(names)} channels; leave three.")
        lost = np.random.default_rng(seed).choice(len(names), self.missing, replace=False)
        return lead_fields.pick(list(np.delete(names, lost)))

    def _truth(self, model: LeadField, head: Head) -> LeadField:
        """Compute the lead field of the same sources in another head."""
        info = _info(head, self.montage)
        if self.space == "volume":
            info = _with_coils_of(model.info, info)
        return counterpart(model, self.head, head, info, ico=DATA_ICO, spacing=self.spacing)


class Checks(_Strict):
    """Validation data: samples of a separate head.

    Attributes
    ----------
    heads : Heads
        Must have a single head that generates the data.
    presets : dict of str to str
        Names or files of presets, by the name under which scores are shown.
    metrics : tuple of str
        Of `headwater.metrics.METRICS`; schedules and early stopping use the first one for the first preset.
    n : int
        Samples of each preset.
    every : int
        Steps between validations.
    seed : int
    """

    heads: Heads
    presets: dict[str, str] = Field(min_length=1)
    metrics: tuple[str, ...] = Field(min_length=1)
    n: int = Field(64, ge=1, le=MOST_SAMPLES)
    every: Steps = 500
    seed: Seed = 10**7

    @model_validator(mode="after")
    def _known(self) -> Self:
        if len(self.heads.data) > 1:
            raise InputError("validation takes one head; give one number in heads.data.")
        if unknown := [name for name in self.metrics if name not in METRICS]:
            raise InputError(f"there are no metrics {', '.join(unknown)}; choose from {', '.join(METRICS)}.")
        return self


class Recipe(_Strict):
    """Everything that determines a trained network.

    Attributes
    ----------
    network : str
        Name in `headwater.networks.NETWORKS`.
    config : dict
        Arguments of its constructor that differ from the defaults and do not follow from the lead field.
    preset : str
        Name in `headwater.simulation.PRESETS`, or a file relative to the recipe's folder.
    heads : tuple of Heads
    loss : str
        Name in `headwater.training.losses.LOSSES`.
    loss_config : dict
        Its arguments.
    schedule : Schedule
    batch_size : int
    precision : str
        As named by Lightning.
    seed : int
    validation : Checks | None
    patience : int | None
        Stop after this number of validations without improvement, and keep the best weights; None: never.
    """

    network: str
    config: dict[str, Any] = {}
    preset: str
    heads: tuple[Heads, ...] = Field(min_length=1)
    loss: str
    loss_config: dict[str, Any] = {}
    schedule: Schedule
    batch_size: int = Field(32, ge=1, le=MOST_SAMPLES)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    seed: Seed = 0
    validation: Checks | None = None
    patience: int | None = Field(None, ge=1, le=MOST_STEPS)

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.network not in NETWORKS:
            raise InputError(f"there is no network {self.network!r}; choose {', '.join(NETWORKS)}.")
        if self.loss not in LOSSES:
            raise InputError(f"there is no loss {self.loss!r}; choose {', '.join(LOSSES)}.")
        for kind, given in ((NETWORKS[self.network], self.config), (LOSSES[self.loss], self.loss_config)):
            check_settings(kind.__name__, kind.__init__, given)
        if self.validation is None and (self.patience or self.schedule.kind == "plateau"):
            raise InputError("patience and plateaus need a validation; describe one, or use a cosine schedule.")
        return self

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a YAML file."""
        try:
            return cls.model_validate(yaml.safe_load(path.read_text()))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
            raise InputError(f"Cannot read the recipe {path}: {' '.join(str(error).split())}.") from error
        except ValidationError as error:
            place, words = fault(error)
            words = words.removesuffix(".")
            raise InputError(f"The recipe {path.name} is invalid{' at ' if place else ''}{place}: {words}.") from error


def find_preset(name: str, folder: Path) -> Preset:
    """Return a preset by name or from a file."""
    if name in PRESETS:
        return PRESETS[name]
    if not (folder / name).exists():
        raise InputError(f"There is no preset {name!r}: give a file next to the recipe or one of {', '.join(PRESETS)}.")
    return read_preset(folder / name)


@lru_cache(maxsize=8)
def _info(head: Head, montage: str) -> mne.Info:
    return helmet_info(head) if montage == HELMET else sensors_info(head, montage)


def _with_coils_of(known: mne.Info, info: mne.Info) -> mne.Info:
    """Put MEG coils where they were: an array is rigid, and its position is known; electrodes are placed anew."""
    info = info.copy()
    for index in mne.pick_types(info, meg=True):
        info["chs"][index]["loc"] = known["chs"][index]["loc"].copy()
    return info
