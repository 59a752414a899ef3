from pathlib import Path

import mne
import numpy as np
import pytest

from headwater._utils.errors import InputError
from headwater.demo import MONTAGE, RESPONSES, run_demo, simulate_responses
from headwater.head.sensors import montage_info
from headwater.head.template import template_head


def test_demo_responses_start_where_and_when_they_should() -> None:
    evokeds, centres = simulate_responses(template_head().varied(seed=3), seed=3)
    assert [evoked.comment for evoked in evokeds] == [response.name for response in RESPONSES]
    for evoked, response in zip(evokeds, RESPONSES, strict=True):
        _, peak = evoked.get_peak(tmin=0.0)
        assert abs(peak - response.latency) < 3 * response.duration
        assert np.linalg.norm(centres[response.name] - response.mni_mm) < 15
        nominal = montage_info(template_head(), MONTAGE)
        for ours, theirs in zip(evoked.info["chs"], nominal["chs"], strict=True):
            np.testing.assert_allclose(ours["loc"][:3], theirs["loc"][:3])
    again, _ = simulate_responses(template_head().varied(seed=3), seed=3)
    np.testing.assert_array_equal(again[0].data, evokeds[0].data)
    assert isinstance(again[0], mne.Evoked)


def test_demo_overwrites_nothing_unasked(tmp_path: Path) -> None:
    recording = tmp_path / "demo-ave.fif"
    recording.write_bytes(b"somebody's own")
    with pytest.raises(InputError, match="already exists"):
        run_demo(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        run_demo(recording, overwrite=True)
    assert recording.read_bytes() == b"somebody's own"
