"""Linear estimates as matrices."""

import numpy as np
import pytest

from headwater.networks.inputs.starts import STARTS, current_kernels, start_kernels


@pytest.mark.parametrize("start", STARTS)
def test_the_matrix_is_the_solver(free_leadfield, start):
    data = np.random.default_rng(0).normal(size=(32, 4))
    data -= data.mean(0)
    for lambda2, kernel in zip((0.1, 2.0), start_kernels(start, (0.1, 2.0), free_leadfield, None), strict=True):
        expected = STARTS[start](lambda2).fit(free_leadfield).estimate(data)
        found = (kernel @ data).swapaxes(0, 1)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())


def test_white_noise_passes_the_beamformer_with_unit_variance(free_leadfield):
    (kernel,) = start_kernels("beamformer", (0.1,), free_leadfield, np.eye(32))
    noise = np.einsum("asm,bsm->sab", kernel, kernel)
    np.testing.assert_allclose(noise, np.broadcast_to(np.eye(3), noise.shape), atol=1e-8)


def test_little_regularisation_leaves_the_beamformer_sharper(free_leadfield):
    """Seen from a source, others pass the less the stronger sources are expected to be."""
    gain = free_leadfield.matrix - free_leadfield.matrix.mean(0)
    widths = []
    for lambda2 in (10.0, 1e-3):
        (kernel,) = start_kernels("beamformer", (lambda2,), free_leadfield, None)
        passed = np.linalg.norm(
            (kernel.swapaxes(0, 1).reshape(-1, 32) @ gain).reshape(len(free_leadfield.pos), 3, -1), axis=1
        )
        widths.append(np.median((passed > passed.max(axis=0) / 2).mean(axis=0)))
    assert widths[1] < 0.7 * widths[0]


@pytest.mark.parametrize("start", STARTS)
def test_every_start_gives_currents_that_explain_the_data(free_leadfield, start):
    """Their scale follows from the data, whether the solver gives currents or statistics."""
    gain = free_leadfield.gain - free_leadfield.gain.mean(0)
    currents = 1e-9 * np.random.default_rng(0).normal(size=(*gain.shape[1:], 50))
    data = np.einsum("cso,sot->ct", gain, currents)
    (kernel,) = current_kernels(start, (0.1,), free_leadfield, None)
    fitted = np.einsum("cso,ost->ct", gain, kernel @ data)
    assert np.linalg.norm(data - fitted) < np.linalg.norm(data)
    assert np.linalg.norm(fitted) > 0.1 * np.linalg.norm(data)
