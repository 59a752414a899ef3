"""Whole-brain networks of Jansen-Rit columns coupled with delays, integrated many at a time."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import torch
from scipy import sparse

from headwater._utils.errors import InputError
from headwater.simulation.spikes.brains import Brain, CorticalColumn, InitialState
from headwater.simulation.spikes.connectome import Connectome

# Steps of noise drawn at a time. Part of the definition of the noise: another block length gives other numbers.
NOISE_BLOCK = 64


def n_lanes(device: torch.device) -> int:
    """Return how many brains are integrated side by side.

    Smaller batches are padded to this width, so that each brain is computed by the same machine instructions, with
    bitwise identical results in any batch. The width keeps the arrays in the cache of a CPU and occupies a GPU.
    """
    return 16 if device.type == "cpu" else 256


class JansenRitNetwork:
    """Jansen-Rit columns at the nodes of a connectome, integrated by Heun's method.

    With the sigmoid ``S``, the delayed input ``c_i = sum_j w_ij S(y1_j - y2_j)(t - d_ij)`` and white noise ``xi``::

        y0'' = A a S(y1 - y2)                             - 2 a y0' - a^2 y0
        y1'' = A a (mu + s2 J S(s1 J y0) + c) + noise xi  - 2 a y1' - a^2 y1
        y2'' = B b s4 J S(s3 J y0)                        - 2 b y2' - b^2 y2

    The coupling is held over both stages of a step, as in The Virtual Brain, and costs one sparse product per step:
    a sliding window over the recent firing rates is one long vector, and each tract is one entry of a sparse matrix
    whose column index encodes the region *and the delay*.

    Parameters
    ----------
    connectome : Connectome
    column : CorticalColumn
        Constants of all regions.
    step_ms : float
        Integration step in milliseconds.
    speed : float
        Conduction velocity in m/s. A delay is ``rint(length / speed / step)`` steps.
    dtype : torch.dtype
        ``torch.float32`` or ``torch.float64``.
    device : str | torch.device
    """

    def __init__(
        self,
        connectome: Connectome,
        *,
        column: CorticalColumn | None = None,
        step_ms: float = 1.0,
        speed: float = 3.0,
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
    ) -> None:
        for name, value in (("step_ms", step_ms), ("speed", speed)):
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{name} must be a positive number, not {value}.")
        self.connectome = connectome
        self.column = column or CorticalColumn()
        self.step_ms = step_ms
        self.speed = speed
        self.dtype = dtype
        self.device = torch.device(device)
        self.delays = np.rint(connectome.tract_lengths_mm / speed / step_ms).astype(int)
        targets, sources = np.nonzero(connectome.weights)
        self.window = int(self.delays[targets, sources].max(initial=0)) + 1
        columns = (self.window - 1 - self.delays[targets, sources]) * connectome.n_regions + sources
        rates = connectome.weights[targets, sources] * 2 * self.column.e0
        shape = (connectome.n_regions, self.window * connectome.n_regions)
        self._coupling = _torch_csr(sparse.csr_array((rates, (targets, columns)), shape=shape), dtype, self.device)

    def run(
        self, brains: Sequence[Brain], duration: float, *, every: int = 1, initial: InitialState | None = None
    ) -> np.ndarray:
        """Simulate brains side by side.

        Parameters
        ----------
        brains : sequence of Brain
        duration : float
            Seconds.
        every : int
            Keep one step in this many, starting with the first.
        initial : InitialState | None
            Common initial state of all brains; if None, each starts at its own random state near rest.

        Returns
        -------
        signal : array of shape (n_brains, n_regions, n_samples)
            y1 - y2, the membrane potential of the pyramidal cells, in mV. Sample k is the state after
            ``1 + k * every`` steps. A view on memory that is contiguous over brains, then regions.
        """
        n_steps = round(duration * 1e3 / self.step_ms)
        self._check(brains, n_steps, every, initial)
        lanes = n_lanes(self.device)
        parts = []
        for first in range(0, len(brains), lanes):
            members = list(brains[first : first + lanes])
            padded = members + members[-1:] * (lanes - len(members))
            signal = self._integrate(padded, n_steps, every, initial).cpu().numpy()
            parts.append(signal[:, :, : len(members)])
        joined = np.concatenate(parts, axis=2) if len(parts) > 1 else parts[0]
        return joined.transpose(2, 1, 0)

    def _check(self, brains: Sequence[Brain], n_steps: int, every: int, initial: InitialState | None) -> None:
        n = self.connectome.n_regions
        if not brains:
            raise InputError("The list of brains is empty; give at least one.")
        if n_steps < 1 or every < 1:
            raise InputError("duration and every must cover at least one step.")
        for brain in brains:
            if not 0 <= brain.target < n:
                raise InputError(f"Region {brain.target} does not exist; the connectome has the regions 0 to {n - 1}.")
            if not np.isfinite(astuple(brain.setting)).all() or brain.setting.std < 0:
                raise InputError(f"The setting {brain.setting} must hold numbers, and its std must not be negative.")
            if not 0 <= brain.seed < 2**32:
                raise InputError(f"The seed {brain.seed} must lie between 0 and 2**32 - 1.")
        if initial is not None and (initial.state.shape != (6, n) or initial.history.shape[1:] != (n,)):
            raise InputError(
                f"The initial state has {initial.state.shape[-1]} regions and the connectome {n}; use the connectome "
                "it was made for."
            )

    def _integrate(
        self, brains: Sequence[Brain], n_steps: int, every: int, initial: InitialState | None
    ) -> torch.Tensor:
        """Return the signal of exactly one batch of lanes, of shape (n_samples, n_regions, n_lanes)."""
        h = self.step_ms
        noise = _Noise(brains, self)
        y, v, past = noise.initial_state() if initial is None else self._given_state(initial, len(brains))
        rates = _Rates(torch.sigmoid(self.column.r * (past - self.column.v0)), self.window)
        equations = _Equations(brains, self)
        signal = torch.empty((-(-n_steps // every), *y.shape[1:]), dtype=self.dtype, device=self.device)
        y_euler, v_euler = torch.empty_like(y), torch.empty_like(v)
        for step in range(n_steps):
            kick = noise.step()
            rates.append(equations.fire(y))
            equations.couple(torch.mm(self._coupling, rates.window()))
            slope = equations.acceleration(y, v)
            torch.add(y, v, alpha=h, out=y_euler)
            torch.add(v, slope, alpha=h, out=v_euler)
            v_euler[1] += kick
            equations.fire(y_euler)
            slope = equations.acceleration(y_euler, v_euler)
            # Heun's mean of both slopes, with v_euler = v + h slope_1 + kick substituted.
            v.add_(v_euler).mul_(0.5)
            y.add_(v, alpha=h)
            v.add_(slope, alpha=0.5 * h)
            v[1].add_(kick, alpha=0.5)
            if step % every == 0:
                torch.sub(y[1], y[2], out=signal[step // every])
        if not torch.isfinite(signal[-1]).all():
            raise InputError(f"The simulation diverged; use a step_ms below {h} or weaker input.")
        return signal

    def _given_state(self, initial: InitialState, n_lanes: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        def lanes(values: np.ndarray) -> torch.Tensor:
            tensor = torch.as_tensor(values, dtype=self.dtype, device=self.device)
            return tensor[..., None].repeat(*[1] * tensor.ndim, n_lanes)

        return lanes(initial.state[:3]), lanes(initial.state[3:]), lanes(initial.history)


class _Equations:
    """Right-hand side of the second-order equations of all regions of all lanes, in preallocated memory."""

    def __init__(self, brains: Sequence[Brain], network: JansenRitNetwork) -> None:
        c, n = network.column, network.connectome.n_regions
        lanes = torch.arange(len(brains), device=network.device)
        targets = torch.tensor([brain.target for brain in brains], device=network.device)

        def per_brain(values: list[float]) -> torch.Tensor:
            return torch.tensor(values, dtype=network.dtype, device=network.device)

        gain = torch.full((n, len(brains)), c.A * c.a, dtype=network.dtype, device=network.device)
        gain[targets, lanes] = per_brain([brain.setting.target_A * c.a for brain in brains])
        mu = per_brain([brain.setting.mu for brain in brains]).repeat(n, 1)
        mu[targets, lanes] += per_brain([brain.setting.target_mu for brain in brains])
        inhibition = torch.full_like(gain, c.B * c.b * c.shares[3] * c.J)
        self.gain = 2 * c.e0 * torch.stack((gain, gain * c.shares[1] * c.J, inhibition))
        self.input_gain = gain
        self.background = gain * mu
        self.drive = torch.zeros_like(self.gain)
        self.fraction = torch.empty_like(self.gain)
        self.slope = torch.empty_like(self.gain)
        self.column = c
        self.offset = torch.tensor(-c.r * c.v0, dtype=network.dtype, device=network.device)

    def fire(self, y: torch.Tensor) -> torch.Tensor:
        """Compute the activation of the three populations as fractions of the maximum; return the pyramidal one."""
        c = self.column
        torch.add(self.offset, y[1], alpha=c.r, out=self.fraction[0])
        self.fraction[0].sub_(y[2], alpha=c.r)
        torch.add(self.offset, y[0], alpha=c.r * c.shares[0] * c.J, out=self.fraction[1])
        torch.add(self.offset, y[0], alpha=c.r * c.shares[2] * c.J, out=self.fraction[2])
        return self.fraction.sigmoid_()[0]

    def couple(self, delayed: torch.Tensor) -> None:
        """Set the input from other regions, which holds for both stages of a step."""
        torch.addcmul(self.background, self.input_gain, delayed, out=self.drive[1])

    def acceleration(self, y: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Second derivatives for the activations set by ``fire``."""
        c = self.column
        torch.addcmul(self.drive, self.gain, self.fraction, out=self.slope)
        self.slope[:2].sub_(v[:2], alpha=2 * c.a).sub_(y[:2], alpha=c.a**2)
        self.slope[2].sub_(v[2], alpha=2 * c.b).sub_(y[2], alpha=c.b**2)
        return self.slope


class _Rates:
    """Recent firing rates of all regions: a window that slides along a longer buffer and jumps back at its end."""

    def __init__(self, past: torch.Tensor, window: int) -> None:
        self.length = window
        self.buffer = past.new_empty((2 * window + 256, *past.shape[1:]))
        lags = torch.arange(window - 1, 0, -1, device=past.device).clamp(max=len(past) - 1)
        self.end = window - 1
        self.buffer[: self.end] = past[lags]

    def append(self, rate: torch.Tensor) -> None:
        """Add the present rates, of shape (n_regions, n_lanes)."""
        if self.end == len(self.buffer):
            kept = self.length - 1
            self.buffer[:kept] = self.buffer[self.end - kept :]
            self.end = kept
        self.buffer[self.end] = rate
        self.end += 1

    def window(self) -> torch.Tensor:
        """Return the last ``length`` rows, oldest first, as a matrix of shape (length * n_regions, n_lanes)."""
        return self.buffer[self.end - self.length : self.end].flatten(0, 1)


class _Noise:
    """Random numbers of each lane: its initial state, and the kicks to y4.

    They are drawn in single precision whatever the precision of the integration, so that both precisions have the same
    noise.
    """

    def __init__(self, brains: Sequence[Brain], network: JansenRitNetwork) -> None:
        c = network.column
        self.generators = [torch.Generator(network.device).manual_seed(brain.seed) for brain in brains]
        self.shape = (NOISE_BLOCK, network.connectome.n_regions)
        self.dtype = network.dtype
        self.device = network.device
        scale = c.a * c.A * (c.p_max - c.p_min) / 2 * network.step_ms**0.5
        self.sd = scale * torch.tensor([brain.setting.std for brain in brains], device=self.device)
        self.next = NOISE_BLOCK
        self.block = torch.empty(0)  # drawn with the first step

    def initial_state(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Potentials y1, y2 at random between 0 and 10 mV, the rest 0, and a constant past."""
        n = self.shape[1]
        drawn = torch.stack(
            [torch.rand(2, n, generator=generator, device=self.device) for generator in self.generators], dim=-1
        )
        y = torch.cat((torch.zeros_like(drawn[:1]), 10 * drawn)).to(self.dtype)
        return y, torch.zeros_like(y), y[1:2] - y[2:3]

    def step(self) -> torch.Tensor:
        """Return the kicks of the next step, of shape (n_regions, n_lanes)."""
        if self.next == NOISE_BLOCK:
            drawn = [torch.randn(self.shape, generator=generator, device=self.device) for generator in self.generators]
            self.block = (torch.stack(drawn, dim=-1) * self.sd).to(self.dtype)
            self.next = 0
        self.next += 1
        return self.block[self.next - 1]


def _torch_csr(matrix: sparse.csr_array, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    matrix.sort_indices()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32)),
            torch.from_numpy(matrix.indices.astype(np.int32)),
            torch.from_numpy(matrix.data),
            size=matrix.shape,
            dtype=dtype,
            device=device,
            check_invariants=True,
        )
