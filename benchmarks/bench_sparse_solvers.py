"""Speed of the sparse solvers: one sample, a batch of 100, and MNE-Python on the same data.

    python benchmarks/bench_sparse_solvers.py [--channels 61] [--sources 5184] [--batch 100]

61 electrodes and 5,184 free sources in a sphere; two dipoles in white noise at 10 dB. MNE-Python's `rap_music` and
`gamma_map` (the algorithm alone: gain and data are already whitened) run on the same samples, one at a time, because
they take no batches.
"""

import argparse
import time
import warnings

import mne
import numpy as np
from bench_solvers import sphere_forward
from mne.inverse_sparse._gamma_map import _gamma_map_opt

from headwater.forward.leadfield import LeadField
from headwater.solvers import MUSIC, RAPMUSIC, SAM, Champagne, DipoleScan, GammaMap, Random
from headwater.solvers.sparse.evidence import KnownNoise

SOLVERS = [
    DipoleScan(),
    DipoleScan(n_dipoles=2),
    MUSIC(n_sources=2),
    RAPMUSIC(n_sources=2),
    SAM(),
    GammaMap(),
    Champagne(),
    Random(),
]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=61)
    parser.add_argument("--sources", type=int, default=5184)
    parser.add_argument("--batch", type=int, default=100)
    arguments = parser.parse_args()
    mne.set_log_level("ERROR")
    warnings.simplefilter("ignore")
    forward, noise_cov = sphere_forward(arguments.channels, arguments.sources)
    leadfield = LeadField.from_forward(forward)
    rng = np.random.default_rng(0)
    print(f"{leadfield.n_channels} channels x {leadfield.n_sources} free sources; milliseconds a sample\n")
    header = ("fit", "1 time point", f"batch of {arguments.batch}", "40 time points")
    print(f"{'':52}" + "".join(f"{each:>16}" for each in header))
    one = np.stack([two_dipoles(leadfield, 1, rng) for _ in range(arguments.batch)])
    many = two_dipoles(leadfield, 40, rng)
    for solver in SOLVERS:
        fit = milliseconds(lambda s=solver: s.fit(leadfield, noise_cov))
        times = [milliseconds(lambda s=solver, d=data: s.estimate(d)) for data in (one[0], one, many)]
        times[1] /= len(one)
        print(f"{repr(solver)[:50]:52}" + "".join(f"{each:16.1f}" for each in (fit, *times)))
    for name, work in peers(forward, noise_cov, leadfield).items():
        times = [milliseconds(lambda w=work, d=data: w(d)) for data in (one[0], many)]
        print(f"{name:52}{'':16}{times[0]:16.1f}{'':16}{times[1]:16.1f}")


def two_dipoles(leadfield: LeadField, n_times: int, rng: np.random.Generator) -> np.ndarray:
    """Two dipoles of fixed orientation in white noise at 10 dB, shape (n_channels, n_times)."""
    sources = rng.choice(leadfield.n_sources, 2, replace=False)
    moments = 1e-8 * rng.standard_normal((2, 3, 1)) * rng.standard_normal((2, 1, n_times))
    signal = np.einsum("cso,sot->ct", leadfield.gain[:, sources], moments)
    return signal + np.sqrt(0.1 * np.mean(signal**2)) * rng.standard_normal(signal.shape)


def peers(forward: mne.Forward, noise_cov: mne.Covariance, leadfield: LeadField) -> dict:
    """MNE-Python's functions of one sample of data."""
    fitted = GammaMap(noise=KnownNoise()).fit(leadfield, noise_cov)
    gain = fitted.gain_.reshape(len(fitted.whitener_), -1)
    info = mne.EvokedArray(np.zeros((leadfield.n_channels, 1)), leadfield.info).add_proj(noise_cov["projs"]).info

    def rap_music(data: np.ndarray) -> None:
        mne.beamformer.rap_music(mne.EvokedArray(data, info), forward, noise_cov, n_dipoles=2)

    def gamma_map(data: np.ndarray) -> None:
        white = fitted.whitener_ @ data
        _gamma_map_opt(white, gain, 0.1 * np.mean(white**2), maxit=2000, group_size=3)

    return {"MNE-Python rap_music, n_dipoles=2": rap_music, "MNE-Python gamma_map": gamma_map}


def milliseconds(work) -> float:
    """Time of one run."""
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
