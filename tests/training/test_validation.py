"""Validation: always the same samples, and scores that mean the same for a network and for eLORETA."""

import pytest
import torch

from headwater.forward.pair import LeadFieldPair
from headwater.metrics.table import METRICS
from headwater.simulation.presets import PIUNET
from headwater.simulation.simulator import simulate
from headwater.solvers import ELORETA
from headwater.training.validation import Validation

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def validation(leadfield) -> Validation:
    return Validation(
        LeadFieldPair.inverse_crime(leadfield), {"bells": PIUNET}, n=40, metrics=("nmse", "localization_error"), seed=5
    )


def test_the_baseline_is_eloreta(validation, leadfield):
    samples = simulate(leadfield, PIUNET, n=40, seed=5)
    estimate = ELORETA(lambda2=0.1).fit(leadfield).estimate(samples.y.double().numpy())
    expected = METRICS["nmse"].function(samples.x.double().numpy(), estimate, pos=leadfield.pos).mean()
    assert validation.baseline["bells nmse"] == pytest.approx(expected, rel=1e-4)
    assert set(validation.baseline) == {"bells nmse", "bells localization_error"}


def test_a_network_that_hands_eloreta_on_scores_the_same(validation, small):
    network = small().train()
    scores = validation.scores(network, CPU)
    assert scores == pytest.approx(validation.baseline, rel=1e-3)
    assert network.training


def test_other_weights_score_otherwise_and_the_same_ones_the_same(validation, small):
    other = small()
    torch.nn.init.ones_(other.unet.head.weight)
    scores = validation.scores(other, CPU)
    assert scores != pytest.approx(validation.baseline, rel=1e-3)
    assert scores == validation.scores(other, CPU)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # trained in mixed precision, used in single precision
        assert scores == validation.scores(other, CPU)


def test_the_first_score_leads_and_is_the_better_the_lower(leadfield):
    pair = LeadFieldPair.inverse_crime(leadfield)
    error = Validation(pair, {"a": PIUNET, "b": PIUNET}, n=1, metrics=("nmse", "auc_close"), seed=0)
    assert error.leading_name == "a nmse"
    assert error.leading({"a nmse": 2.0, "b nmse": 3.0}) == 2.0
    share = Validation(pair, {"a": PIUNET}, n=1, metrics=("auc_close",), seed=0)
    assert METRICS["auc_close"].higher_is_better
    assert share.leading({"a auc_close": 0.9}) == -0.9
