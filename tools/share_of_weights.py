"""Score means of two trainings on validation heads, to choose the share of the second (`mean_weights.py`).

    python tools/share_of_weights.py FIRST SECOND

Normalised earth mover's distance of five presets on varied heads, on the template itself, and with magnetometers on a
varied head; the last number of a line is the mean over all fifteen.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from headwater.forward.pair import LeadFieldPair
from headwater.training.bundled import FOLDER
from headwater.training.recipe import Heads, find_preset
from headwater.training.validation import Validation
from headwater.weights.files import read_network

SHARES = (0.0, 0.3, 0.5, 0.7, 1.0)
PRESETS = ("one-bell-10-db", "one-bell-20-db", "three-bells-20-db", "one-narrow-bell-20-db", "ten-bells-20-db")
HEADS, SEED = (777, 778, 779, 780), 10**7


def validations() -> dict[str, list[Validation]]:
    """Return the validations of each kind of head."""
    presets = {name: find_preset(f"presets/{name}.yaml", FOLDER) for name in PRESETS}
    varied = [pair.lead_fields for pair in Heads(montage="easycap-M10", spacing=10.0, data=HEADS).pairs()]
    (helmet,) = Heads(montage="helmet", spacing=10.0, data=HEADS[1:2]).pairs()
    known = LeadFieldPair.inverse_crime(varied[0].model)

    def of(lead_fields: LeadFieldPair, n: int = 48, seed: int = SEED) -> Validation:
        return Validation(lead_fields, presets, n=n, metrics=["nemd_fast"], seed=seed)

    return {"other": [of(one) for one in varied], "known": [of(known, 64, SEED + 5)], "MEG": [of(helmet.lead_fields)]}


def main(first: Path, second: Path) -> None:
    """Print a line for each share."""
    (one, _), (other, _) = read_network(first), read_network(second)
    known, new = one.state_dict(), {name: value.clone() for name, value in other.state_dict().items()}
    kinds = validations()
    for share in SHARES:
        other.load_state_dict({name: torch.lerp(known[name], new[name], share) for name in new})
        scores = {
            f"{kind} {name.removesuffix(' nemd_fast')}": np.mean([found[name] for found in founds])
            for kind, some in kinds.items()
            for founds in [[one.scores(other, torch.device("cpu")) for one in some]]
            for name in founds[0]
        }
        print(f"{share:g}: " + ", ".join(f"{name} {score:.3f}" for name, score in scores.items()), end="; ")
        print(f"mean {np.mean(list(scores.values())):.4f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    arguments = parser.parse_args()
    main(arguments.first, arguments.second)
