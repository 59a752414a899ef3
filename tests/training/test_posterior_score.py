"""The posterior score: the score of the literature, proper, and only for networks that have a posterior."""

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from headwater._utils.errors import InputError
from headwater.networks.fcn import FCN
from headwater.training.losses.posterior import PosteriorScore, crps


@pytest.mark.parametrize(("true", "mean", "sd"), [(0.0, 0.0, 1.0), (2.0, 0.5, 0.7), (-1.0, 3.0, 2.0)])
def test_it_is_the_integral_that_defines_it(true, mean, sd):
    below, _ = quad(lambda x: norm.cdf(x, mean, sd) ** 2, -40, true)
    above, _ = quad(lambda x: norm.sf(x, mean, sd) ** 2, true, 40)
    found = crps(*(torch.tensor(one, dtype=torch.float64) for one in (true, mean, sd)))
    assert found.item() == pytest.approx(below + above, rel=1e-6)


def test_the_true_width_expects_the_lowest_score():
    true = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    zero = torch.zeros(())
    expected = {sd: crps(true, zero, torch.tensor(sd)).mean().item() for sd in (0.5, 0.8, 1.0, 1.25, 2.0)}
    assert min(expected, key=lambda sd: expected[sd]) == 1.0
    assert crps(true, zero, torch.tensor(1e-6)).mean().item() == pytest.approx(true.abs().mean().item(), rel=1e-4)


def test_other_networks_are_refused():
    with pytest.raises(InputError, match="has a posterior"):
        PosteriorScore()(torch.zeros(1), None, FCN)  # type: ignore[arg-type]
