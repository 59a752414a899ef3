import math

import pytest
import torch

from headwater._utils.errors import InputError
from headwater.simulation.distributions import Constant, Integers, LogIntegers, LogUniform, Normal, PlusMinus, Uniform
from headwater.simulation.spatial import GaussianBells

N = 200_000


def _draw(distribution):
    return distribution.draw((N,), torch.Generator().manual_seed(1))


def test_moments():
    uniform = _draw(Uniform(2.0, 8.0))
    assert uniform.min() >= 2
    assert uniform.max() < 8
    assert uniform.mean().item() == pytest.approx(5, abs=5 * math.sqrt(3 / N))
    normal = _draw(Normal(-1.0, 2.0))
    assert normal.mean().item() == pytest.approx(-1, abs=5 * 2 / math.sqrt(N))
    assert normal.std().item() == pytest.approx(2, rel=0.01)
    whole = _draw(Integers(1, 4))
    counts = torch.bincount(whole.long(), minlength=5)[1:] / N
    assert counts.tolist() == pytest.approx([0.25] * 4, abs=5 * math.sqrt(0.25 * 0.75 / N))
    signs = _draw(PlusMinus(2.0))
    assert signs.unique().tolist() == [-2, 2]
    assert signs.mean().item() == pytest.approx(0, abs=5 * 2 / math.sqrt(N))
    assert _draw(Constant(3.5)).unique().tolist() == [3.5]


def test_nonsense_is_refused_with_the_name_of_the_field():
    for make, named in (
        (lambda: Uniform(2, 1), "Uniform.low"),
        (lambda: Uniform(0, math.nan), "Uniform.high"),
        (lambda: Integers(1, 2.5), "Integers.high"),
        (lambda: Normal(0, -1), "Normal.sd"),
        (lambda: PlusMinus(-1), "PlusMinus.value"),
        (lambda: Constant("a"), "Constant.value"),
        (lambda: GaussianBells(sigma_mm=0), "GaussianBells.sigma_mm"),
        (lambda: GaussianBells(sigma_mm=Normal(20, 5)), "GaussianBells.sigma_mm"),
        (lambda: GaussianBells(n_sources=Uniform(1, 3)), "GaussianBells.n_sources"),
        (lambda: GaussianBells(n_sources=Integers(0, 3)), "GaussianBells.n_sources"),
        (lambda: GaussianBells(amplitude_nam="strong"), "GaussianBells.amplitude_nam"),
        (lambda: GaussianBells(amplitude_nam=math.nan), "GaussianBells.amplitude_nam"),
        (lambda: GaussianBells(where="left"), "GaussianBells.where"),
    ):
        with pytest.raises(InputError, match=named):
            make()


def test_a_number_is_a_constant():
    assert GaussianBells(n_sources=2, sigma_mm=10).sigma_mm == Constant(10.0)


def test_every_doubling_is_as_probable_as_the_next():
    drawn = _draw(LogUniform(2.0, 16.0))
    assert drawn.min() >= 2
    assert drawn.max() < 16.001
    counts = torch.bincount(drawn.log2().floor().long().clamp(max=3), minlength=4)[1:] / N
    assert counts.tolist() == pytest.approx([1 / 3] * 3, abs=5 * math.sqrt(2 / 9 / N))


@pytest.mark.parametrize(("low", "high", "message"), [(0.0, 1.0, "greater than 0"), (3.0, 2.0, "swap them")])
def test_log_uniform_refuses_bounds_that_have_no_logarithm(low, high, message):
    with pytest.raises(InputError, match=message):
        LogUniform(low, high)


def test_small_whole_numbers_are_more_probable():
    drawn = _draw(LogIntegers(1, 4))
    counts = torch.bincount(drawn.long(), minlength=5)[1:] / N
    expected = [math.log(1 + 1 / k) / math.log(5) for k in (1, 2, 3, 4)]
    assert counts.tolist() == pytest.approx(expected, abs=5 * math.sqrt(1 / 4 / N))
    with pytest.raises(InputError, match=r"LogIntegers\.low"):
        LogIntegers(0, 3)
