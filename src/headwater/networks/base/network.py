"""A network: its constructor is its configuration, and it can be bound to a lead field."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import mne
import numpy as np
from torch import nn

from headwater.forward.leadfield import LeadField
from headwater.networks.base.bound import BoundNetwork


class Network(nn.Module, ABC):
    """A network for source imaging.

    The constructor takes keywords of plain values (numbers, strings, tuples of them). They are the whole configuration
    and are stored unchanged under their names.

    Attributes
    ----------
    title : str
        Name of the network as papers write it; the name of the class where none is declared.
    any_leadfield : bool
        Whether the same weights work for every head, montage and grid. Otherwise they belong to the lead field they
        were trained on.
    """

    title: ClassVar[str] = ""
    any_leadfield: ClassVar[bool] = False

    def __init_subclass__(cls, **settings: Any) -> None:
        """Give every class a title of its own."""
        super().__init_subclass__(**settings)
        if "title" not in vars(cls):
            cls.title = cls.__name__

    @classmethod
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 1, **config: Any) -> Self:  # noqa: ARG003 - for those that look at time windows
        """Make a network whose sizes fit a lead field.

        Parameters
        ----------
        leadfield : LeadField
        n_times : int
            Length of the samples it is to be trained on.
        **config
            Further arguments of the constructor.
        """
        return cls(**config)

    @abstractmethod
    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundNetwork:
        """Make the network ready for one lead field; the parameters stay those of this network.

        Parameters
        ----------
        leadfield : LeadField
        noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
            As for `headwater.solvers.Solver.fit`.
        """

    @property
    def config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        names = inspect.signature(type(self).__init__).parameters
        return {name: getattr(self, name) for name in names if name != "self"}

    @property
    def n_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    def extra_repr(self) -> str:
        """Show the configuration."""
        return ", ".join(f"{name}={value!r}" for name, value in self.config.items())
