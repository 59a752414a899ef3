"""A connectome drawn at random with the statistics of a measured one, from the positions of the regions alone."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from headwater._utils.errors import InputError
from headwater.simulation.spikes.connectome import Connectome

NEARBY = 0.010  # m; tracts to neighbours become rare beyond this distance
FAR_SHARE, FAR = 0.010, 0.040  # long tracts: rate next to that of the nearest neighbours, and decay length in m
SPREAD, CORRELATED = 0.68, 0.010  # log of how well connected a region is: standard deviation, and range in m
WEIGHT, WEIGHT_DECAY, WEIGHT_SPREAD = 0.575, 0.177, 0.17  # at distance 0; decay length in m; SD of the log
TORTUOSITY = 1.3  # length of a tract over the length of the straight line
HALVINGS = 60  # of the interval in which the density is searched


def sampled_connectome(pos: np.ndarray, *, n_inputs: float = 36.0, seed: int = 0) -> Connectome:
    """Draw a connectome: mostly short tracts and a few long ones, between regions that are connected well or poorly.

    Regions i and j are connected with the probability ``1 - exp(-c h_i h_j f(d_ij))``, where ``f`` is the sum of a
    Gaussian and a much weaker exponential of their distance, ``h`` is log-normal and similar in neighbouring regions,
    and ``c`` gives the mean number of tracts. The constants were fitted to the 998-region connectome of Hagmann et al.
    (2008, PLoS Biology 6:e159): on 998 regions that lie 7 mm apart on a sphere, the sum of incoming weights (5th, 50th
    and 95th percentile) and the length of the tracts are about those measured.

    Parameters
    ----------
    pos : array of shape (n_regions, 3)
        Centres of the regions in metres.
    n_inputs : float
        Mean number of tracts of a region; all regions are connected if there are fewer.
    seed : int

    Returns
    -------
    Connectome
        With symmetric weights.

    Examples
    --------
    >>> import numpy as np
    >>> from headwater.simulation import sampled_connectome
    >>> places = 0.06 * np.random.default_rng(0).standard_normal((50, 3))
    >>> sampled_connectome(places).weights.shape
    (50, 50)
    """
    pos = np.asarray(pos, dtype=float)
    if pos.ndim != 2 or pos.shape[1] != 3 or len(pos) < 2 or not np.isfinite(pos).all():
        raise InputError(f"pos must be finite, of the shape (n_regions, 3) with at least two regions, not {pos.shape}.")
    if not n_inputs > 0:
        raise InputError(f"n_inputs must be positive, not {n_inputs}.")
    rng, distance = np.random.default_rng(seed), cdist(pos, pos)
    linked = _symmetric(rng.random(distance.shape)) < _probability(distance, _connectedness(distance, rng), n_inputs)
    np.fill_diagonal(linked, val=False)
    noise = _symmetric(rng.standard_normal(distance.shape))
    weights = WEIGHT * np.exp(-distance / WEIGHT_DECAY + WEIGHT_SPREAD * noise) * linked
    names = tuple(str(i) for i in range(len(pos)))
    return Connectome(weights, 1e3 * TORTUOSITY * distance, pos, names)


def _connectedness(distance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How well each region is connected: log-normal, similar in regions close to each other."""
    blur = np.exp(-((distance / CORRELATED) ** 2) / 2)
    field: np.ndarray = blur @ rng.standard_normal(len(distance)) / np.linalg.norm(blur, axis=1)
    return np.exp(SPREAD * field)


def _probability(distance: np.ndarray, connectedness: np.ndarray, n_inputs: float) -> np.ndarray:
    """Return the probability of each tract, with the density that gives ``n_inputs`` of them per region."""
    rate = np.exp(-((distance / NEARBY) ** 2) / 2) + FAR_SHARE * np.exp(-distance / FAR)
    rate *= np.outer(connectedness, connectedness)
    np.fill_diagonal(rate, 0.0)
    low, high = np.log(1e-6), np.log(1e9)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        found = -np.expm1(-np.exp(middle) * rate)
        low, high = (middle, high) if found.sum() < n_inputs * len(distance) else (low, middle)
    return found


def _symmetric(values: np.ndarray) -> np.ndarray:
    """Use the upper triangle for both directions of a pair."""
    upper = np.triu(values, 1)
    return upper + upper.T
