import numpy as np
import pytest

from headwater import InputError
from headwater.live.causal import CausalFilter
from live.streams import pieces


def test_pieces_give_what_the_whole_gives() -> None:
    data = np.random.default_rng(0).standard_normal((2, 200))
    whole = CausalFilter(1.0, 40.0, 250.0)(data)
    band = CausalFilter(1.0, 40.0, 250.0)
    parts = [band(data[:, piece]) for piece in pieces(200, [1, 17, 5])]
    np.testing.assert_allclose(np.hstack(parts), whole, atol=1e-12)


def test_the_future_does_not_matter() -> None:
    data = np.random.default_rng(0).standard_normal((1, 100))
    changed = data.copy()
    changed[:, 60:] = 50.0
    one, other = (CausalFilter(None, 30.0, 250.0)(some) for some in (data, changed))
    np.testing.assert_array_equal(one[:, :60], other[:, :60])


@pytest.mark.parametrize(("frequency", "gain"), [(0.05, 0.01), (10.0, 1.0), (100.0, 0.2)])
def test_the_band_passes_and_the_rest_does_not(frequency: float, gain: float) -> None:
    times = np.arange(10_000) / 250.0
    passed = CausalFilter(1.0, 40.0, 250.0)(np.sin(2 * np.pi * frequency * times)[np.newaxis])[0, 5000:]
    amplitude = np.sqrt(2) * passed.std()
    assert amplitude == pytest.approx(1.0, abs=0.05) if gain == 1 else amplitude < gain


def test_a_constant_offset_does_not_ring() -> None:
    np.testing.assert_allclose(CausalFilter(1.0, 40.0, 250.0)(np.full((1, 50), 3.0)), 0.0, atol=1e-9)


@pytest.mark.parametrize("edges", [(40.0, 1.0), (0.0, 40.0), (1.0, 125.0), (5.0, 5.0)])
def test_impossible_bands_are_refused(edges: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="125 Hz"):
        CausalFilter(*edges, 250.0)
