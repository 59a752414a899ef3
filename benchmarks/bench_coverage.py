"""Coverage of the 90 % intervals and regions of solvers with a posterior, and their calibration.

    python benchmarks/bench_coverage.py [--weights FILE] [--only NAME ...] [--n 36] [--calibrate] [--out FILE]

Recordings of 1 to 5 Gaussian bells of 4 to 80 mm at 0 to 40 dB (few-bells.yaml of the bundled recipes), on heads that
the solvers do not know and that no network was trained on; 61 electrodes or 102 magnetometers, sources every 10 mm. The
heads of the calibration, of the choice between calibrations and of the test are different ones. Regions are those of
the strongest peak of the estimate; they hold if the nearest peak of the true currents lies within.

``--calibrate`` writes the calibrations: of classical solvers to ``headwater/solvers/posterior/calibrations.json``, of a
network to the card of its weights. Records of single recordings are kept in ``--records``, so that an interrupted run
goes on.
"""

import argparse
import json
import sys
from pathlib import Path

from calibrating.fitting import calibrate
from calibrating.records import HEADS, MONTAGES, draws, read, record, solvers
from calibrating.table import print_header, print_table, within_target
from record import recorded

from headwater.networks import NetworkSolver
from headwater.solvers.posterior import calibration as bundled
from headwater.solvers.posterior.calibration import Calibration
from headwater.weights.files import with_calibration

TARGET = (0.87, 0.93)


def main(arguments: argparse.Namespace) -> None:
    """Compute what is missing, calibrate, and print the table."""
    folder: Path = arguments.records
    folder.mkdir(parents=True, exist_ok=True)
    methods = {name: one for name, one in solvers(arguments.weights).items() if name in (arguments.only or [name])}
    planned = [draw for role in HEADS for modality in MONTAGES for draw in draws(modality, role, arguments.n)]
    for number, draw in enumerate(sorted(planned, key=lambda one: one.index), start=1):
        record(draw, folder, methods)
        print(f"{number} of {len(planned)}", file=sys.stderr, flush=True)
    command = f"python benchmarks/bench_coverage.py --calibrate --n {arguments.n}"
    found = {name: calibration_of(name, folder, arguments.n, command) for name in methods}
    short = [one for name in methods for one in show(name, folder, arguments.n, found[name])]
    print(f"Outside {TARGET[0]:.0%} to {TARGET[1]:.0%} after calibration (all components; regions of the first peak):")
    print("\n".join(f"  {one}" for one in short) or "  nothing")
    if arguments.calibrate:
        write(found, methods, arguments.weights)


def calibration_of(name: str, folder: Path, n: int, command: str) -> Calibration:
    """Calibrate a solver on both kinds of sensors together."""
    by_role = {role: [one for modality in MONTAGES for one in read(folder, modality, role, name, n)] for role in HEADS}
    return calibrate(by_role["calibration"], by_role["validation"], HEADS["calibration"], command)


def show(name: str, folder: Path, n: int, calibration: Calibration) -> list[str]:
    """Print the rows of one solver; return the cases outside the target."""
    short = []
    for modality in MONTAGES:
        records = read(folder, modality, "test", name, n)
        print_header(records)
        print_table(name, modality, records, None)
        print_table(name, modality, records, calibration)
        print()
        for case, shares in within_target(records, calibration).items():
            for what, share in zip(("intervals", "regions"), shares, strict=True):
                if not TARGET[0] <= share <= TARGET[1]:
                    short.append(f"{name}, {modality}, {case}: {what} hold {share:.0%}")
    return short


def write(found: dict[str, Calibration], methods: dict[str, object], weights: Path | None) -> None:
    """Keep the calibrations where the solvers find them."""
    path = Path(bundled.__file__).with_name(bundled.BUNDLED)
    content = json.loads(path.read_text())
    for name, one in found.items():
        if isinstance(methods[name], NetworkSolver):
            with_calibration(weights, one)
        else:
            content[type(methods[name]).__name__] = one.model_dump()
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="Of RelevanceNet; without it, only classical solvers.")
    parser.add_argument("--only", nargs="+", help="Some of the solvers.")
    parser.add_argument(
        "--n", type=int, default=42, help="Recordings of each kind of sensors, for calibration and for test."
    )
    parser.add_argument("--records", type=Path, default=Path("runs/coverage"))
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with recorded(given.out, "Coverage of intervals and regions"):
        main(given)
