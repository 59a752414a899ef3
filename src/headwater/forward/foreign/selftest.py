"""Do a lead field's positions, axes and unit agree with its sensors? A dipole fit in a sphere tells.

A field that a source makes can be localised again in a sphere through the electrodes, or inside the MEG array, within
one to two centimetres.
Where all sources are found elsewhere, a similarity transform from the claimed to the found places shows why: another
unit, other axes, another origin. The moments of the fitted dipoles show the unit of the gain, its axes and its sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from headwater.forward.fem.magnetic import Coil
from headwater.forward.sphere import sphere_eeg, sphere_meg
from headwater.head.anatomy import Conductivities

N_SOURCES = 80
LEAST_SENSORS = 12
SHELLS = np.array([0.87, 0.93, 1.0])  # radii of brain, skull and scalp, as shares of the sphere through the electrodes
STEP = 0.1  # of the lattice of candidates, as a share of the radius
HELMET_SHARE = 0.8  # of the sphere through the sensors of a MEG array: the sphere of the scalp
SILENT = 0.02  # singular values below this share of the largest: moments that make no field
DEEPEST = 0.84  # radius of the candidates
FAR = 0.020  # metres: half of the sources are found nearer in every realistic head
TURNED = 30.0  # degrees
LOUD = 6.0  # times the amplitude in the sphere


@dataclass(frozen=True)
class DipoleFit:
    """What refitted dipoles say of a lead field.

    Attributes
    ----------
    distance : float
        Median distance between claimed and found places, in metres.
    scale, turn, axis, shift
        Of the similarity transform from claimed to found places: factor, degrees, unit vector, metres at the middle.
    amplitude : float
        Gain divided by that of the sphere; negative where the polarity is reversed.
    axes_turn : float
        Degrees between the claimed and the found axes of the moments (or normals).
    """

    distance: float
    scale: float
    turn: float
    axis: np.ndarray
    shift: float
    amplitude: float
    axes_turn: float

    def fault(self, scale: float, position_scale: float) -> str:
        """Return what is wrong and the remedy, empty where nothing is; the factors are those already applied."""
        if self.distance > FAR:
            return self._place_fault(position_scale)
        if self.axes_turn > TURNED:
            return (
                f"the orientations are {self.axes_turn:.0f} degrees away from what the fields show; give columns along "
                "x, y, z of the frame of the positions, or other `normals`"
            )
        if self.amplitude < 0:
            return f"the polarity is reversed; give `scale={-scale:g}`"
        if not 1 / LOUD < self.amplitude < LOUD:
            power = 10.0 ** np.round(np.log10(self.amplitude))
            return f"the gain is {power:g} times that of a head in SI units; give `scale={scale / power:g}`"
        return ""

    def _place_fault(self, position_scale: float) -> str:
        if not 0.5 < self.scale < 2:
            power = 10.0 ** np.round(np.log10(self.scale))
            return f"the positions are not in metres; give `position_scale={position_scale * power:g}`"
        if self.turn > TURNED:
            x, y, z = self.axis
            return (
                f"the positions are turned by {self.turn:.0f} degrees about the axis ({x:.1f}, {y:.1f}, {z:.1f}) "
                "against the sensors; give `trans`, from the frame of the file to head coordinates"
            )
        return (
            f"half of the sources are found more than {1e3 * self.distance:.0f} mm from their positions (shift of the "
            f"middle: {1e3 * self.shift:.0f} mm); check the order of the channels, and `trans`"
        )

    def in_words(self) -> str:
        """Return the outcome for reports."""
        return (
            f"dipoles refitted in a sphere lie {1e3 * self.distance:.0f} mm from their positions (median), with "
            f"{self.amplitude:.2g} times the amplitude"
        )


def refit_eeg(gain: np.ndarray, pos: np.ndarray, normals: np.ndarray | None, electrodes: np.ndarray) -> DipoleFit:
    """Localise some sources of an EEG lead field again.

    Parameters
    ----------
    gain : array of shape (n_electrodes, n_sources, n_orient)
    pos : array of shape (n_sources, 3)
    normals : array of shape (n_sources, 3) | None
        For one orientation.
    electrodes : array of shape (n_electrodes, 3)
        In the frame of ``pos``, in metres.
    """
    centre, radius = fitted_sphere(electrodes)
    candidates = _lattice(radius)
    values = Conductivities()
    sigma = np.array([values.brain, values.skull, values.scalp])
    model = _referenced(np.moveaxis(sphere_eeg(electrodes - centre, candidates, radius * SHELLS, sigma), 1, 0))
    return _refit(_referenced(np.moveaxis(gain, 1, 0)), pos, normals, model, candidates + centre)


def refit_meg(gain: np.ndarray, pos: np.ndarray, normals: np.ndarray | None, coils: Sequence[Coil]) -> DipoleFit:
    """Localise some sources of a MEG lead field again.

    Parameters
    ----------
    gain : array of shape (n_coils, n_sources, n_orient)
        Of magnetometers in T/(A m), of gradiometers in T/m/(A m) or as ``coils`` weigh them.
    pos, normals
        As for `refit_eeg`.
    coils : sequence of Coil
        In the frame of ``pos``, in metres.
    """
    middles = np.array([coil.points.mean(axis=0) for coil in coils])
    centre, radius = fitted_sphere(middles)
    candidates = _lattice(HELMET_SHARE * radius)
    points, directions, weights = (
        np.concatenate([getattr(coil, part) for coil in coils]) for part in ("points", "directions", "weights")
    )
    starts = np.cumsum([0, *(len(coil.weights) for coil in coils[:-1])])
    field = weights[:, np.newaxis, np.newaxis] * sphere_meg(points - centre, directions, candidates)
    model = np.moveaxis(np.add.reduceat(field, starts, axis=0), 1, 0)
    # Channels of all kinds count alike; the ratio of the lead field to the sphere's stays what it is.
    size = np.sqrt((model**2).mean(axis=(0, 2)))[:, np.newaxis]
    return _refit(np.moveaxis(gain, 1, 0) / size, pos, normals, model / size, candidates + centre)


def _refit(
    fields: np.ndarray, pos: np.ndarray, normals: np.ndarray | None, model: np.ndarray, candidates: np.ndarray
) -> DipoleFit:
    """Compare fields (n_sources, n_sensors, n_orient) with those of candidates (n_candidates, n_sensors, 3)."""
    chosen = np.unique(np.linspace(0, len(pos) - 1, N_SOURCES).round().astype(int))
    fields = fields[chosen]
    left, values, _ = np.linalg.svd(model, full_matrices=False)
    # In MEG radial moments are silent, and at the centre of the sphere all are.
    basis = left * (values > SILENT * values.max(axis=1, keepdims=True))[:, np.newaxis]
    explained = np.einsum("kcm,sco->ksmo", basis, fields, optimize=True)
    best = (explained**2).sum(axis=(2, 3)).argmax(axis=0)
    found = candidates[best]
    moments = np.stack(
        [np.linalg.lstsq(model[k], field, rcond=SILENT)[0] for k, field in zip(best, fields, strict=True)]
    )
    amplitude, axes_turn = _moments(moments, None if normals is None else normals[chosen])
    scale, turn, shift = _similarity(pos[chosen], found)
    vector = turn.as_rotvec()
    angle = float(np.linalg.norm(vector))
    return DipoleFit(
        distance=float(np.median(np.linalg.norm(found - pos[chosen], axis=1))),
        scale=scale,
        turn=float(np.degrees(angle)),
        axis=vector / angle if angle > 0 else np.array([0.0, 0.0, 1.0]),
        shift=shift,
        amplitude=amplitude,
        axes_turn=axes_turn,
    )


def fitted_sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and radius of the sphere nearest to points (n, 3), by linear least squares."""
    design = np.column_stack([2 * points, np.ones(len(points))])
    solution = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)[0]
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


def _referenced(fields: np.ndarray) -> np.ndarray:
    """Fields (..., n_electrodes, n_orient) against their average."""
    return fields - fields.mean(axis=-2, keepdims=True)


def _lattice(radius: float) -> np.ndarray:
    ticks = np.arange(-DEEPEST, DEEPEST + STEP / 2, STEP)
    points = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    return radius * points[np.linalg.norm(points, axis=1) < DEEPEST]


def _moments(moments: np.ndarray, normals: np.ndarray | None) -> tuple[float, float]:
    """Signed amplitude, and the angle in degrees between claimed and found orientations.

    ``moments`` (n_sources, 3, n_orient) are those of fitted dipoles for unit moments along the claimed orientations.
    """
    size = np.linalg.norm(moments, axis=1)
    amplitude = float(np.median(size))
    if normals is None:
        mean = (moments / np.linalg.norm(moments, axis=(1, 2), keepdims=True)).mean(axis=0)
        left, _, right = np.linalg.svd(mean)
        sign = np.sign(np.linalg.det(left @ right))
        turn = Rotation.from_matrix(sign * (left @ right))
        return sign * amplitude, float(np.degrees(turn.magnitude()))
    length = np.linalg.norm(normals, axis=1)
    known = (length > 0) & (size[:, 0] > 0)
    cosine = (moments[known, :, 0] * normals[known]).sum(axis=1) / (length[known] * size[known, 0])
    sign = 1.0 if np.median(cosine) >= 0 else -1.0
    return sign * amplitude, float(np.degrees(np.arccos(np.clip(np.median(sign * cosine), -1, 1))))


def _similarity(claimed: np.ndarray, found: np.ndarray) -> tuple[float, Rotation, float]:
    """Scale, rotation and shift of the middle that take claimed to found places in the least-squares sense.

    S. Umeyama, IEEE Trans. Pattern Anal. 13 (1991) 376-380.
    """
    a, b = claimed - claimed.mean(axis=0), found - found.mean(axis=0)
    left, values, right = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    scale = float((values * signs).sum() / (a**2).sum())
    turn = Rotation.from_matrix(left @ np.diag(signs) @ right)
    return scale, turn, float(np.linalg.norm(found.mean(axis=0) - claimed.mean(axis=0)))
