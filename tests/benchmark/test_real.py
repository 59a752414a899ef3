"""Recordings with a known answer: with all defaults only the question is given, next to the same tuned by hand."""

from pathlib import Path

import numpy as np
import pytest

from headwater.benchmark import Settings
from headwater.benchmark.exams import Listening
from headwater.benchmark.methods import CONTROLS, Fitted
from headwater.benchmark.real import REAL
from headwater.benchmark.recording_table import RECORDINGS
from headwater.benchmark.tables import pair_table
from headwater.localization.solver_choice import named_solver
from headwater.solvers import SOLVERS, MinimumNorm
from headwater.solvers.tuning import with_parameters

DEFAULTS = [name for name, one in RECORDINGS.items() if one.by_hand is not None]
QUESTION = {"condition", "sensors", "tmin", "tmax"}


@pytest.mark.parametrize("name", DEFAULTS)
def test_with_all_defaults_only_the_question_is_given(shared_data: Path, name: str) -> None:
    recording = RECORDINGS[name]
    answered, by_hand = (one.load(shared_data, 12.0) for one in (recording, RECORDINGS[str(recording.by_hand)]))
    refused_without = {"bads"} if recording.folder == "deepsif" else set()  # electrodes without a place
    assert set(answered.options) <= QUESTION | refused_without
    assert recording.training is None
    assert set(by_hand.options) > set(answered.options)
    assert not [bad for segment in answered.segments if not isinstance(segment, list) for bad in segment.info["bads"]]
    np.testing.assert_array_equal(answered.truth, by_hand.truth)


@pytest.mark.parametrize("name", ["mne", "dspm", "sloreta", "eloreta", "loreta", "lcmv", "music"])
def test_solvers_are_those_that_analyze_makes_from_their_names(name: str) -> None:
    localized = Fitted(SOLVERS[name]()).by_name()
    assert with_parameters(localized.solver, localized.parameters).get_params() == named_solver(name).get_params()


def test_controls_of_a_recording() -> None:
    gap = np.linspace(0.0, 0.1, 50)
    listening = Listening(prepared=None, gap=gap)
    (perfect,) = CONTROLS["Perfect"].listen(listening)[0]
    assert perfect.argmax() == 0
    chance = CONTROLS["Random"].listen(listening)[0]
    assert len(chance) == 100
    assert np.mean([gap[one.argmax()] for one in chance]) == pytest.approx(0.05, abs=0.015)


def test_defaults_stand_next_to_what_was_tuned_by_hand() -> None:
    cases = REAL.cases(Settings())
    pairs = REAL.pairs(cases)
    assert [case.name for case, _ in pairs] == DEFAULTS
    assert not REAL.pairs(case for case in cases if case.name in DEFAULTS)  # nothing to stand next to
    case, by_hand = pairs[0]
    scores = {
        (case.name, "mne", "distance"): np.array([3.0]),
        (by_hand, "mne", "distance"): np.array([4.0]),
        (by_hand, "mne", "auc"): np.array([0.9]),
    }
    rows = pair_table(REAL, pairs[:1], {"mne": Fitted(MinimumNorm()), **CONTROLS}, scores).splitlines()
    assert rows[2] == f"| {case.title} | mne | 3 | – | 4 | 0.9 |"
    assert len(rows) == 3
