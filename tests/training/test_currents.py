"""Losses on currents: by hand, and beside the exact earth mover's distance."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.metrics.transport import nemd
from headwater.networks.inputs.lattice import Lattice
from headwater.simulation.presets import PIUNET
from headwater.simulation.simulator import simulate
from headwater.training.losses.currents import CurrentL1, CurrentL2, DataTerm, Transport

X = 1e-9 * torch.tensor([[[[3.0], [4.0]], [[0.0], [5.0]]]])  # one sample, two sources, two orientations
SAMPLES = SimpleNamespace(x=X)


@pytest.mark.parametrize(
    ("estimate", "l1", "l2"),
    [(X, 0, 0), (0 * X, 1, 1), (-X, 2, 4), (X * torch.tensor([1.0, 0.0])[:, None, None], 0.5, 0.5)],
)
def test_relative_errors_by_hand(estimate, l1, l2):
    assert CurrentL1()(estimate, SAMPLES, None).item() == pytest.approx(l1, abs=1e-6)
    assert CurrentL2()(estimate, SAMPLES, None).item() == pytest.approx(l2, abs=1e-6)


def test_the_data_term_is_what_is_not_explained(leadfield, small):
    bound = small().bind(leadfield)
    x = simulate(leadfield, PIUNET, n=3, seed=0).x
    y = torch.einsum("csx,bsxt->bct", torch.from_numpy(bound.leadfield.gain).float(), x)
    noiseless = SimpleNamespace(x=x, y=y + 1e-6)  # the same on all electrodes: the reference is not activity
    loss = DataTerm(weight=3.0)
    assert loss(x, noiseless, bound).item() == pytest.approx(0, abs=1e-3)
    assert loss(0 * x, noiseless, bound).item() == pytest.approx(1 + 3)
    assert loss(2 * x, noiseless, bound).item() == pytest.approx(1 + 3, rel=1e-3)


class Bound:
    """Only what the transport loss looks at."""

    def __init__(self, leadfield) -> None:
        self.lattice = Lattice(leadfield)


@pytest.fixture(scope="module")
def bound(leadfield) -> Bound:
    return Bound(leadfield)


def transport(loss: Transport, estimate, true, bound, draws: int = 40) -> np.ndarray:
    """Second term of the loss, mean over shifts of the cubes."""
    torch.manual_seed(0)
    first = CurrentL1()
    pairs = [(one[None], SimpleNamespace(x=other[None])) for one, other in zip(estimate, true, strict=True)]
    return np.array([np.mean([float(loss(x, s, bound) - first(x, s, bound)) for _ in range(draws)]) for x, s in pairs])


def test_transport_is_zero_for_the_truth_and_its_multiples(leadfield, bound):
    x = simulate(leadfield, PIUNET, n=2, seed=1).x
    assert transport(Transport(), x, x, bound, 2) == pytest.approx(0, abs=1e-6)
    assert transport(Transport(), 3 * x, x, bound, 2) == pytest.approx(0, abs=1e-5)


def test_transport_grows_with_the_distance(leadfield, bound):
    corner = int(leadfield.pos[:, 0].argmin())
    distance = np.linalg.norm(leadfield.pos - leadfield.pos[corner], axis=1)
    order = distance.argsort()[[1, 20, 60, 141]]
    point = torch.zeros(leadfield.n_sources, 3, 1)
    point[corner] = 1e-9
    others = torch.zeros(len(order), leadfield.n_sources, 3, 1)
    others[torch.arange(len(order)), torch.from_numpy(order.copy())] = 1e-9
    found = transport(Transport(levels=4), others, point.expand_as(others), bound)
    assert (np.diff(found) > 0).all()


def test_transport_is_near_the_exact_distance(leadfield, bound):
    truth = simulate(leadfield, PIUNET, n=6, seed=2).x
    estimate = truth + 0.5 * truth.flip(0) + 0.1 * truth.abs().mean() * torch.randn_like(truth)
    exact = nemd(truth.double().numpy(), estimate.double().numpy(), pos=leadfield.pos)
    found = transport(Transport(levels=4), estimate, truth, bound)
    assert np.corrcoef(found, exact)[0, 1] > 0.9
    assert (found > 0.7 * exact).all()
    assert (found < 2 * exact + 0.1).all()


def test_transport_has_gradients_and_needs_a_grid(leadfield, bound):
    samples = simulate(leadfield, PIUNET, n=2, seed=3)
    estimate = (samples.x + 1e-10).requires_grad_()
    Transport()(estimate, samples, bound).backward()
    assert estimate.grad.isfinite().all()
    assert estimate.grad.any()
    with pytest.raises(InputError, match="needs a network that works on the grid"):
        Transport()(samples.x, samples, None)
