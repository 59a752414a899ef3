"""Rules of spike extraction on signals made by hand."""

import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.simulation.spikes import PUBLISHED, SpikeRules, cut_clips, find_clips


def signal_with(*spikes, n_regions=4, n_samples=3000):
    """Bumps of 9 samples at (region, sample, height) over a quiet background."""
    signal = np.full((n_regions, n_samples), 1.0)
    for region, sample, height in spikes:
        bump = 1 + (height - 1) * np.hanning(11)[1:-1]
        signal[region, sample - 4 : sample + 5] = np.maximum(signal[region, sample - 4 : sample + 5], bump)
    return signal


def found(rules, *spikes, target=1):
    starts, peaks = find_clips(signal_with(*spikes), target, rules)
    return list(zip(starts.tolist(), peaks.tolist(), strict=True))


def test_lone_spike_is_found():
    assert found(SpikeRules(), (1, 1250, 11.0)) == [(1000, 1250)]
    assert found(PUBLISHED, (1, 1250, 11.0)) == [(1000, 1250)]


def test_threshold_counts_from_equal():
    assert found(SpikeRules(), (1, 1250, 8.0)) == [(1000, 1250)]
    assert found(SpikeRules(), (1, 1250, 7.99)) == []


def test_spikes_of_other_regions_are_not_taken():
    assert found(SpikeRules(), (2, 1250, 11.0)) == []


@pytest.mark.parametrize("rules", [SpikeRules(), PUBLISHED], ids=["corrected", "published"])
@pytest.mark.parametrize(("other", "clean"), [(780, True), (810, False), (1690, False), (1720, True)])
def test_window_of_900_samples_must_be_free(rules, other, clean):
    assert bool(found(rules, (1, 1250, 11.0), (3, other, 9.0))) is clean


def test_activity_at_the_windows_border_counts_even_if_its_peak_lies_outside():
    # The window ends before 1700. The neighbour peaks at 1702 and is above the threshold from 1699 or earlier on.
    spikes = (1, 1250, 11.0), (3, 1702, 30.0)
    assert found(SpikeRules(), *spikes) == []
    assert found(PUBLISHED, *spikes) == [(1000, 1250)]


def test_published_thinning_hides_other_regions():
    spikes = (1, 1250, 11.0), (3, 1300, 11.0)  # 50 samples later: overlooked as published, yet in the clip
    assert found(PUBLISHED, *spikes) == [(1000, 1250)]
    assert found(SpikeRules(), *spikes) == []


def test_published_thinning_measures_from_any_region():
    spikes = (2, 1250, 11.0), (1, 1300, 11.0)
    assert found(PUBLISHED, *spikes) == []
    assert found(SpikeRules(thinning=100), (1, 1250, 11.0), (1, 1340, 11.0)) == [(1000, 1250)]


def test_block_with_two_spikes_is_saved_once():
    spikes = (1, 1130, 10.0), (1, 1300, 12.0)
    assert found(PUBLISHED, *spikes) == [(1000, 1130), (1000, 1300)]
    assert found(SpikeRules(), *spikes) == [(1000, 1300)]


def test_spike_at_the_end_of_its_block_is_not_cut():
    assert found(PUBLISHED, (1, 1490, 11.0)) == [(1000, 1490)]
    assert found(SpikeRules(), (1, 1490, 11.0)) == []
    assert found(SpikeRules(), (1, 1449, 11.0)) == [(1000, 1449)]
    assert found(SpikeRules(), (1, 1450, 11.0)) == []


def test_window_must_lie_in_the_record():
    assert found(PUBLISHED, (1, 300, 11.0)) == [(0, 300)]
    assert found(SpikeRules(), (1, 300, 11.0)) == []
    assert found(SpikeRules(), (1, 2600, 11.0)) == []
    assert found(PUBLISHED, (1, 240, 11.0)) == []  # within 249 samples of the beginning
    assert found(PUBLISHED, (1, 2740, 11.0)) == [(2500, 2740)]
    assert found(PUBLISHED, (1, 2755, 11.0)) == []


def test_plateau_is_one_peak():
    signal = signal_with((1, 1250, 11.0))
    signal[1, 1250:1252] = 11.0
    assert find_clips(signal, 1)[1].tolist() == [1250]


def test_clips_hold_what_they_were_cut_from():
    signal = np.random.default_rng(0).uniform(-12, 12, (5, 2000))
    clips = cut_clips(signal, np.array([3, 0]), np.array([500, 1500]), 400)
    assert clips.dtype == np.float16
    assert clips.shape == (2, 2, 400)
    np.testing.assert_allclose(clips[1, 0], signal[3, 1500:1900], atol=0.004)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"downsample": 0}, "downsample"),
        ({"clip": 0}, "clip"),
        ({"margin": -1}, "at least 0"),
        ({"transient": 1001}, "multiple of downsample"),
        ({"edge": 250}, "no room"),
        ({"threshold": np.nan}, "threshold"),
    ],
)
def test_impossible_rules_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        SpikeRules(**change)
