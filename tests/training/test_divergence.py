"""A training that diverges stops at once and keeps the last weights that are numbers."""

from pathlib import Path

import pytest
import torch

import headwater as hw
from headwater._utils.errors import InputError
from headwater.simulation.presets import PIUNET
from headwater.training.losses import CurrentL1
from headwater.weights import read_network


class Diverging(CurrentL1):
    """Becomes NaN, or gets an infinite gradient, in the step of this number."""

    def __init__(self, at: int, factor: float) -> None:
        self.at, self.factor, self.calls = at, factor, 0

    def __call__(self, prediction, samples, bound):
        loss = super().__call__(prediction, samples, bound)
        self.calls += torch.is_grad_enabled()
        if self.calls != self.at or not torch.is_grad_enabled():
            return loss
        # The root has an infinite gradient at 0, and a finite value.
        return loss * self.factor if self.factor else loss + (loss - loss.detach()).abs().sqrt()


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 0.0], ids=["nan", "infinite", "infinite gradient"])
def test_training_stops_before_weights_are_no_numbers(leadfield, small, tmp_path: Path, factor):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="diverged: the loss of step 3 is not finite; .*lower the learning rate"):
        hw.train(small(), leadfield, PIUNET, Diverging(3, factor), steps=5, out=out, batch_size=4, ema=0.5)
    network, card = read_network(out / "network.safetensors")
    assert card.steps == 2
    assert all(value.isfinite().all() for value in network.state_dict().values())


def test_no_weights_are_kept_where_the_first_step_diverges(leadfield, small, tmp_path):
    with pytest.raises(InputError, match="the loss of step 1 is not finite"):
        hw.train(small(), leadfield, PIUNET, Diverging(1, float("nan")), steps=5, out=tmp_path / "out", batch_size=4)
    assert not (tmp_path / "out" / "network.safetensors").exists()
