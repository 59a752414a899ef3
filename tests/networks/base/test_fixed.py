"""What bound networks share."""

import pytest
import torch

from headwater.networks.base.fixed import Fixed, amplitude


def test_the_amplitude_is_the_least_squares_one():
    generator = torch.Generator().manual_seed(0)
    seen, y = torch.randn(2, 3, 8, 5, generator=generator)
    factor = amplitude(seen, y, over=(1, 2))
    assert factor.shape == (3, 1, 1)
    for one, data, found in zip(seen, y, factor, strict=True):
        expected = torch.linalg.lstsq(one.reshape(-1, 1), data.reshape(-1, 1)).solution
        assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert amplitude(torch.zeros_like(seen), y, over=1).eq(0).all()


def test_buffers_move_and_are_not_saved():
    part = Fixed()
    part._keep("gain", torch.ones(3, dtype=torch.float64))  # noqa: SLF001
    assert part.gain.dtype == torch.float32
    assert not part.state_dict()
    assert part.to(torch.float64).gain.dtype == torch.float64
