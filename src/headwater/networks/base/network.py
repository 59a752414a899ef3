"""Base class of networks: the arguments of the constructor are the configuration."""

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

    The constructor takes keyword arguments of simple types (numbers, strings, tuples of these). They are the complete
    configuration and are stored unchanged as attributes of the same names.

    Attributes
    ----------
    title : str
        Name of the network in the literature. Default: the name of the class.
    any_leadfield : bool
        Whether the same weights can be used for every head, montage and source space. Otherwise they belong to the lead
        field on which they were trained.
    any_length : bool
        Whether windows may be shorter than those it was bound for.
    has_posterior : bool
        Whether its bound networks have a ``posterior``, whose mean is the estimate.
    free_settings : tuple of str
        Settings that a training may change although it begins with given weights.
    """

    title: ClassVar[str] = ""
    any_leadfield: ClassVar[bool] = False
    any_length: ClassVar[bool] = False
    has_posterior: ClassVar[bool] = False
    free_settings: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **settings: Any) -> None:
        """Set the default title."""
        super().__init_subclass__(**settings)
        if "title" not in vars(cls):
            cls.title = cls.__name__

    @classmethod
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 1, **config: Any) -> Self:  # noqa: ARG003 - used by networks for time windows
        """Create a network with the sizes of a lead field.

        Parameters
        ----------
        leadfield : LeadField
        n_times : int
            Length of the training samples.
        **config
            Additional arguments of the constructor.
        """
        return cls(**config)

    @abstractmethod
    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundNetwork:
        """Bind the network to one lead field; the bound network shares the parameters of this network.

        Parameters
        ----------
        leadfield : LeadField
        noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None
            As for `headwater.solvers.Solver.fit`.
        """

    @property
    def config(self) -> dict[str, Any]:
        """Arguments of the constructor and their values."""
        names = inspect.signature(type(self).__init__).parameters
        return {name: getattr(self, name) for name in names if name != "self"}

    @property
    def n_parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    def extra_repr(self) -> str:
        """Show the configuration."""
        return ", ".join(f"{name}={value!r}" for name, value in self.config.items())
