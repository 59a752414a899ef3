"""Boundary elements and forward solutions: time compared with MNE-Python, and error against the exact series.

Run with ``python benchmarks/bench_forward.py`` (ico3, about a minute) or ``python benchmarks/bench_forward.py --full``
(also ico4; MNE alone takes some minutes). Nothing is read from or written to the cache.
"""

import argparse
import os
import tempfile
import time

import mne
import numpy as np
from record import recorded
from threadpoolctl import threadpool_info

from headwater.forward import bem
from headwater.forward.layers import Layers, head_layers
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.potential import eeg_gain
from headwater.forward.spaces import make_sources
from headwater.forward.sphere import sphere_eeg
from headwater.head.anatomy import Surface
from headwater.head.sensors import montage_info
from headwater.head.template import template_head

RADII = np.array([0.080, 0.086, 0.092])
SIGMA = np.array([0.3, 0.006, 0.3])  # brain, skull, scalp


def timed(work):
    """Return the result of the work and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def time_against_mne(ico: int) -> None:
    """Template head, 64 electrodes, 7 mm grid."""
    head = template_head()
    info = montage_info(head, "biosemi64")
    layers, src = head_layers(head, ico=ico), make_sources(head, "volume")
    _, rows_time = timed(lambda: bem.solve_rows(layers, head.to_mri(np.array([ch["loc"][:3] for ch in info["chs"]]))))
    solution, own_time = timed(lambda: bem.solve(layers))
    theirs, mne_time = timed(lambda: mne.make_bem_solution(layers.mne_surfaces(), verbose="error"))
    difference = np.linalg.norm(solution - theirs["solution"]) / np.linalg.norm(theirs["solution"])
    print(f"ico{ico}  solution: MNE {mne_time:6.1f} s   own {own_time:6.1f} s   electrode rows only {rows_time:6.1f} s")
    print(f"      relative difference of the solutions {difference:.1e}")
    leadfield, own_time = timed(lambda: make_leadfield(head, info, ico=ico))
    _, again_time = timed(lambda: make_leadfield(head, info, ico=ico))
    fwd, mne_time = timed(lambda: mne.make_forward_solution(info, head.mri_head_t, src, theirs, verbose="error"))
    expected = LeadField.from_forward(fwd).pick(leadfield.ch_names)
    if expected.n_sources == leadfield.n_sources:
        difference = np.linalg.norm(leadfield.gain - expected.gain) / np.linalg.norm(expected.gain)
        # Electrodes lie on the full scalp, a little off the coarser one: MNE extrapolates, we take the nearest point.
        print(f"      relative difference of the forward solutions {difference:.1e}")
    print(
        f"ico{ico}  {leadfield.n_channels} x {leadfield.n_sources} x 3 forward: "
        f"MNE, solution given {mne_time:6.1f} s   own, with solution {own_time:6.1f} s   "
        f"own, from disk {again_time:6.1f} s"
    )


def error_against_series(ico: int) -> None:
    """Concentric spheres of 80, 86 and 92 mm; 200 dipoles by eccentricity, 64 electrodes, average reference."""
    path = os.path.join(os.path.dirname(mne.__file__), "data", "icos.fif.gz")
    sphere = mne.read_bem_surfaces(path, s_id=9000 + ico, verbose="error")
    layers = Layers(tuple(Surface(r * sphere["rr"], sphere["tris"]) for r in RADII[::-1]), SIGMA[::-1])
    generator = np.random.default_rng(0)
    pos, electrodes = generator.normal(size=(200, 3)), generator.normal(size=(64, 3))
    depth = np.linspace(0.02, 0.075, 200)
    pos *= (depth / np.linalg.norm(pos, axis=1))[:, np.newaxis]
    electrodes *= RADII[-1] / np.linalg.norm(electrodes, axis=1, keepdims=True)
    exact = sphere_eeg(electrodes, pos, RADII, SIGMA)
    found = eeg_gain(bem.solve_rows(layers, electrodes), layers, pos)
    exact, found = exact - exact.mean(axis=0), found - found.mean(axis=0)
    exact_size, found_size = np.linalg.norm(exact, axis=0), np.linalg.norm(found, axis=0)
    rdm, mag = np.linalg.norm(found / found_size - exact / exact_size, axis=0), found_size / exact_size
    for label, some in (("all", slice(None)), ("within 5-10 mm of the skull", depth > 0.070)):
        print(f"ico{ico}  {label}: RDM {np.median(rdm[some]):.3f}  MAG {np.median(mag[some]):.3f} (medians)")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="also ico4")
    parser.add_argument("--out", help="also write everything to this Markdown file")
    arguments = parser.parse_args()
    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    with recorded(arguments.out, "Speed and accuracy of lead fields"):
        print(f"{threads} threads")
        for ico in (3, 4) if arguments.full else (3,):
            time_against_mne(ico)
            error_against_series(ico)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEADWATER_CACHE"] = folder
        main()
