"""Structural connectivity: weights and lengths of the tracts between brain regions."""

from __future__ import annotations

import bz2
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from scipy.spatial.distance import cdist

from headwater._utils.errors import InputError

MOST_BYTES = 2**28  # of a file in an archive; 998 regions as text take 25 MB


@dataclass(frozen=True, eq=False)
class Connectome:
    """A network of brain regions.

    Attributes
    ----------
    weights : array of shape (n_regions, n_regions)
        ``weights[i, j]`` is the strength, without unit, of the tract from region j to region i; 0 if there is none.
    tract_lengths_mm : array of shape (n_regions, n_regions)
        Length of the same tract, in millimetres as in connectome files, so that delays are rounded as in the
        literature.
    pos : array of shape (n_regions, 3)
        Centres of the regions in metres, in the coordinate frame of the connectome's source.
    names : tuple of str
        Region labels; they may repeat where one anatomical area holds several regions.
    """

    weights: np.ndarray
    tract_lengths_mm: np.ndarray
    pos: np.ndarray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.names)
        for field, shape in (("weights", (n, n)), ("tract_lengths_mm", (n, n)), ("pos", (n, 3))):
            values = getattr(self, field)
            if values.shape != shape:
                raise InputError(f"The connectome names {n} regions but its {field} has the shape {values.shape}.")
            if not np.isfinite(values).all():
                raise InputError(f"The connectome's {field} holds values that are not finite; repair the connectome.")
        if n == 0 or (self.tract_lengths_mm < 0).any():
            raise InputError("A connectome needs at least one region and no negative tract_lengths_mm.")

    @property
    def n_regions(self) -> int:
        """Number of regions."""
        return len(self.names)

    def strongest_inputs(self, region: int, n: int) -> np.ndarray:
        """Return the ``n`` other regions most strongly connected with ``region``, strongest first.

        The strength of a pair is the sum of both directions; ties go to the lower index, so the result is unique.
        """
        strength = self.weights[region] + self.weights[:, region]
        strength[region] = -np.inf
        return np.argsort(-strength, kind="stable")[:n]

    @classmethod
    def from_tvb_zip(cls, path: str | Path) -> Connectome:
        """Read a connectivity archive of The Virtual Brain.

        The archive holds ``weights``, ``tract_lengths`` (mm) and ``centres`` (label x y z in mm) as text or
        bzip2-compressed text, at any depth; the two matrices may also be NumPy files.
        """
        path = Path(path)
        try:
            with zipfile.ZipFile(path) as archive:
                members = {PurePosixPath(name).name.split(".")[0]: name for name in archive.namelist()}
                weights = _read_matrix(archive, members["weights"])
                lengths = _read_matrix(archive, members["tract_lengths"])
                names, centres_mm = _read_centres(archive, members["centres"])
        except FileNotFoundError:
            raise InputError(f"There is no connectome at {path}; check the path.") from None
        except KeyError as error:
            raise InputError(f"{path} has no {error.args[0]} file, so it is not a connectivity archive.") from None
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, IndexError, RuntimeError, MemoryError) as error:
            raise InputError(
                f"{path} cannot be read as a connectivity archive ({error}); download it again."
            ) from error
        return cls(weights=weights, tract_lengths_mm=lengths, pos=centres_mm * 1e-3, names=names)


def _read_member(archive: zipfile.ZipFile, member: str) -> bytes:
    """Unpack a member whose header gives a plausible size."""
    if archive.getinfo(member).file_size > MOST_BYTES:
        raise ValueError(f"{member} would unpack to more than {MOST_BYTES // 10**6} MB")
    return archive.read(member)


def _read_text(archive: zipfile.ZipFile, member: str) -> str:
    packed = _read_member(archive, member)
    if not member.endswith(".bz2"):
        return packed.decode()
    unpacker = bz2.BZ2Decompressor()
    text = unpacker.decompress(packed, MOST_BYTES)
    if not unpacker.eof:
        raise ValueError(f"{member} is truncated or would unpack to more than {MOST_BYTES // 10**6} MB")
    return text.decode()


def _read_matrix(archive: zipfile.ZipFile, member: str) -> np.ndarray:
    if member.endswith(".npz"):
        with zipfile.ZipFile(io.BytesIO(_read_member(archive, member))) as inner:
            return _read_matrix(inner, inner.namelist()[0])
    if member.endswith(".npy"):
        return np.asarray(np.load(io.BytesIO(_read_member(archive, member)), allow_pickle=False), dtype=float)
    return np.loadtxt(io.StringIO(_read_text(archive, member)), ndmin=2)


def _read_centres(archive: zipfile.ZipFile, member: str) -> tuple[tuple[str, ...], np.ndarray]:
    rows = [line.split() for line in _read_text(archive, member).splitlines() if line.strip()]
    return tuple(row[0] for row in rows), np.array([[float(value) for value in row[1:4]] for row in rows])


def distance_rule_connectome(
    pos: np.ndarray,
    *,
    names: tuple[str, ...] | None = None,
    length_constant: float = 0.015,
    total_input: float = 17.5,
    largest_weight: float = 1.0,
    n_inputs: int = 36,
    tortuosity: float = 1.3,
) -> Connectome:
    """Make a connectome from the positions of the regions alone: connections weaken with distance.

    ``weights[i, j]`` is proportional to ``exp(-|pos_i - pos_j| / length_constant)``, the exponential distance rule
    found in tracer studies (Ercsey-Ravasz et al. 2013, Neuron 80:184). The defaults follow the 998-region connectome of
    Hagmann et al. (2008): its mean weight per pair falls e-fold within about 15 mm, the weights of a region's 36 tracts
    have a median sum of 17.4 and rarely exceed 0.9, and tracts are 1.3 times as long as the straight line.

    Parameters
    ----------
    pos : array of shape (n_regions, 3)
        Centres of the regions in metres.
    names : tuple of str | None
        Region labels; numbers if None.
    length_constant : float
        Distance in metres over which connections weaken by a factor of e.
    total_input : float
        Mean over regions of the sum of incoming weights, before the largest are limited.
    largest_weight : float
        Upper limit of the weights. It matters for few regions, which would otherwise drive each other so strongly that
        none spikes alone.
    n_inputs : int
        Each region is connected with this many nearest regions (and with those to which it is one of the nearest),
        which keeps the network sparse.
    tortuosity : float
        Length of a tract over the length of the straight line.

    Returns
    -------
    Connectome
        With symmetric weights.

    Examples
    --------
    >>> import numpy as np
    >>> from headwater.simulation import distance_rule_connectome
    >>> places = 0.06 * np.random.default_rng(0).standard_normal((50, 3))
    >>> distance_rule_connectome(places).weights.shape
    (50, 50)
    """
    pos = np.asarray(pos, dtype=float)
    if pos.ndim != 2 or pos.shape[1] != 3 or len(pos) < 2:
        raise InputError(f"pos must have the shape (n_regions, 3) with at least two regions, not {pos.shape}.")
    if not np.isfinite(pos).all():
        raise InputError("pos holds values that are not finite; give the centres of the regions in metres.")
    positive = dict(
        length_constant=length_constant,
        total_input=total_input,
        largest_weight=largest_weight,
        n_inputs=n_inputs,
        tortuosity=tortuosity,
    )
    for field, value in positive.items():
        if not value > 0:
            raise InputError(f"{field} must be positive, not {value}.")
    distance = cdist(pos, pos)
    np.fill_diagonal(distance, np.inf)
    rank = distance.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    weights = np.where(np.minimum(rank, rank.T) < n_inputs, np.exp(-distance / length_constant), 0.0)
    np.fill_diagonal(distance, 0.0)
    if not weights.any():
        raise InputError("All regions lie too far apart to be connected; give pos in metres or raise length_constant.")
    weights *= total_input / weights.sum(axis=1).mean()
    return Connectome(
        weights=weights.clip(max=largest_weight),
        tract_lengths_mm=1e3 * tortuosity * distance,
        pos=pos,
        names=names or tuple(str(i) for i in range(len(pos))),
    )
