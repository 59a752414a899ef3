import numpy as np
import pytest

from headwater.live.ring import RingBuffer
from live.streams import pieces


@pytest.mark.parametrize("sizes", [[1], [3], [7], [40], [0, 2, 11, 1]])
def test_newest_are_the_last_samples_in_order(sizes: list[int]) -> None:
    data = np.arange(3 * 83.0).reshape(3, 83)
    ring = RingBuffer(3, 7)
    for piece in pieces(83, sizes):
        ring.extend(data[:, piece])
        assert ring.full == (piece.stop >= 7)
        if ring.full:
            np.testing.assert_array_equal(ring.newest(), data[:, piece.stop - 7 : piece.stop])


def test_a_cleared_ring_waits_until_it_is_full_again() -> None:
    ring = RingBuffer(1, 4)
    ring.extend(np.ones((1, 9)))
    ring.clear()
    assert not ring.full
    ring.extend(np.array([[5.0, 6.0, 7.0, 8.0]]))
    np.testing.assert_array_equal(ring.newest(), [[5, 6, 7, 8]])


def test_what_was_returned_does_not_change_with_the_stream() -> None:
    ring = RingBuffer(1, 2)
    ring.extend(np.array([[1.0, 2.0]]))
    window = ring.newest()
    ring.extend(np.array([[3.0, 4.0]]))
    np.testing.assert_array_equal(window, [[1, 2]])
