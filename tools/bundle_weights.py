"""Put trained weights into the package, stored with 16 bits.

python tools/bundle_weights.py RUN/NAME.safetensors [--name NAME]
"""

import argparse
from pathlib import Path

import headwater
from headwater.weights import read_network, save_network

FOLDER = Path(headwater.__file__).parent / "weights" / "shipped"
LARGEST = 5_000_000  # bytes of one file


def main() -> None:
    """Copy weights and card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--name", help="in `headwater list weights`; default: that of the file")
    arguments = parser.parse_args()
    name = arguments.name or arguments.weights.stem
    network, card = read_network(arguments.weights)
    path = FOLDER / f"{name}.safetensors"
    for old in (path, path.with_suffix(".json")):
        old.unlink(missing_ok=True)
    save_network(network, path, card.model_copy(update={"name": name, "sha256": "", "card_sha256": ""}), half=True)
    size = path.stat().st_size
    print(f"{path}: {size:,} bytes")
    if size > LARGEST:
        path.unlink()
        path.with_suffix(".json").unlink()
        raise SystemExit(f"Removed again: more than {LARGEST:,} bytes; train a smaller network.")


if __name__ == "__main__":
    main()
