"""The model card: facts about weights that a user needs before trusting their estimates."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.solvers.posterior.calibration import Calibration

WEIGHTS, CARD = ".safetensors", ".json"
PROBES = 16  # numbers that distinguish lead fields
SAME = 1e-3  # largest relative difference of the same probes on two machines


class LeadFieldMark(BaseModel):
    """What identifies the lead field that a network belongs to.

    Attributes
    ----------
    ch_names : tuple of str
    n_sources, n_orient : int
    probes : tuple of float
        Fixed random sums over the gain: equal for the same head model on every machine.
    described : str
        Description in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ch_names: tuple[str, ...]
    n_sources: int
    n_orient: int
    probes: tuple[float, ...]
    described: str

    @classmethod
    def of(cls, leadfield: LeadField) -> Self:
        """Describe a lead field."""
        gain = leadfield.matrix
        rng = np.random.default_rng(0)
        left, right = rng.normal(size=(PROBES, gain.shape[0])), rng.normal(size=(gain.shape[1], PROBES))
        return cls(
            ch_names=tuple(leadfield.ch_names),
            n_sources=leadfield.n_sources,
            n_orient=leadfield.n_orient,
            probes=tuple(float(value) for value in np.einsum("pm,mp->p", left, gain @ right)),
            described=repr(leadfield).strip("<>"),
        )

    def matching(self, leadfield: LeadField) -> LeadField:
        """Return the channels used for training, in their order; refuse another lead field."""
        if missing := [name for name in self.ch_names if name not in leadfield.ch_names]:
            raise InputError(
                f"This network was trained for channels that the recording lacks ({', '.join(missing[:5])}); use the "
                "3D-PIUNet (hw.load_network()), which takes any montage, or hw.morphed_network (`morph`), which "
                "maps the data to those channels."
            )
        if tuple(leadfield.ch_names) != self.ch_names:
            leadfield = leadfield.pick(self.ch_names)
        other = LeadFieldMark.of(leadfield)
        same = (self.n_sources, self.n_orient) == (other.n_sources, other.n_orient)
        probes = np.array(self.probes)
        if not same or np.abs(probes - other.probes).max() > SAME * np.abs(probes).max():
            raise InputError(
                f"This network belongs to the lead field it was trained on ({self.described}), not to this one "
                f"({other.described}); use the 3D-PIUNet (hw.load_network()), which takes any, or "
                "hw.morphed_network (`morph`), which maps the data to its own."
            )
        return leadfield


class Card(BaseModel):
    """Model card.

    Attributes
    ----------
    name : str
    network : str
        Name in `headwater.networks.NETWORKS`.
    config : dict
        Arguments of its constructor.
    parameters : int
        Number of trained parameters.
    leadfield : LeadFieldMark | None
        Lead field that it belongs to; None: any.
    preset : str
        Simulated samples it was trained on, as YAML.
    recipe : dict
        Complete recipe of the training run.
    steps : int
    batch_size : int
    device : str
    hours : float
    validation : dict of str to float
        Scores on a head that was not used for training.
    baseline : dict of str to float
        Those of eLORETA on the same samples.
    versions : dict of str to str
    licence, intended_use, limits : str
    sha256 : str
        Checksum of the weights file.
    card_sha256 : str
        Checksum of everything else on the card; empty on cards of earlier versions.
    calibration : Calibration | None
        Corrections of the posterior, for networks that have one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    name: str
    network: str
    config: dict[str, Any]
    parameters: int
    leadfield: LeadFieldMark | None
    preset: str
    recipe: dict[str, Any]
    steps: int
    batch_size: int
    device: str
    hours: float
    validation: dict[str, float]
    baseline: dict[str, float]
    versions: dict[str, str]
    licence: str = "BSD-3-Clause"
    intended_use: str
    limits: str
    sha256: str = ""
    card_sha256: str = ""
    calibration: Calibration | None = None

    def sealed(self, sha256: str) -> Self:
        """Return the card with the checksums of its weights and of itself."""
        card = self.model_copy(update={"sha256": sha256, "card_sha256": ""})
        return card.model_copy(update={"card_sha256": card.checksum()})

    def checksum(self) -> str:
        """Compute the checksum of everything on the card except itself."""
        absent = {"calibration"} if self.calibration is None else None  # as on cards of earlier versions
        content = self.model_copy(update={"card_sha256": ""}).model_dump_json(exclude=absent)
        return hashlib.sha256(content.encode()).hexdigest()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a JSON file."""
        try:
            card = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InputError(
                f"The weights have no card: cannot read {path} ({error.strerror}); keep both files together."
            ) from error
        except ValidationError as error:
            raise InputError(
                f"{path} is not the card of a headwater network; download weights and card again."
            ) from error
        if card.card_sha256 and card.card_sha256 != card.checksum():
            raise InputError(f"The card {path} was changed (its checksum differs); download weights and card again.")
        return card
