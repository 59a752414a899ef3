"""3D-PIUNet: a linear estimate refined by a three-dimensional U-Net (Morik et al.).

All inputs of the network are computed from the data, the lead field and the noise covariance, so the same weights can
be used for every head, montage and volume grid.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import mne
import numpy as np
import torch
from pydantic import Field
from torch import nn

from headwater._utils.errors import InputError
from headwater._utils.settings import Positive
from headwater.forward.leadfield import LeadField
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.base.sizes import Levels, Repeats, Width, affordable
from headwater.networks.inputs.bells import TEMPERS, MatchedBells
from headwater.networks.inputs.lattice import Lattice
from headwater.networks.inputs.starts import STARTS, current_kernels
from headwater.networks.layers.diffusion_unet import DiffusionUNet3d
from headwater.networks.layers.unet3d import UNet3d
from headwater.solvers.inputs.whitening import whiten

TINY = 1e-12  # avoids division by zero, for numbers of the order of 1

Voxels = Annotated[int, Field(ge=1, le=512)]
Few = Annotated[tuple[Positive, ...], Field(max_length=32)]


class PIUNet(Network):
    """3D-PIUNet.

    The defaults are the published network: eLORETA in a box of 32 x 32 x 32 voxels, scaled to a maximum of 1 and
    refined at full resolution by `DiffusionUNet3d`; the sizes are those of table I. With ``patch=2``, one feature of a
    simpler U-Net represents 2 x 2 x 2 voxels. The input is a linear function of a small number of channels and
    therefore smooth, so little accuracy is lost and the computation is much faster.

    Parameters
    ----------
    channels, depth, blocks, heads, patch : int
        Sizes of `DiffusionUNet3d` (``patch=1``) or of `UNet3d`.
    box : tuple of int | None
        Size of the box in voxels; None: the bounding box of the sources, padded.
    start : str
        Linear estimate used as input, a key of `headwater.networks.inputs.starts.STARTS`.
    lambda2 : tuple of float
        Its regularisation parameters; the first one determines the scale.
    bells_mm : tuple of float
        Standard deviations of the bells that are matched to the data (see `MatchedBells`); empty: no such maps.
    passes : int
        Number of times that bells are matched, each to the residual of the previous best one.
    context : bool
        Additional inputs: the sensitivity of the channels to each position, and the share of the data that remains
        unexplained for each regularisation. The network can then also output a mixture of the linear estimates.
    """

    title: ClassVar[str] = "3D-PIUNet"
    any_leadfield = True

    @affordable
    def __init__(
        self,
        *,
        channels: Width = 32,
        depth: Levels = 3,
        blocks: Repeats = 2,
        heads: Repeats = 4,
        patch: Repeats = 1,
        box: tuple[Voxels, Voxels, Voxels] | None = (32, 32, 32),
        start: str = "eloreta",
        lambda2: Annotated[Few, Field(min_length=1)] = (0.05,),
        bells_mm: Few = (),
        passes: Repeats = 1,
        context: bool = False,
    ) -> None:
        super().__init__()
        if start not in STARTS:
            raise InputError(f"PIUNet cannot start from {start!r}; choose one of {', '.join(STARTS)}.")
        self.channels, self.depth, self.blocks, self.heads, self.patch = channels, depth, blocks, heads, patch
        self.box, self.start, self.lambda2 = box, start, lambda2
        self.bells_mm, self.passes, self.context = bells_mm, passes, context
        self.n_vectors = len(lambda2) + (passes if bells_mm else 0)
        inputs = 3 * self.n_vectors + (passes * len(TEMPERS) * len(bells_mm) if bells_mm else 0)
        if context:
            inputs += 2 + len(lambda2) + self.n_vectors - 1 + (passes if bells_mm else 0)
        outputs = 3 + (self.n_vectors if context else 0)
        sizes = {"channels": channels, "depth": depth, "blocks": blocks, "heads": heads}
        self.unet: DiffusionUNet3d | UNet3d = (
            DiffusionUNet3d(inputs, outputs, **sizes) if patch == 1 else UNet3d(inputs, outputs, **sizes, patch=patch)
        )
        if context:  # the output of an untrained network is the estimate that determines the scale
            head = self.unet.head
            nn.init.zeros_(head.weight)
            assert head.bias is not None  # noqa: S101
            nn.init.zeros_(head.bias)
            nn.init.ones_(head.bias[3 + (len(lambda2) if bells_mm else 0)])

    @property
    def multiple(self) -> int:
        """Number of voxels of which the sides of the box must be multiples."""
        return self.patch * 2 ** (self.depth - 1)

    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundPIUNet:
        """Compute the linear estimates and matched bells for a lead field."""
        return BoundPIUNet(self, leadfield, noise_cov)


class BoundPIUNet(BoundNetwork):
    """3D-PIUNet bound to one lead field.

    Internally, whitened data are scaled to a norm of 1, and currents are in units for which a source of average
    sensitivity has a whitened topography of norm 1.
    """

    network: PIUNet
    whitener: torch.Tensor
    gain: torch.Tensor
    kernels: torch.Tensor
    sensitivity: torch.Tensor

    def __init__(self, network: PIUNet, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None) -> None:
        white = whiten(leadfield, noise_cov)
        super().__init__(network, white.leadfield)
        network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.lattice = Lattice(white.leadfield, network.multiple, network.box)
        sensitivity = np.linalg.norm(white.gain, axis=(0, 2))
        self.unit = 1 / float(np.sqrt(np.mean(sensitivity**2)))
        kernels = current_kernels(network.start, network.lambda2, leadfield, noise_cov) / self.unit
        self._keep("whitener", white.whitener)
        # Orientations come before sources, so that sums over orientations are sums of long rows.
        self._keep("gain", self.unit * white.gain.swapaxes(1, 2).reshape(len(white.gain), -1))
        self._keep("kernels", kernels)
        self._keep("sensitivity", sensitivity / sensitivity.max())
        if network.bells_mm:
            gain = torch.as_tensor(self.unit * white.gain, dtype=torch.float32)
            with _exactly(gain):
                self.bells = MatchedBells(gain, self.lattice, network.bells_mm)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Estimate currents in A m, shape (batch, n_sources, 3, n_times), per time point."""
        batch, _, n_times = y.shape
        columns = y.transpose(1, 2).flatten(0, 1)
        with _exactly(y):
            length = (columns @ self.whitener.T).norm(dim=1, keepdim=True)
        silent = length == 0
        scaled = columns / torch.where(silent, torch.ones_like(length), length)
        currents = self._normalized(scaled) * (self.unit * length)[:, :, None]
        return currents.unflatten(0, (batch, n_times)).permute(0, 2, 3, 1)

    currents = forward

    def _normalized(self, y: torch.Tensor) -> torch.Tensor:
        """Estimate currents (batch, n_sources, 3) from data (batch, n_channels) of whitened norm 1."""
        with _exactly(y):
            inputs, vectors, scale = self._inputs(y)
        if torch.is_autocast_enabled(
            y.device.type
        ):  # cheaper here than in the first convolution, which has a larger image
            inputs = inputs.to(torch.get_autocast_dtype(y.device.type))
        image = self.network.unet(self.lattice.features(inputs))
        estimate = self.lattice.values(image).float()
        currents = estimate[:, :3] * scale
        if self.network.context:
            currents = currents + (estimate[:, 3:, None] * vectors).sum(1)
        return currents.transpose(1, 2)

    def _inputs(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Compute the inputs of the network.

        Returns
        -------
        inputs : tensor of shape (batch, n_inputs, n_sources)
        vectors : tensor of shape (batch, n_vectors, 3, n_sources)
            Linear estimates and means over matched bells, before the scaling of the inputs.
        scale : tensor of shape (batch, 1, 1)
            Largest current of the estimate that determines the scale.
        """
        network = self.network
        white = y @ self.whitener.T
        linear = (y @ self.kernels.flatten(0, 2).T).unflatten(1, self.kernels.shape[:3])
        parts, scalars, maps = [linear], [], []
        if network.context:
            fitted = linear.flatten(2) @ self.gain.T
            scalars.append((white[:, None] - fitted).norm(dim=2))
        rest = white
        for _ in range(network.passes if network.bells_mm else 0):
            before = rest.norm(dim=1).clamp(min=TINY)
            matched = self.bells(rest / before[:, None])
            parts.append(self.lattice.values(matched.mean)[:, None] * before[:, None, None, None])
            maps.append(matched.maps)
            rest = matched.rest * before[:, None]
            scalars.append(rest.norm(dim=1, keepdim=True))
        vectors = torch.cat(parts, 1)
        largest = vectors.square().sum(2).amax(2).sqrt().clamp(min=TINY)
        inputs = [(vectors / largest[:, :, None, None]).flatten(1, 2), *maps]
        first = len(network.lambda2) if network.bells_mm else 0
        if network.context:
            others = [i for i in range(network.n_vectors) if i != first]
            scalars.append(0.5 * torch.log(largest[:, others] / largest[:, first : first + 1]))
            facts = torch.cat(scalars, 1)[:, :, None].expand(-1, -1, linear.shape[3])
            here = torch.stack([self.sensitivity, torch.ones_like(self.sensitivity)]).expand(len(y), -1, -1)
            inputs += [facts, here]
        return torch.cat(inputs, 1), vectors, largest[:, first, None, None]


def _exactly(y: torch.Tensor) -> torch.autocast:
    """Compute in single precision: unexplained shares are far below the rounding errors of mixed precision."""
    return torch.autocast(y.device.type, enabled=False)
