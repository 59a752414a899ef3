"""Find bad channels: those that the other channels of their type contradict.

Independent sources of equal strength everywhere in the brain give the channels the covariance ``P = G G'``, with ``G``
the lead field. With independent sensor noise, the other channels predict the value of channel ``i`` with the error
``e_i = (K x)_i / K_ii``, where ``K = (P + l I)^-1``. ``K`` is made blind to the EEG reference and to what projections
remove. Activity of the brain, the eyes and the heart obeys the same physics and is predicted; what only one channel
shows is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import mne
import numpy as np

from headwater.forward.leadfield import LeadField

NONE_FOUND = "none found"
SENSORS = {"eeg": "electrodes", "mag": "magnetometers", "grad": "gradiometers"}

# Strengths of the sensor noise, relative to the mean power of the prior, that are tried for the best prediction.
NOISE = np.logspace(-3, 1, 9)

# Limits, chosen on recordings (benchmarks/results/bad-channels.md).
LOUD = 5.5  # power of the error, relative to the power predicted and the error of typical channels
QUIET = 0.05  # power of the channel, relative to the power predicted
OPPOSITE = -0.4  # correlation with the prediction
UNRELATED = 0.5, 4.0  # correlation, and robust standard deviations below the median of Fisher's z
SWAPPED = 0.85, 0.1  # correlation after the exchange, and power of the errors relative to that before
# Where one topography dominates, courses of channels cannot be compared, and one error of the lead field counts at all
# times: data with fewer topographies than this are not searched.
LEAST_SHAPES = 1.7
MAD_TO_SD = 1.4826

LEAST_TIMES = 20  # time points
LEAST_CHANNELS = 16  # of a type, to predict one from the others
MOST = 0.25  # share of the channels of a type; more bad ones are no exceptions but a sign of something else


@dataclass(frozen=True)
class BadChannels:
    """What the search for bad channels has found.

    Attributes
    ----------
    channels : dict of str to str
        What is wrong with each bad channel, in words.
    remarks : tuple of str
        What could not be judged, and why.
    """

    channels: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def and_also(self, other: BadChannels) -> BadChannels:
        """Return what both searches have found, remarks once."""
        return BadChannels(self.channels | other.channels, tuple(dict.fromkeys((*self.remarks, *other.remarks))))

    @property
    def words(self) -> str:
        """Say which channels were left out, and why."""
        count = len(self.channels)
        listed = ", ".join(f"{name} ({wrong})" for name, wrong in self.channels.items())
        found = f"{count} channel{'s' if count > 1 else ''} left out as bad: {listed}" if count else ""
        return "; ".join(one for one in (found, *self.remarks) if one) or NONE_FOUND


NOT_LOOKED_FOR = BadChannels(remarks=("not looked for",))


@dataclass(frozen=True, eq=False)
class Agreement:
    """What the other channels of a type say of each channel.

    Attributes
    ----------
    weights : array of shape (n_channels, n_channels)
        From the data to the errors of prediction.
    power, predicted, error : array of shape (n_channels,)
        Of the channel, of its prediction, and of their difference.
    """

    weights: np.ndarray
    power: np.ndarray
    predicted: np.ndarray
    error: np.ndarray

    @property
    def correlation(self) -> np.ndarray:
        """Correlation of each channel with its prediction."""
        common = (self.power + self.predicted - self.error) / 2
        return np.asarray(common / np.sqrt(np.maximum(self.power * self.predicted, np.finfo(float).tiny)))

    @property
    def loudness(self) -> np.ndarray:
        """Power of the error, relative to the power predicted and the error of typical channels."""
        return np.asarray(self.error / (self.predicted + np.median(self.error)))

    @property
    def deviation(self) -> np.ndarray:
        """How many robust standard deviations Fisher's z of the correlation lies above the median."""
        fisher = np.arctanh(self.correlation.clip(-0.9999, 0.9999))
        away = fisher - np.median(fisher)
        return np.asarray(away / max(MAD_TO_SD * float(np.median(np.abs(away))), np.finfo(float).eps))


def find_bad_channels(data: np.ndarray, info: mne.Info, leadfield: LeadField) -> BadChannels:
    """Find channels that the others contradict.

    Parameters
    ----------
    data : array of shape (n_trials, n_channels, n_times)
        Single trials, or one average; without projections applied, or with.
    info : mne.Info
        Of these channels.
    leadfield : LeadField
        Of these channels.
    """
    found: dict[str, str] = {}
    remarks = []
    types = np.array(info.get_channel_types())
    for kind in dict.fromkeys(types):
        rows = np.flatnonzero(types == kind)
        if len(rows) < LEAST_CHANNELS or data.shape[2] < LEAST_TIMES:
            remarks.append(f"too few {SENSORS[kind]} or time points to look for more")
            continue
        names = [info["ch_names"][row] for row in rows]
        bad = _bad_of_type(covariance_of_calm(data[:, rows]), leadfield.pick(names), info["projs"])
        if len(bad) > MOST * len(rows):
            remarks.append(f"{len(bad)} of {len(rows)} {SENSORS[kind]} contradict the others, too many to leave out")
        else:
            found |= bad
    return BadChannels(found, tuple(remarks))


def covariance_of_calm(trials: np.ndarray) -> np.ndarray:
    """Return the covariance over time of the calmer half of the trials, shape (n_channels, n_channels).

    Trials are calm where no channel is much stronger than it usually is: a trial with an artefact is no reason to
    leave out a channel. ``trials`` has the shape (n_trials, n_channels, n_times).
    """
    power = trials.var(axis=2)
    unrest = np.max(power / np.maximum(np.median(power, axis=0), np.finfo(float).tiny), axis=1)
    total = np.zeros((trials.shape[1], trials.shape[1]))
    for trial in trials[unrest <= np.median(unrest)]:
        centred = trial - trial.mean(axis=1, keepdims=True)
        total += centred @ centred.T
    return total


def _bad_of_type(covariance: np.ndarray, leadfield: LeadField, projs: list[mne.Projection]) -> dict[str, str]:
    """Leave out the worst channel and look again, until none is bad."""
    names = leadfield.ch_names
    free = _free_directions(leadfield, projs)
    prior = leadfield.matrix @ leadfield.matrix.T
    found: dict[str, str] = {}
    while len(found) <= MOST * len(names):
        kept = np.array([row for row, name in enumerate(names) if name not in found])
        block = np.ix_(kept, kept)
        blind = _orthonormal(free[kept])
        seen = np.eye(len(kept)) - blind @ blind.T
        seen = seen @ covariance[block] @ seen
        agreement = agreement_of(seen, prior[block], blind)
        worst = _worst(agreement, covariance[block], seen, [names[row] for row in kept])
        if not worst:
            break
        found |= worst
    return found


def _free_directions(leadfield: LeadField, projs: list[mne.Projection]) -> np.ndarray:
    """Directions that projections remove, and the EEG reference, shape (n_channels, n_directions)."""
    row = {name: index for index, name in enumerate(leadfield.ch_names)}
    vectors = [np.ones(len(row))] if set(leadfield.ch_types) == {"eeg"} else []
    for proj in projs:
        for values in proj["data"]["data"]:
            vector = np.zeros(len(row))
            for name, value in zip(proj["data"]["col_names"], values, strict=True):
                if name in row:
                    vector[row[name]] = value
            vectors.append(vector)
    return np.array(vectors).reshape(len(vectors), len(row)).T


def _orthonormal(vectors: np.ndarray) -> np.ndarray:
    """Return a basis of the same directions, shape (n_channels, n_independent)."""
    left, singular, _ = np.linalg.svd(vectors, full_matrices=False)
    return np.asarray(left[:, singular > 1e-6 * singular.max(initial=0.0)])


def agreement_of(covariance: np.ndarray, prior: np.ndarray, blind: np.ndarray) -> Agreement:
    """Predict each channel from the others, with the sensor noise that leaves the smallest typical error.

    Parameters
    ----------
    covariance, prior : array of shape (n_channels, n_channels)
        Of the data, and of activity everywhere.
    blind : array of shape (n_channels, n_directions)
        What the prediction must not depend on; orthonormal.
    """
    power = np.diag(covariance)
    candidates = []
    for noise in NOISE * np.trace(prior) / len(prior):
        weights = _weights(prior + noise * np.eye(len(prior)), blind)
        projected = weights @ covariance
        error = np.sum(projected * weights, axis=1)
        candidates.append(Agreement(weights, power, power - 2 * np.diag(projected) + error, error))
    return min(candidates, key=lambda one: float(np.median(one.error)))


def _weights(model: np.ndarray, blind: np.ndarray) -> np.ndarray:
    """Weights of the errors of prediction, ``K_ij / K_ii``, for a model covariance and directions that are free."""
    inverse = np.linalg.inv(model)
    if blind.shape[1]:
        across = inverse @ blind
        inverse = inverse - across @ np.linalg.solve(blind.T @ across, across.T)
    return np.asarray(inverse / np.diag(inverse)[:, np.newaxis])


def _worst(agreement: Agreement, recorded: np.ndarray, seen: np.ndarray, names: list[str]) -> dict[str, str]:
    """Return the channel that is contradicted most, or two that are swapped, with what is wrong; nothing if none is.

    Parameters
    ----------
    agreement : Agreement
    recorded, seen : array of shape (n_channels, n_channels)
        Covariance of the data as they were recorded, and without what the prediction is blind to.
    names : list of str
    """
    loudest = int(agreement.loudness.argmax())
    if n_shapes(np.delete(np.delete(seen, loudest, 0), loudest, 1)) < LEAST_SHAPES:
        return {}
    if agreement.loudness[loudest] > LOUD:
        factor = np.sqrt(agreement.power[loudest] / (agreement.predicted[loudest] + np.median(agreement.error)))
        return {names[loudest]: f"{factor:.1f} times as strong as the others predict"}
    if pair := _swapped(agreement, seen):
        one, other = (names[row] for row in pair)
        return {one: f"swapped with {other}", other: f"swapped with {one}"}
    return _dead(agreement, recorded, names) or _strange(agreement, names)


def _dead(agreement: Agreement, recorded: np.ndarray, names: list[str]) -> dict[str, str]:
    """Return the channel that is weakest compared with what the others predict, if it is as good as dead.

    A dead channel is silent in the data as they were recorded; any other reference or projection hides that.
    """
    power = np.diag(recorded)
    predicted = power - 2 * np.sum(agreement.weights * recorded, axis=1) + agreement.error
    expected = predicted > np.median(agreement.error)
    share = np.where(expected, power / np.maximum(predicted, np.finfo(float).tiny), np.inf)
    row = int(share.argmin())
    if share[row] >= QUIET:
        return {}
    return {names[row]: f"{np.sqrt(share[row]):.2f} times as strong as the others predict"}


def _strange(agreement: Agreement, names: list[str]) -> dict[str, str]:
    """Return the channel that resembles its prediction least, if it does not follow it at all."""
    least, deviations = UNRELATED
    correlation = agreement.correlation
    unrelated = (correlation < least) & (agreement.deviation < -deviations)
    expected = agreement.predicted > np.median(agreement.error)
    strange = expected & ((correlation < OPPOSITE) | unrelated)
    row = int(np.where(strange, correlation, np.inf).argmin())
    return {names[row]: f"correlation of {correlation[row]:.2f} with what the others predict"} if strange[row] else {}


def n_shapes(covariance: np.ndarray) -> float:
    """Return the effective number of topographies: one where all channels follow the same course."""
    return float(np.trace(covariance) ** 2 / max(float(np.sum(covariance**2)), np.finfo(float).tiny))


def _swapped(agreement: Agreement, covariance: np.ndarray) -> tuple[int, int] | None:
    """Find two channels that the others predict well once they are exchanged, and not as they are."""
    enough, share = SWAPPED
    suspects = np.flatnonzero(agreement.correlation < enough)
    suspects = suspects[np.argsort(agreement.correlation[suspects])][:20]
    best, pair = share, None
    for one, other in combinations(suspects, 2):
        exchanged = np.arange(len(covariance))
        exchanged[[one, other]] = other, one
        rows = [one, other]
        weights = agreement.weights[np.ix_(rows, exchanged)]
        projected = weights @ covariance
        error = np.sum(projected * weights, axis=1)
        power = agreement.power[[other, one]]
        predicted = power - 2 * projected[[0, 1], [other, one]] + error
        correlation = (power + predicted - error) / (2 * np.sqrt(np.maximum(power * predicted, np.finfo(float).tiny)))
        left = float(np.max(error / agreement.error[rows]))
        if correlation.min() > enough and left < best:
            best, pair = left, (int(one), int(other))
    return pair
