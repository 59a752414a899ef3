"""Speed of the bundled 3D-PIUNet compared with eLORETA: 61 electrodes, sources every 7 mm, single and in batches.

    python benchmarks/bench_piunet.py [--out benchmarks/results/piunet-speed.md]

Wall times, on all cores; run it on a quiet machine.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from record import recorded

import headwater as hw

N = 200


def main() -> None:
    """Time fit, single estimates and a batch."""
    template = hw.template_head()
    leadfield = hw.make_leadfield(template, hw.montage_info(template, "easycap-M10"), "volume", spacing=7.0)
    y = hw.simulate(leadfield, hw.presets.PIUNET, n=N).y.numpy()
    network, exact = hw.load_network(), hw.load_network()
    exact.mixed = False
    solvers = {"eLORETA": hw.solvers.ELORETA(), "3D-PIUNet": network, "3D-PIUNet, float32 throughout": exact}
    print(f"{'solver':31} {'fit, s':>7} {'single, ms':>11} {'batch, ms':>10}")
    for name, solver in solvers.items():
        start = time.perf_counter()
        solver.fit(leadfield)
        fitted = time.perf_counter() - start
        solver.estimate(y[0])
        single = []
        for one in y[:30]:
            start = time.perf_counter()
            solver.estimate(one)
            single.append(time.perf_counter() - start)
        start = time.perf_counter()
        solver.estimate(y)
        batch = (time.perf_counter() - start) / N
        print(f"{name:31} {fitted:7.2f} {1e3 * np.median(single):11.2f} {1e3 * batch:10.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    with recorded(parser.parse_args().out, "Speed of the bundled 3D-PIUNet"):
        main()
