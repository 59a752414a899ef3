"""A small brain: 343 sources on a grid, slightly jittered so that no two distances are equal."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def pos() -> np.ndarray:
    axis = np.linspace(-0.06, 0.06, 7)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid + np.random.default_rng(0).uniform(-0.002, 0.002, grid.shape)


@pytest.fixture(scope="session")
def centers(pos) -> np.ndarray:
    """Three far centres for each of 40 samples, but one in every fourth and two in the next of them."""
    rng = np.random.default_rng(1)
    first = rng.integers(len(pos), size=40)
    second = np.array([np.argsort(np.linalg.norm(pos - pos[c], axis=1))[rng.integers(250, 343)] for c in first])
    nearest = np.linalg.norm(pos[:, None, None] - pos[np.stack([first, second])], axis=3).min(axis=1)
    third = nearest.argmax(axis=0)
    second[::4] = third[::4] = third[1::4] = -1
    return np.stack([first, second, third], axis=1)


@pytest.fixture(scope="session")
def truth(pos, centers) -> np.ndarray:
    """Patches of 25 mm, strongest at the centre, one direction each; (40, 343, 3)."""
    rng = np.random.default_rng(2)
    x = np.zeros((len(centers), len(pos), 3))
    for sample, of_sample in zip(x, centers, strict=True):
        for center in of_sample[of_sample >= 0]:
            distance = np.linalg.norm(pos - pos[center], axis=1)
            direction = rng.standard_normal(3)
            sample += (
                np.maximum(1 - 0.5 * distance / 0.025, 0)[:, None]
                * (distance < 0.025)[:, None]
                * (direction / np.linalg.norm(direction))
            )
    return x


@pytest.fixture(scope="session")
def blurred(pos, truth) -> np.ndarray:
    """A plausible estimate: the truth, blurred over 20 mm, with noise in every source."""
    distance = np.linalg.norm(pos[:, None] - pos[None], axis=2)
    noise = np.random.default_rng(3).standard_normal(truth.shape)
    return np.einsum("ij,bjo->bio", np.exp(-((distance / 0.02) ** 2)), truth) + 0.05 * noise
