"""The frequency band of a recording."""

from headwater.localization.filtering import Band, default_band

OPEN = Band()


def test_windows_within_50_ms_of_a_stimulus_are_high_pass_filtered_unless_asked_otherwise() -> None:
    assert default_band(None, None, 0.02, 0.03, 1000.0) == Band(20.0, None)
    assert default_band(0.0, None, 0.02, 0.03, 1000.0) == OPEN
    assert default_band(5.0, 100.0, 0.02, 0.03, 1000.0) == Band(5.0, 100.0)
    for tmin, tmax in [(None, None), (0.02, None), (0.02, 0.06), (-0.02, 0.03)]:
        assert default_band(None, None, tmin, tmax, 1000.0) == OPEN
    assert default_band(None, None, 0.02, 0.03, 100.0) == OPEN
