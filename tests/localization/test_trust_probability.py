"""The probability that a peak is right, and the findings that it follows from."""

from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit

from headwater.localization.findings import Findings
from headwater.localization.stability import RIGHT_MM, dipole_share, moments_around, stable_share
from headwater.localization.trust_probability import Calibration, Term, calibration

CLEAR = SimpleNamespace(stable=1.0, one_dipole_near=1.0, snr_db=20.0, clear=1.0)


def test_the_probability_is_a_logistic_regression() -> None:
    one = Calibration(intercept=-1.0, terms=(Term("snr_db", -5.0, 10.0, 0.2),), n_recordings=1, n_heads=1)
    assert one.probability(SimpleNamespace(snr_db=4.0)) == pytest.approx(expit(-1 + 0.2 * 4))
    assert one.probability(SimpleNamespace(snr_db=90.0)) == pytest.approx(expit(-1 + 0.2 * 10))
    assert one.probability(SimpleNamespace(snr_db=-90.0)) == pytest.approx(expit(-1 - 0.2 * 5))


def test_the_packaged_calibration_uses_findings_in_the_expected_direction() -> None:
    names = {field.name for field in fields(Findings)} | {"clear"}
    assert {term.finding for term in calibration().terms} <= names
    for finding, worse in (("stable", 0.2), ("one_dipole_near", 0.1), ("snr_db", 0.0), ("clear", 0.1)):
        poorer = SimpleNamespace(**{**vars(CLEAR), finding: worse})
        assert calibration().probability(poorer) < calibration().probability(CLEAR)


def test_stability_falls_with_the_signal() -> None:
    """Four sources seen by one channel each: without signal every source is as likely."""
    rank = 40
    distance_mm = np.array([0.0] + [30.0] * (rank - 1))
    topography = np.eye(rank)[0]
    strong, weak = 30.0 * topography, np.sqrt(rank + 0.5) * topography
    assert stable_share(np.abs, topography, strong, distance_mm, 0.0) == 1.0
    assert stable_share(np.abs, topography, weak, distance_mm, 0.0) < 0.3
    assert stable_share(np.abs, 0 * topography, strong, distance_mm, 0.0) == 0.0


def test_the_share_of_one_dipole_is_bayes_rule() -> None:
    signal = np.full(10, 3.0)
    goodness, distance_mm = np.array([0.9, 0.7, 0.9]), np.array([0.0, 10.0, RIGHT_MM + 1])
    error = 0.2
    variance = 1 + error * (90.0 - 10) / 10
    odds = np.exp(goodness * 90 / (2 * variance))
    assert dipole_share(goodness, signal, distance_mm, error) == pytest.approx(odds[:2].sum() / odds.sum())


def test_moments_around_a_peak_are_near_and_strong() -> None:
    times = np.arange(0.0, 0.1, 0.005)
    power = np.ones(len(times))
    power[11] = 0.4
    np.testing.assert_array_equal(moments_around(power, times, 10), [6, 7, 8, 9, 10, 12, 13, 14])
    assert replace(calibration(), intercept=-50.0).probability(CLEAR) < 1e-6
