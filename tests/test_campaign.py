"""A few attacks of the campaign; ``make campaign`` runs all of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from campaign import configurations, kills, recordings
from campaign.outcomes import FAILURES, Outcome

ATTACKS = [
    *((recordings.attack, number) for number in range(10)),
    *((configurations.attack, number) for number in range(45)),
    *((kills.attack, number) for number in range(2)),
]


@pytest.mark.filterwarnings("ignore")  # of damaged files; the command line shows them as notes
@pytest.mark.parametrize(("attack", "number"), ATTACKS, ids=lambda one: getattr(one, "__module__", one))
def test_attack_ends_in_a_result_or_one_sentence(
    attack: Callable[[int, Path], Outcome], number: int, tmp_path: Path
) -> None:
    outcome = attack(number, tmp_path)
    assert outcome.kind not in FAILURES, f"{outcome.case}: {outcome.words}"
