"""What a better head model gains: data of the New York head by finite elements, localised with four head models.

``python benchmarks/bench_head_models.py`` makes noisy topographies of single dipoles in the New York head (finite
elements of ``--size`` mm, all its tissues; read at ``../shared/data``) and localises them on a grid of 8 mm with

- the template, scaled to the electrodes, with boundary elements: what `localize` does without an MRI;
- the same with finite elements of the template's nine tissues;
- the New York head's own surfaces with boundary elements;
- the lead field that made the data, at other places.

The error is the distance in MNI305 from the place of the dipole to the largest current. eLORETA is also given the best
``lambda2`` of a few, chosen by that error: the automatic one depends on the head model, and a solver that knows more of
the head may be regularised less than is best for the peak. An interrupted run goes on
where it stopped: the solutions for the sensors are kept in the cache of lead fields.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import mne
import numpy as np
from bench_heads import new_york
from record import recorded

from headwater.forward.fem.method import FEM
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.forward.spaces import volume_space
from headwater.head.fit import fit_head
from headwater.head.model import Head
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.solvers.base import Solver
from headwater.solvers.dipole import DipoleScan
from headwater.solvers.eloreta import ELORETA
from headwater.weights.catalogue import load_network

MONTAGE = "biosemi64"
SPACING = 8.0  # mm, of the sources of solvers
N_DIPOLES = 200
SNR_DB = 10.0
LAMBDAS = (0.1, 0.3, 1.0, 3.0, 10.0)
NETWORKS = ("piunet", "relevance")  # the bundled networks for any grid in a volume


def models(size: float) -> tuple[Head, mne.Info, Iterator[tuple[str, LeadField]]]:
    """Return the true head, its electrodes, and the lead fields that solvers assume."""
    head = new_york()
    info = montage_info(head, MONTAGE)
    scaled = fit_head(template_head(), info)
    fem = FEM(resolution_mm=size)
    cases = (
        ("template, boundary elements", scaled, "bem"),
        ("template, finite elements", scaled, fem),
        ("own head, boundary elements", head, "bem"),
        ("own head, finite elements", head, fem),
    )
    fields = (
        (name, make_leadfield(one, info, spacing=SPACING, within="brain", method=method, ico=3))
        for name, one, method in cases
    )
    return head, info, fields


def dipoles(head: Head, info: mne.Info, fem: FEM) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noisy topographies (n, n_channels), noise covariance, and places in MNI305 (n, 3)."""
    rng = np.random.default_rng(1)
    space = volume_space(head, 4.0, 7.0, "brain")
    pos = space["rr"][rng.choice(space["vertno"], N_DIPOLES, replace=False)]
    moments = rng.standard_normal((N_DIPOLES, 3))
    fields = np.einsum("csx,sx->sc", fem.gain(head, info, pos), moments)
    fields -= fields.mean(axis=1, keepdims=True)
    fields /= np.linalg.norm(fields, axis=1, keepdims=True)
    sd = 10 ** (-SNR_DB / 20) / np.sqrt(fields.shape[1])
    noisy = 1e-6 * (fields + sd * rng.standard_normal(fields.shape))
    return noisy, (1e-6 * sd) ** 2 * np.eye(fields.shape[1]), head.to_mni(head.to_head(pos))


def compare(size: float) -> None:
    """Print one row a head model and solver."""
    head, info, fields = models(size)
    data, noise, places = dipoles(head, info, FEM(resolution_mm=size))
    cov = mne.Covariance(noise, info["ch_names"], [], [], 0)
    print(f"{N_DIPOLES} dipoles, {len(info['ch_names'])} electrodes, {SNR_DB:g} dB; error in mm, 25 / 50 / 75 / 90 %")
    for name, leadfield in fields:
        print(f"{name} ({leadfield.n_sources} sources)", flush=True)
        found = {
            title: errors(solver.fit(leadfield, cov).adapted(data.T), leadfield, data, places)  # all have the same SNR
            for title, solver in (
                ("eLORETA", ELORETA(lambda2="auto")),
                ("dipole scan", DipoleScan()),
                *((f"network {network}", load_network(network)) for network in NETWORKS),
            )
        }
        tried = [errors(ELORETA(lambda2=value).fit(leadfield, cov), leadfield, data, places) for value in LAMBDAS]
        best = int(np.argmin([np.median(one) for one in tried]))
        found[f"eLORETA, best lambda2 ({LAMBDAS[best]:g})"] = tried[best]
        for title, mm in found.items():
            values = " / ".join(f"{value:5.1f}" for value in np.percentile(mm, (25, 50, 75, 90)))
            print(f"  {title:30s} {values}", flush=True)


def errors(fitted: Solver, leadfield: LeadField, data: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Distance of the largest current from each place (n, 3) of MNI305, in mm, shape (n,)."""
    assert leadfield.pos_mni is not None
    peak = np.linalg.norm(fitted.estimate(data[:, :, np.newaxis])[..., 0], axis=2).argmax(axis=1)
    return 1e3 * np.linalg.norm(leadfield.pos_mni[peak] - places, axis=1)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=float, default=2.0, metavar="MM", help="of the elements")
    parser.add_argument("--out", type=Path, help="also write everything to this Markdown file")
    arguments = parser.parse_args()
    mne.set_log_level("ERROR")
    with recorded(arguments.out, "What a better head model gains"):
        compare(arguments.size)


if __name__ == "__main__":
    main()
