"""Average the weights of two trainings, the second of which began with the first, and write the mean with its card.

    python tools/mean_weights.py FIRST SECOND OUT [--share 0.7] [--config '{"modes": 40, "n_times": 16}']

In between lie networks that keep most of what each training was good at (Wortsman et al. 2022, Robust fine-tuning of
zero-shot models). The card is that of the second training, with the steps and hours of both, and the scores of the mean
on the second recipe's validation head.
"""

import argparse
import json
from pathlib import Path

import torch

from headwater.training.bundled import FOLDER
from headwater.training.recipe import Recipe
from headwater.training.run import validation_of
from headwater.weights.files import read_network, save_network


def main(first: Path, second: Path, out: Path, share: float, settings: dict[str, int]) -> None:
    """Average, validate, write."""
    (one, earlier), (other, card) = read_network(first), read_network(second)
    known = one.state_dict()
    other.load_state_dict({name: torch.lerp(known[name], value, share) for name, value in other.state_dict().items()})
    checks = Recipe.model_validate(card.recipe).validation
    scores = {} if checks is None else validation_of(checks, FOLDER).scores(other, torch.device("cpu"))
    for name, value in settings.items():
        setattr(other, name, value)
    changes = {
        "name": out.stem,
        "config": {**card.config, **settings},
        "steps": earlier.steps + card.steps,
        "hours": round(earlier.hours + card.hours, 3),
        "validation": {name: round(score, 4) for name, score in scores.items()},
        "calibration": None,
    }
    save_network(other, out, card.model_copy(update=changes))
    print(scores)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.7, help="Of the second.")
    parser.add_argument("--config", type=json.loads, default={})
    arguments = parser.parse_args()
    main(arguments.first, arguments.second, arguments.out, arguments.share, arguments.config)
