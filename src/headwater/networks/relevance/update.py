"""One step of sparse Bayesian learning, in which a U-Net may depart from the rule."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from headwater.networks.layers.unet3d import UNet3d
from headwater.networks.relevance.cells import SLOTS
from headwater.networks.relevance.dictionary import Dictionary

FEATURES = 7  # of each atom
GLOBALS = 5  # of the whole sample
SHARPNESS = 8.0  # with which atoms that alone leave the least stand out
STEPS = 2  # numbers that the network answers with for each atom, and for the noise
# Logarithms beyond these say nothing more, and are as large as single precision can take.
FARTHEST = 12.0
LOWEST, HIGHEST = -25.0, 3.0


@dataclass(frozen=True, eq=False)
class Evidence:
    """The data of a batch of windows, as far as the prior variances depend on them.

    Attributes
    ----------
    covariance : tensor of shape (batch, n_modes, n_modes)
        Mean over time points of the whitened data's outer products, in modes; the mean square of the data is 1.
    rest : tensor of shape (batch,)
        Power that is in no mode: only noise can be there.
    spread : tensor of shape (batch,)
        Logarithm of the effective number of independent time points.
    unexplained : tensor of shape (batch, n_atoms)
        Logarithm of the share of the power that each atom alone leaves.
    """

    covariance: torch.Tensor
    rest: torch.Tensor
    spread: torch.Tensor
    unexplained: torch.Tensor


class Update(nn.Module):
    """Change the logarithms of all variances.

    With ``s_a = tr(F_a' S^-1 F_a)`` and ``q_a`` the mean over time of ``|F_a' S^-1 y|^2``, whose expectation under the
    model is ``s_a``, the step is ``(1 + a) log(q/s) / 2 + 2 d``. The network answers with ``a`` and ``d``, which are 0
    before training: the convex-bounding update of Champagne (``g <- g sqrt(q/s)``).

    Parameters
    ----------
    fine : tuple of bool
        For each family of atoms, whether it is placed in voxels rather than cells.
    channels, depth, blocks, heads : int
        Of `UNet3d`.
    """

    def __init__(self, fine: tuple[bool, ...], *, channels: int, depth: int, blocks: int, heads: int) -> None:
        super().__init__()
        slots = sum(SLOTS if one else 1 for one in fine)
        self.unet = UNet3d(
            slots * (FEATURES + 1) + GLOBALS + 1,
            STEPS * (slots + 1),
            channels=channels,
            depth=depth,
            blocks=blocks,
            heads=heads,
            patch=1,
        )
        nn.init.zeros_(self.unet.head.weight)
        assert self.unet.head.bias is not None  # noqa: S101
        nn.init.zeros_(self.unet.head.bias)

    def forward(
        self, logs: torch.Tensor, evidence: Evidence, dictionary: Dictionary, known: Expectation | None = None
    ) -> torch.Tensor:
        """Take a step.

        Parameters
        ----------
        logs : tensor of shape (batch, n_atoms + 1)
            Logarithms of the prior variances, and of the variance of the noise at the end.
        evidence : Evidence
        dictionary : Dictionary
        known : Expectation | None
            `expectation` of ``logs``, if it is at hand.
        """
        with torch.autocast(logs.device.type, enabled=False):
            surprise, precision = ratios(logs, evidence, dictionary, known)
        told = self._inputs(logs, surprise, precision, evidence, dictionary)
        steps = self._answers(told, dictionary)
        change = (1 + steps[..., 0]) * 0.5 * surprise + 2 * steps[..., 1]
        return (logs + change).clamp(LOWEST, HIGHEST)

    def _inputs(
        self,
        logs: torch.Tensor,
        surprise: torch.Tensor,
        precision: torch.Tensor,
        evidence: Evidence,
        dictionary: Dictionary,
    ) -> torch.Tensor:
        """Make the image the network sees, shape (batch, n_inputs, x, y, z)."""
        features = _features(logs[:, :-1], surprise[:, :-1], precision[:, :-1], evidence, dictionary)
        parts, start = [], 0
        for placed, size in zip(dictionary.families, dictionary.sizes, strict=True):
            parts.append(placed.gathered(features[:, start : start + size]))
            parts.append(placed.occupied.expand(len(logs), -1, -1))
            start += size
        whole = torch.stack(
            [
                logs[:, -1] / 4,
                surprise[:, -1] / 2,
                precision[:, -1] / 4,
                evidence.spread,
                torch.full_like(evidence.spread, math.log(dictionary.rank / 64)),
            ],
            1,
        )
        inside = dictionary.cells.inside[:, None]
        parts += [whole[:, None] * inside, inside.expand(len(logs), -1, -1)]
        image = torch.cat(parts, 2).movedim(2, 1)
        return image.reshape(*image.shape[:2], *dictionary.cells.shape)

    def _answers(self, image: torch.Tensor, dictionary: Dictionary) -> torch.Tensor:
        """Return the two numbers of each atom, and of the noise, shape (batch, n_atoms + 1, 2)."""
        if not torch.is_grad_enabled():
            image = image.contiguous()  # PyTorch normalises groups of bfloat16 10 times slower with channels last
        # PyTorch convolves single images without oneDNN, which takes twice as long as two images with it.
        lone = len(image) == 1 and not torch.is_grad_enabled()
        found = self.unet(image.expand(2, -1, -1, -1, -1))[:1] if lone else self.unet(image)
        found = found.float().movedim(1, -1).flatten(1, 3)
        inside = dictionary.cells.inside[:, None]
        noise = (found[..., -STEPS:] * inside).sum(1, keepdim=True) / inside.sum()
        parts, start = [], 0
        for placed in dictionary.families:
            width = STEPS * placed.slots
            parts.append(placed.handed_back(found[..., start : start + width]))
            start += width
        return torch.cat([*parts, noise], 1)


def _features(
    logs: torch.Tensor, surprise: torch.Tensor, precision: torch.Tensor, evidence: Evidence, dictionary: Dictionary
) -> torch.Tensor:
    """Describe each atom, shape (batch, n_atoms, FEATURES)."""
    grown = (logs - dictionary.start) / 4
    left = evidence.unexplained
    contrast = torch.exp(SHARPNESS * (left.amin(1, keepdim=True) - left))
    amplitude = logs + 0.5 * (surprise + precision)  # of the posterior mean
    relative = torch.exp(amplitude - amplitude.amax(1, keepdim=True))
    sensitivity = dictionary.sensitivity.expand_as(grown)
    return torch.stack([grown, surprise / 2, precision / 2, sensitivity, left, contrast, relative], 2)


@dataclass(frozen=True, eq=False)
class Expectation:
    """What the model expects of the data, given all variances.

    Attributes
    ----------
    inverse : tensor of shape (batch, n_modes, n_modes)
        Inverse covariance of the data, in double precision.
    expected : tensor of shape (batch, n_atoms + 1)
        ``s`` of each atom, and of the noise.
    """

    inverse: torch.Tensor
    expected: torch.Tensor


def expectation(logs: torch.Tensor, dictionary: Dictionary) -> Expectation:
    """Compute what the model expects, given the logarithms (batch, n_atoms + 1) of all variances."""
    inverse = _inverse(logs, dictionary)
    of_noise = _of_noise(inverse, torch.exp(-logs[:, -1]), dictionary)
    return Expectation(inverse, torch.cat([dictionary.traces(inverse), of_noise], 1))


def _inverse(logs: torch.Tensor, dictionary: Dictionary) -> torch.Tensor:
    """Invert the model covariance of the data."""
    covariance = dictionary.covariance(logs[:, :-1].exp(), logs[:, -1].exp())
    return torch.cholesky_inverse(torch.linalg.cholesky(covariance))


def _of_noise(matrix: torch.Tensor, per_channel: torch.Tensor, dictionary: Dictionary) -> torch.Tensor:
    """Return the trace over all whitened channels, those outside the modes having one value each: (batch, 1)."""
    outside = (dictionary.rank - dictionary.n_modes) * per_channel
    return (torch.diagonal(matrix, dim1=1, dim2=2).sum(1).float() + outside)[:, None]


def ratios(
    logs: torch.Tensor, evidence: Evidence, dictionary: Dictionary, known: Expectation | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compare what each atom, and the noise, see of the data with what the model expects.

    Parameters
    ----------
    logs : tensor of shape (batch, n_atoms + 1)
    evidence : Evidence
    dictionary : Dictionary
    known : Expectation | None
        `expectation` of ``logs``, if it is at hand.

    Returns
    -------
    surprise : tensor of shape (batch, n_atoms + 1)
        ``log(q / s)``.
    precision : tensor of shape (batch, n_atoms + 1)
        ``log(s)``, divided by the number of channels.
    """
    inverse = _inverse(logs, dictionary) if known is None else known.inverse
    seen = inverse @ evidence.covariance.double() @ inverse
    if known is None:  # both at once, because the dictionary is read from memory for each product
        expected, found = dictionary.traces(torch.cat([inverse, seen])).chunk(2)
        expected = torch.cat([expected, _of_noise(inverse, torch.exp(-logs[:, -1]), dictionary)], 1)
    else:
        expected, found = known.expected, dictionary.traces(seen)
    outside = evidence.rest * torch.exp(-2 * logs[:, -1])
    of_noise = torch.diagonal(seen, dim1=1, dim2=2).sum(1).float() + outside
    found = torch.cat([found, of_noise[:, None]], 1)
    tiny = 1e-10 * dictionary.rank
    expected, found = expected.clamp(min=tiny).expand_as(found), found.clamp(min=tiny)
    return (found / expected).log().clamp(-FARTHEST, FARTHEST), (expected / dictionary.rank).log()
