"""Put trained weights into the package, stored with 16 bits.

python tools/bundle_weights.py RUN/NAME.safetensors [--name NAME]
"""

import argparse
from pathlib import Path

import headwater
from headwater.weights import read_network, save_network
from headwater.weights.card import Card

FOLDER = Path(headwater.__file__).parent / "weights" / "shipped"
LARGEST = 5_000_000  # bytes of one file


def main() -> None:
    """Copy weights and card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--name", help="in `headwater list weights`; default: that of the file")
    parser.add_argument("--after", type=Path, help="card of the weights that the training started from")
    arguments = parser.parse_args()
    name = arguments.name or arguments.weights.stem
    network, card = read_network(arguments.weights)
    changes: dict[str, object] = {"name": name, "sha256": "", "card_sha256": ""}
    if arguments.after:
        earlier = Card.read(arguments.after)
        changes |= {"steps": earlier.steps + card.steps, "hours": earlier.hours + card.hours}
    path = FOLDER / f"{name}.safetensors"
    for old in (path, path.with_suffix(".json")):
        old.unlink(missing_ok=True)
    save_network(network, path, card.model_copy(update=changes), half=True)
    size = path.stat().st_size
    print(f"{path}: {size:,} bytes")
    if size > LARGEST:
        path.unlink()
        path.with_suffix(".json").unlink()
        raise SystemExit(f"Removed again: more than {LARGEST:,} bytes; train a smaller network.")


if __name__ == "__main__":
    main()
