"""The sample recording with two lead fields: its own (discrete sources) and a small cortex-like one (two surfaces)."""

from dataclasses import dataclass, replace
from pathlib import Path

import mne
import numpy as np
import pytest

from headwater.forward.leadfield import LeadField
from headwater.forward.sphere import sphere_eeg

SENSORS = {"eeg": {"meg": False, "eeg": True}, "meg": {"meg": True, "eeg": False}, "both": {"meg": True, "eeg": True}}


@dataclass(frozen=True)
class Recording:
    """One choice of sensors of the sample recording."""

    evoked: mne.Evoked
    noise_cov: mne.Covariance
    data_cov: mne.Covariance
    forward: mne.Forward
    leadfield: LeadField


@pytest.fixture(scope="session")
def sample(shared_data: Path) -> Path:
    return shared_data / "mne-sample"


@pytest.fixture(scope="session")
def evokeds(sample: Path) -> list[mne.Evoked]:
    return mne.read_evokeds(sample / "sample_right-auditory_right-visual-ave.fif", verbose="error")


@pytest.fixture(scope="session")
def noise_cov(sample: Path) -> mne.Covariance:
    return mne.read_cov(sample / "sample_audvis_trunc-cov.fif", verbose="error")


@pytest.fixture(scope="session")
def discrete_forward(sample: Path) -> mne.Forward:
    """The recording's ready forward solution: 1270 cortical positions as a discrete source space."""
    return mne.read_forward_solution(sample / "derived_sample_ico3-320bem-meg-eeg-fwd.fif", verbose="error")


@pytest.fixture(scope="session")
def discrete_leadfield(discrete_forward: mne.Forward) -> LeadField:
    """All sensors and those 1270 positions, with the z axis as normals."""
    leadfield = LeadField.from_forward(discrete_forward)
    return replace(leadfield, normals=np.tile([0.0, 0.0, 1.0], (leadfield.n_sources, 1)))


@pytest.fixture(scope="session")
def surface_forward(sample: Path, evokeds: list[mne.Evoked]) -> mne.Forward:
    """A surface source space: the inner skull shrunk to 70 %, cut in two halves, its normals tilted at random."""
    points, triangles = mne.read_surface(sample / "inner_skull.surf", verbose="error")
    points = points / 1000
    centre = points.mean(axis=0)
    points = centre + 0.7 * (points - centre)
    left = (points[triangles, 0] < centre[0]).all(axis=1)
    right = (points[triangles, 0] > centre[0]).all(axis=1)
    rng = np.random.default_rng(0)
    spaces = [_hemisphere(points, triangles[half], 101 + side, rng) for side, half in enumerate((left, right))]
    return mne.make_forward_solution(
        evokeds[0].info,
        trans=sample / "sample_audvis_trunc-trans.fif",
        src=mne.SourceSpaces(spaces),
        bem=sample / "sample-320-320-320-bem-sol.fif",
        mindist=0,
        verbose="error",
    )


def _hemisphere(points: np.ndarray, triangles: np.ndarray, identity: int, rng: np.random.Generator) -> dict:
    vertices, triangles = np.unique(triangles, return_inverse=True)
    points, triangles = points[vertices], triangles.reshape(-1, 3)
    normals = points - points.mean(axis=0)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals += 0.5 * rng.standard_normal(normals.shape)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    used = np.arange(0, len(points), 8)
    inuse = np.zeros(len(points), int)
    inuse[used] = 1
    return {
        "type": "surf",
        "id": identity,
        "coord_frame": mne.io.constants.FIFF.FIFFV_COORD_MRI,
        "rr": points,
        "nn": normals,
        "np": len(points),
        "tris": triangles,
        "ntri": len(triangles),
        "inuse": inuse,
        "vertno": used,
        "nuse": len(used),
        "use_tris": None,
        "nuse_tri": 0,
        "nearest": None,
        "nearest_dist": None,
        "pinfo": None,
        "patch_inds": None,
        "dist": None,
        "dist_limit": None,
        "subject_his_id": "sample",
    }


@pytest.fixture(scope="session")
def recordings(evokeds, noise_cov, surface_forward) -> dict[str, Recording]:
    """Choices of sensors, each with a surface lead field."""
    return {name: _recording(evokeds, noise_cov, surface_forward, **kinds) for name, kinds in SENSORS.items()}


@pytest.fixture(params=SENSORS)
def recording(request, recordings) -> Recording:
    return recordings[request.param]


def _recording(evokeds, noise_cov, forward, *, meg: bool, eeg: bool) -> Recording:
    forward = mne.pick_types_forward(forward, meg=meg, eeg=eeg)
    names = forward["sol"]["row_names"]
    evoked = evokeds[1].copy().pick(names)
    # All samples of both averages: more than channels, for with fewer MNE-Python cannot tell the null space of the
    # data from that of the projections.
    data = np.hstack([average.copy().pick(names).data for average in evokeds])
    data_cov = mne.Covariance(data @ data.T / data.shape[1], names, [], evoked.info["projs"], data.shape[1])
    return Recording(evoked.crop(0.08, 0.1), noise_cov, data_cov, forward, LeadField.from_forward(forward))


class Sphere:
    """64 electrodes on three concentric shells, of which the exact potentials are known at every position."""

    RADII = np.array([0.080, 0.086, 0.092])
    CONDUCTIVITIES = np.array([0.33, 0.33 / 50, 0.33])

    def __init__(self) -> None:
        montage = mne.channels.make_standard_montage("biosemi64")
        self.ch_names = montage.ch_names
        electrodes = np.array(list(montage.get_positions()["ch_pos"].values()))
        self.electrodes = self.RADII[-1] * electrodes / np.linalg.norm(electrodes, axis=1, keepdims=True)

    def gain_at(self, pos: np.ndarray) -> np.ndarray:
        return sphere_eeg(self.electrodes, pos, self.RADII, self.CONDUCTIVITIES)

    def leadfield(self, spacing: float = 0.015) -> LeadField:
        """Sources on a regular grid in the upper part of the brain."""
        steps = np.arange(-0.075, 0.076, spacing)
        pos = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
        pos = pos[(np.linalg.norm(pos, axis=1) < 0.07) & (pos[:, 2] > -0.02)]
        return LeadField.from_arrays(self.gain_at(pos), pos, ch_names=self.ch_names)


@pytest.fixture(scope="session")
def sphere() -> Sphere:
    return Sphere()


@pytest.fixture(scope="session")
def sphere_leadfield(sphere) -> LeadField:
    return sphere.leadfield()


@pytest.fixture(scope="session")
def leadfield() -> LeadField:
    """A smooth random lead field of 20 electrodes and 90 sources in a ball."""
    rng = np.random.default_rng(0)
    pos = 0.06 * rng.uniform(-1, 1, (90, 3))
    electrodes = rng.standard_normal((20, 3))
    electrodes *= 0.12 / np.linalg.norm(electrodes, axis=1, keepdims=True)
    away = electrodes[:, np.newaxis] - pos
    gain = away / np.linalg.norm(away, axis=2, keepdims=True) ** 3
    return LeadField.from_arrays(gain, pos, ch_names=[f"E{k}" for k in range(20)])
