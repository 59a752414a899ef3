import numpy as np
import pytest

pytest.importorskip("mne_bids", reason="the extra `pipeline` is not installed")

from headwater import InputError  # noqa: E402
from headwater.pipeline.group import SubjectMap, average  # noqa: E402

TIMES = np.linspace(0.0, 0.2, 21)


def grid(offset: float) -> np.ndarray:
    line = np.arange(-0.04, 0.041, 0.01) + offset
    return np.stack(np.meshgrid(line, line, line), axis=-1).reshape(-1, 3)


def subject(place: list[float], scale: float, offset: float = 0.0, times: np.ndarray = TIMES) -> SubjectMap:
    pos = grid(offset)
    near = np.exp(-0.5 * (np.linalg.norm(pos - np.array(place), axis=1) / 0.015) ** 2)
    course = np.exp(-0.5 * ((times - 0.1) / 0.02) ** 2)
    return SubjectMap("sub", scale * np.outer(near, course), times, pos, np.full(len(pos), "here"))


def test_the_average_lies_between_subjects_and_ignores_their_scales() -> None:
    peak, mean = average("a", [subject([0.01, 0.0, 0.0], 1.0), subject([-0.01, 0.0, 0.0], 1000.0, offset=0.004)])
    assert np.linalg.norm([peak.x_mm, peak.y_mm, peak.z_mm]) < 6
    assert peak.time_s == pytest.approx(0.1)
    assert peak.n_subjects == 2
    assert peak.spread_mm == pytest.approx(10, abs=4)
    assert 0.5 < peak.share < 1.0
    assert mean.max() == pytest.approx(peak.share)


def test_one_subject_is_its_own_average() -> None:
    one = subject([0.02, -0.01, 0.0], 5.0)
    peak, mean = average("a", [one])
    assert (peak.x_mm, peak.y_mm, peak.z_mm) == pytest.approx((20, -10, 0))
    np.testing.assert_allclose(mean, one.amplitude[:, 10] / one.amplitude.max(), atol=1e-3)


def test_windows_must_overlap() -> None:
    with pytest.raises(InputError, match="do not overlap"):
        average("a", [subject([0.0, 0.0, 0.0], 1.0), subject([0.0, 0.0, 0.0], 1.0, times=TIMES + 1.0)])
