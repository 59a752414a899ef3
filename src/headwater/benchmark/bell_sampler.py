"""Gibbs sampling of several Gaussian bells: where they are, how wide and how strong.

A normal amplitude along a uniform direction is a normal moment whose standard deviation is uniform between 0 and that
of the amplitude: ``m ~ N(0, u^2 sd^2 I)``, ``u ~ U(0, 1)``. Given its centre, its width and ``u``, a bell is therefore
Gaussian, and its moment need not be sampled: each step draws centre, width and ``u`` of one bell from their exact
distribution given the other bells, over all candidates at once. The posterior mean is the average, over steps, of the
mean given the other bells. Chains begin with more noise than there is, which is then reduced, so that they do not end
where they began.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

N_SCALES, RATIO = 8, 0.6  # values of u: cells of (0, 1) that become narrower towards 0
HOPELESS = 18.0  # logarithm of the factor by which a candidate is less likely than the best one, to be left out
HOTTEST = 100.0  # factor of the noise's power with which chains begin


def scales() -> tuple[torch.Tensor, torch.Tensor]:
    """Return values of ``u`` and the logarithms of their prior probabilities."""
    edges = torch.cat([RATIO ** torch.arange(N_SCALES, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)])
    return (edges[:-1] + edges[1:]) / 2, (edges[:-1] - edges[1:]).log()


class BellSampler:
    """Gibbs sampler over the centres, widths and amplitudes of a fixed number of bells.

    Parameters
    ----------
    seen : tensor of shape (n_atoms, 3, n_channels)
        What the sensors see of a moment of 1 nA m of each candidate, in V.
    sd : float
        Of the amplitude, in nA m.
    """

    def __init__(self, seen: torch.Tensor, sd: float) -> None:
        self.unit = float(seen.square().mean().sqrt())
        self.sd = sd
        by_axis = (seen / self.unit).movedim(1, 0)
        self.seen = by_axis.float().contiguous()  # (3, n_atoms, n_channels)
        self.gram = torch.einsum("xam,yam->xya", by_axis, by_axis).float()
        self.u, self.log_prior = scales()

    def moments(
        self,
        y: torch.Tensor,
        level: float,
        n_bells: int,
        n_chains: int,
        n_warm: int,
        n_sweeps: int,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Sum the posterior mean moments of all bells at each candidate, in nA m: (n_chains, n_atoms, 3).

        Parameters
        ----------
        y : tensor of shape (n_channels,)
            In units of the noise.
        level : float
            Of the noise, in V.
        """
        variances = (self.u * self.sd * self.unit / level).square()
        atoms = torch.zeros(n_chains, n_bells, dtype=torch.long)
        chosen = torch.zeros(n_chains, n_bells, dtype=torch.float64)  # variances; 0: not drawn yet
        total = torch.zeros(n_chains, self.seen.shape[1], 3, dtype=torch.float64)
        for sweep in range(-n_warm, n_sweeps):
            noise = HOTTEST ** (-(sweep + 1) / n_warm) if sweep < 0 else 1.0
            for bell in range(n_bells):
                others = [one for one in range(n_bells) if one != bell]
                given = self._given(y, atoms[:, others], chosen[:, others], noise)
                for chain, one in enumerate(given):
                    candidates = one.likely(variances, self.log_prior)
                    if sweep >= 0:
                        total[chain].index_add_(0, candidates.atoms, candidates.mean())
                    atoms[chain, bell], chosen[chain, bell] = candidates.draw(generator)
        return total * level / self.unit / n_sweeps

    def _given(self, y: torch.Tensor, atoms: torch.Tensor, variance: torch.Tensor, noise: float) -> list[Given]:
        """Look at the data as the other bells, (n_chains, n_others) atoms and variances, leave them."""
        n_chains, n_others = atoms.shape
        told = self.seen.shape[2]
        basis = self.seen[:, atoms].double() * variance.sqrt()[None, :, :, None]
        basis = basis.permute(1, 2, 0, 3).reshape(n_chains, 3 * n_others, told)
        inner = basis @ basis.mT + noise * torch.eye(3 * n_others, dtype=basis.dtype)
        # The inverse of noise * I + basis' basis is (I - removed' removed) / noise.
        removed = torch.linalg.solve_triangular(torch.linalg.cholesky(inner), basis, upper=False)
        left = y - ((removed @ y)[:, None] @ removed)[:, 0]
        columns = torch.cat([removed.transpose(0, 1).flatten(0, 1), left]).float()
        crossed = (columns @ self.seen.flatten(0, 1).T).unflatten(1, (3, -1))
        seen, projected = crossed[:-n_chains].unflatten(0, (3 * n_others, n_chains)), crossed[-n_chains:]
        grams = [
            (self.gram[x, z] - (seen[:, :, x] * seen[:, :, z]).sum(0)) / noise for x in range(3) for z in range(x, 3)
        ]
        entries = [torch.stack(one) for one in zip(*grams, strict=True)]
        return [Given(gram, one / noise) for gram, one in zip(entries, projected, strict=True)]


@dataclass(frozen=True, eq=False)
class Given:
    """What the data say of one bell, the other bells being accounted for.

    Attributes
    ----------
    gram : tensor of shape (6, n_atoms)
        Upper triangle of ``G = F' S^-1 F`` of each candidate, with the covariance ``S`` of the noise and other bells.
    projected : tensor of shape (3, n_atoms)
        ``q = F' S^-1 y``.
    """

    gram: torch.Tensor
    projected: torch.Tensor

    def likely(self, variances: torch.Tensor, log_prior: torch.Tensor) -> Candidates:
        """Weigh the candidates that are not hopeless, with each prior variance.

        What a candidate can explain grows with its variance, and the determinant only counts against it. So what it
        explains with the largest variance bounds its evidence.
        """
        determinant, vectors = self._polynomials()
        explained = [(self.projected * one).sum(0) for one in vectors]
        largest = float(variances.max())
        bound = 0.5 * largest * _at(largest, explained) / _at(largest, determinant)
        best = bound.argmax()
        reached = _evidence(explained, determinant, variances, log_prior, best[None]).amax()
        atoms = torch.nonzero(bound > reached - HOPELESS)[:, 0]
        evidence = _evidence(explained, determinant, variances, log_prior, atoms)
        weight = torch.softmax(evidence.flatten(), 0).reshape(evidence.shape)
        return Candidates(atoms, variances, weight, [one[atoms] for one in determinant], [v[:, atoms] for v in vectors])

    def _polynomials(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the coefficients of ``det(I + v G)``, and those of its adjugate times ``q``, of v^0 to v^3 and v^2."""
        a, b, c, d, e, f = self.gram
        x, y, z = self.projected
        p, q, r, s, t, u = d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b
        turned = torch.stack([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z])
        adjoint = torch.stack([p * x + q * y + r * z, q * x + s * y + t * z, r * x + t * y + u * z])
        trace = a + d + f
        # Rounding may leave minors of what is explained already just below 0.
        determinant = [torch.ones_like(a), trace.clamp(min=0), (p + s + u).clamp(min=0)]
        return [*determinant, (a * p + b * q + c * r).clamp(min=0)], [
            self.projected,
            trace * self.projected - turned,
            adjoint,
        ]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Candidates of one bell that may be drawn.

    Attributes
    ----------
    atoms : long tensor of shape (n,)
    variances : tensor of shape (n_scales,)
    weight : tensor of shape (n_scales, n)
        Probability of each.
    determinant, vectors : list of tensor
        As of `Given`.
    """

    atoms: torch.Tensor
    variances: torch.Tensor
    weight: torch.Tensor
    determinant: list[torch.Tensor]
    vectors: list[torch.Tensor]

    def mean(self) -> torch.Tensor:
        """Return the mean moment of each candidate times its probability, shape (n, 3)."""
        found = torch.zeros(3, len(self.atoms), dtype=torch.float64)
        for v, weight in zip(self.variances.tolist(), self.weight, strict=True):
            found += _at(v, self.vectors) * (v * weight / _at(v, self.determinant))
        return found.T

    def draw(self, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw a candidate and its prior variance."""
        # torch.multinomial takes ten times as long.
        up_to = self.weight.flatten().cumsum(0)
        drawn = torch.searchsorted(up_to, up_to[-1] * torch.rand(1, dtype=up_to.dtype, generator=generator))
        scale, atom = divmod(min(int(drawn), up_to.numel() - 1), len(self.atoms))
        return self.atoms[atom], self.variances[scale]


def _at(v: float, coefficients: list[torch.Tensor]) -> torch.Tensor:
    """Evaluate a polynomial."""
    value = coefficients[-1]
    for one in reversed(coefficients[:-1]):
        value = one + v * value
    return value


def _evidence(
    explained: list[torch.Tensor],
    determinant: list[torch.Tensor],
    variances: torch.Tensor,
    log_prior: torch.Tensor,
    atoms: torch.Tensor,
) -> torch.Tensor:
    """Log evidence of some candidates with each prior variance, up to a constant: (n_scales, n), double precision."""
    quadratic, of_noise = ([one[atoms].double() for one in many] for many in (explained, determinant))
    rows = []
    for v, prior in zip(variances.tolist(), log_prior.tolist(), strict=True):
        det = _at(v, of_noise)
        rows.append(0.5 * (v * _at(v, quadratic) / det - det.log()) + prior)
    return torch.stack(rows)
