import numpy as np

from headwater.localization.peaks import COLUMNS, find_peaks, peaks_table


def line_of_sources(n: int = 101, step: float = 0.005) -> np.ndarray:
    return np.column_stack([np.arange(n) * step, np.zeros(n), np.zeros(n)])


def test_two_bumps_give_two_peaks_each_at_its_own_time() -> None:
    pos = line_of_sources()
    x = pos[:, 0]
    first = 3.0 * np.exp(-(((x - 0.1) / 0.02) ** 2))
    second = 2.0 * np.exp(-(((x - 0.4) / 0.02) ** 2))
    magnitude = np.column_stack([first, np.zeros_like(x), second])
    sources, times = find_peaks(magnitude, pos)
    np.testing.assert_allclose(x[sources], [0.1, 0.4])
    assert times.tolist() == [0, 2]


def test_weak_and_close_maxima_are_left_out() -> None:
    pos = line_of_sources()
    magnitude = np.zeros((101, 1))
    magnitude[50], magnitude[52], magnitude[90], magnitude[10] = 1.0, 0.9, 0.4, 0.6
    sources, _ = find_peaks(magnitude, pos, radius=0.02, threshold=0.5)
    assert sources.tolist() == [50, 10]


def test_plateau_is_one_peak() -> None:
    magnitude = np.zeros((101, 1))
    magnitude[40:43] = 1.0
    sources, _ = find_peaks(magnitude, line_of_sources())
    assert len(sources) == 1
    assert sources[0] in (40, 41, 42)


def test_number_of_peaks_is_bounded() -> None:
    magnitude = np.ones((101, 1))
    magnitude[::10] = 2.0
    sources, _ = find_peaks(magnitude, line_of_sources(), radius=0.02, most=3)
    assert len(sources) == 3


def test_table_has_the_documented_columns() -> None:
    table = peaks_table(np.array([0.1]), np.array([[1.0, 2.0, 3.0]]), "head", ["insula-lh"], np.array([5.0]), "nAm")
    assert table.columns.tolist() == COLUMNS
    assert table.iloc[0].tolist() == [0.1, 1.0, 2.0, 3.0, "head", "insula-lh", 5.0, "nAm"]


def test_an_estimate_of_zeros_has_no_peaks() -> None:
    sources, times = find_peaks(np.zeros((101, 3)), line_of_sources())
    assert len(sources) == len(times) == 0
