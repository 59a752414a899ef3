"""The first screen of a training run: how good the network is compared with eLORETA, and what it was trained on."""

from __future__ import annotations

from headwater.metrics.table import METRICS
from headwater.networks import NETWORKS
from headwater.page.document import Card, Status
from headwater.training.logs import Run
from headwater.weights.card import Card as ModelCard


def status_of(run: Run) -> Status:
    """Say how far the run is, and whether the network is better than eLORETA."""
    finished = run.steps >= run.planned
    patience = run.recipe.get("patience")
    reasons = []
    if not finished:
        stop = ", or stopped early because the first score did not improve" if patience else ""
        reasons = [f"Step {run.steps:,} of {run.planned:,}: not finished{stop}"]
    if run.card is None:
        return Status(
            "NOTHING", "No weights yet", "They are written after the first validation and at the end.", reasons
        )
    if not run.card.baseline:
        said = "Its recipe has no validation, so that it is not known how good the network is."
        return Status("NOTHING", "Trained" if finished else "In training", said, reasons)
    better = better_than_baseline(run.card)
    words = f"Better than eLORETA in {len(better)} of {len(run.card.baseline)} scores"
    leading = next(iter(run.card.baseline))
    kind = "GOOD" if leading in better and (finished or patience) else "DOUBTFUL"
    return Status(kind, words, "Compared on simulated samples of a head that was not used for training.", reasons)


def better_than_baseline(card: ModelCard) -> list[str]:
    """Names of the scores in which the network is better than eLORETA."""
    return [
        name
        for name, reference in card.baseline.items()
        if (card.validation[name] > reference) == METRICS[name.rpartition(" ")[2]].higher_is_better
        and card.validation[name] != reference
    ]


def cards_of(run: Run) -> list[Card]:
    """Answer what a reader asks first."""
    return [_what(run), _how_good(run), _how_far(run), _on_what(run), _how_to_go_on(run)]


def _what(run: Run) -> Card:
    network = NETWORKS[run.recipe["network"]].title if run.recipe["network"] in NETWORKS else run.recipe["network"]
    size = () if run.card is None else (f"{run.card.parameters:,} parameters.",)
    loss = f"Loss: {run.recipe['loss']}; {run.recipe['batch_size']} samples a step."
    return Card("What was trained?", network, (*size, loss))


def _how_good(run: Run) -> Card:
    question = "Compared with eLORETA?"
    if run.card is None or not run.card.baseline:
        return Card(question, "Not measured", ("Describe a validation in the recipe.",))
    name, reference = next(iter(run.card.baseline.items()))
    metric = METRICS[name.rpartition(" ")[2]]
    unit = f" {metric.unit}" if metric.unit else ""
    answer = f"{run.card.validation[name]:.3g}{unit}; eLORETA {reference:.3g}{unit}"
    direction = "higher" if metric.higher_is_better else "lower"
    return Card(question, answer, (f"By {name}; {direction} is better.", metric.meaning))


def _how_far(run: Run) -> Card:
    answer = f"{run.steps:,} of {run.planned:,} steps"
    if run.card is None:
        return Card("How far?", answer, ())
    kept = f"Kept weights are those of step {run.card.steps:,}." if run.card.steps < run.steps else ""
    time = f"{run.card.hours:.3g} h on {run.card.device}."
    return Card("How far?", answer, (time, *([kept] if kept else [])))


def _on_what(run: Run) -> Card:
    heads = run.recipe.get("heads")
    if not heads:
        return Card("On what?", "One lead field", (f"Samples: {run.recipe['preset']}.",))
    n_pairs = sum(max(len(one["data"]), 1) for one in heads)
    montages = ", ".join(dict.fromkeys(one["montage"] for one in heads))
    checks = run.recipe.get("validation")
    said = [f"Montages: {montages}.", f"Samples: {run.recipe['preset']}."]
    said += [f"Validation: {checks['n']} samples of {', '.join(checks['presets'])}."] if checks else []
    return Card("On what?", f"{n_pairs} simulated head{'' if n_pairs == 1 else 's'}", tuple(said))


def _how_to_go_on(run: Run) -> Card:
    if run.weights is None:
        return Card(
            "How to go on?", "Let it train", ("After a stop, the same run can be continued; the command is below.",)
        )
    return Card(
        "How to go on?",
        f"Use {run.weights.name}",
        ("To localise recordings, or in a benchmark; the commands are below.",),
    )
