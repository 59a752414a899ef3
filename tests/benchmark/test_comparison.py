"""Networks compared with classical solvers: paired, per metric, and in words that hide no solver."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from headwater.benchmark import PROTOCOLS
from headwater.benchmark.comparison import ALL, comparison, comparison_table, verdicts
from headwater.benchmark.methods import CONTROLS, Fitted
from headwater.benchmark.protocol import Case
from headwater.benchmark.tables import case_table
from headwater.solvers import ELORETA, SLORETA


class Learned(ELORETA):
    """Stands for a network."""

    learned = True


METHODS = {"net": Fitted(Learned()), "sloreta": Fitted(SLORETA()), "eloreta": Fitted(ELORETA()), **CONTROLS}
PROTOCOL = replace(PROTOCOLS["multi-source"], metrics=("fraction_active", "peak_activity_spread"))


@pytest.fixture(scope="module")
def compared():
    rng = np.random.default_rng(0)
    hard = rng.uniform(0, 0.6, 40)  # samples differ much more than solvers do
    scores = {}
    for case in ("A", "B"):
        for metric, scale in (("fraction_active", 1.0), ("peak_activity_spread", -50.0)):
            scores[case, "net", metric] = scale * (hard + 0.1 + 0.02 * rng.standard_normal(40))
            scores[case, "sloreta", metric] = scale * hard
            scores[case, "eloreta", metric] = scale * (hard + (0.2 if scale < 0 else 0.0995))
            scores[case, "Random", metric] = 0 * hard
    scores["B", "net", "fraction_active"][0] = np.nan
    return comparison(PROTOCOL, METHODS, scores)


def test_each_classical_solver_is_compared_in_each_case_and_in_all(compared):
    assert set(compared["solver"]) == {"sloreta", "eloreta"}
    assert set(compared["case"]) == {"A", "B", ALL}
    assert set(compared["network"]) == {"net"}
    assert compared.query("case == 'B' and metric == 'fraction_active'")["n"].eq(39).all()
    together = compared.query("case == @ALL and metric == 'fraction_active' and solver == 'sloreta'").iloc[0]
    assert together["n"] == 79
    assert together["advantage"] == pytest.approx(0.1, abs=0.01)


def test_pairs_show_a_difference_that_separate_intervals_would_hide(compared):
    """Advantages of .1 among samples whose scores spread over .6; the sign follows the direction of the metric."""
    rows = compared.query("case == @ALL").set_index(["metric", "solver"])["verdict"]
    assert rows["fraction_active", "sloreta"] == rows["peak_activity_spread", "sloreta"] == "better"
    assert rows["fraction_active", "eloreta"] == "undecided"
    assert rows["peak_activity_spread", "eloreta"] == "worse"


def test_words_name_every_solver_that_is_not_worse(compared):
    words = {metric: verdicts(rows) for metric, rows in compared.query("case == @ALL").groupby("metric")}
    assert words["fraction_active"] == "better than 1 of 2; no difference shown from eloreta"
    assert words["peak_activity_spread"] == "better than 1 of 2; worse than eloreta"
    assert verdicts(compared.query("verdict == 'better'")).startswith("better than all")
    table = comparison_table(PROTOCOL, compared)
    assert table.count("\n") == 3
    assert "mm, over eloreta |" in table


def test_tables_show_the_ratio_to_the_oracle_where_there_is_one():
    case = Case(name="A", title="A", tuned_on=None)
    scores = {("A", "eloreta", "fraction_active"): np.full(4, 0.3), ("A", "Oracle", "fraction_active"): np.full(4, 0.6)}
    results = pd.DataFrame({"case": ["A"], "solver": ["eloreta"], "parameters": [None], "s_per_sample": [0.001]})
    methods = {"eloreta": METHODS["eloreta"], "Oracle": CONTROLS["Perfect"]}
    header, _, row, oracle = case_table(PROTOCOL, case, methods, results, scores).splitlines()
    column = header.split(" | ").index("fraction_active / Oracle")
    assert [line.split(" | ")[column] for line in (row, oracle)] == ["0.5", "1"]
    del scores["A", "Oracle", "fraction_active"]
    assert "/ Oracle" not in case_table(PROTOCOL, case, methods, results, scores)


def test_a_run_without_networks_has_nothing_to_compare():
    classical = {name: METHODS[name] for name in ("sloreta", "eloreta")}
    scores = {("A", name, "fraction_active"): np.ones(3) for name in classical}
    assert comparison(PROTOCOL, classical, scores).empty


def test_a_metric_without_scores_in_the_only_case_is_left_out():
    """Two sources have no score for the third."""
    shared = {"case": "D", "network": "net", "solver": "eloreta", "low": 0.0, "high": 0.2, "verdict": "undecided"}
    rows = [
        {**shared, "metric": "fraction_active", "advantage": 0.1},
        {**shared, "metric": "distance_rank_3", "advantage": np.nan},
    ]
    table = comparison_table(PROTOCOLS["multi-source"], pd.DataFrame(rows))
    assert "fraction_active" in table
    assert "distance_rank_3" not in table
